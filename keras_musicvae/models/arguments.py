"""The arguments of the verbs, checked before anything is computed.

Each function gives the argument back in its plain type, or raises a `ConfigError` that
says what is allowed.
"""

from numbers import Integral, Real
from typing import Any

from keras_musicvae.errors import ConfigError, GrooveError
from keras_musicvae.grooves.groove import MAX_TEMPO, MIN_TEMPO

# At this many grooves per call the noise alone is a gigabyte.
MAX_SAMPLES = 100_000
MAX_TEMPERATURE = 1e6


def checked_num_samples(num_samples: Any) -> int:
    """How many grooves: 1 to `MAX_SAMPLES`."""
    if not _is_integer(num_samples) or not 1 <= num_samples <= MAX_SAMPLES:
        raise ConfigError(
            f"`num_samples` must be an integer from 1 to {MAX_SAMPLES}. "
            f"Received: num_samples={num_samples!r}"
        )
    return int(num_samples)


def checked_temperature(temperature: Any) -> float:
    """0, or any number above it that is not absurd."""
    if not _is_number(temperature) or not 0 <= temperature <= MAX_TEMPERATURE:
        raise ConfigError(
            "`temperature` must be a number of at least 0. "
            f"Received: temperature={temperature!r}"
        )
    return float(temperature)


def checked_tempo(tempo: Any) -> float | None:
    """Quarter notes per minute that a MIDI file can hold; None stays None."""
    if tempo is None:
        return None
    if not _is_number(tempo) or not MIN_TEMPO <= tempo <= MAX_TEMPO:
        raise ConfigError(
            f"`tempo` must be a number from {MIN_TEMPO:.2f} to {MAX_TEMPO:,.0f} "
            f"quarter notes per minute. Received: tempo={tempo!r}"
        )
    return float(tempo)


def checked_similarity(similarity: Any) -> float:
    """0 to 1."""
    if not _is_number(similarity) or not 0 <= similarity <= 1:
        raise ConfigError(
            "`similarity` must be a number from 0 to 1. "
            f"Received: similarity={similarity!r}"
        )
    return float(similarity)


def checked_grid(steps: Any, inputs: int) -> tuple[int, int]:
    """The (rows, columns) of an interpolation; one row between two inputs."""
    if inputs not in (2, 4):
        raise GrooveError(
            "`interpolate` takes two inputs (a row) or four (the corners of a grid). "
            f"Received: {inputs}"
        )
    grid = steps
    if _is_integer(steps):
        grid = (1, steps) if inputs == 2 else (steps, steps)
    elif inputs == 2:
        grid = None
    low = (1, 2) if inputs == 2 else (2, 2)
    try:
        rows, columns = grid
        sizes = _is_integer(rows) and _is_integer(columns)
        valid = sizes and rows >= low[0] and columns >= low[1]
    except (TypeError, ValueError):
        valid = False
    if not valid or rows * columns > MAX_SAMPLES:
        allowed = "an integer" if inputs == 2 else "(rows, columns), or one integer,"
        raise ConfigError(
            f"`steps` must be {allowed} of at least 2, for at most {MAX_SAMPLES} "
            f"grooves. Received: steps={steps!r}"
        )
    return int(rows), int(columns)


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
