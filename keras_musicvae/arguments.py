"""The arguments of the verbs: each once, with its range, its meaning and its default.

The verbs of `MusicVAE` check their arguments by this table, and the commands make their
options and help texts from it. Neither Keras nor a backend is imported here.
"""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

from keras_musicvae.errors import ConfigError, GrooveError
from keras_musicvae.grooves.drum_maps import DRUMS
from keras_musicvae.grooves.groove import MAX_NUMERATOR, MAX_TEMPO, MIN_TEMPO
from keras_musicvae.rules import Rule, checked, choice, flag, integer, number

# At this many grooves per call the noise alone is a gigabyte.
MAX_SAMPLES = 100_000
MAX_BARS = 1_024


@dataclass(frozen=True)
class Argument:
    """One argument of the verbs.

    Attributes:
        name: Its name in Python; the option's is `--name`.
        rule: What is allowed, as a check and in words.
        text: What it means, in a phrase.
        default: None if the argument may be left open.
        when_open: What is taken then.
        several: Whether it is one value or several of them.
        key: Its name in `ARGUMENTS`. Defaults to `name`.
    """

    name: str
    rule: Rule
    text: str
    default: Any = None
    when_open: str = ""
    several: bool = False
    key: str = ""

    def checked(self, value: Any) -> Any:
        """The value in its plain type; None stays None if it may be left open.

        Raises:
            ConfigError: It is not allowed.
        """
        if value is None and self.default is None:
            return None
        return checked(self.name, self.rule, value)


ARGUMENTS = {
    argument.key or argument.name: argument
    for argument in (
        Argument(
            "num_samples",
            integer(1, MAX_SAMPLES),
            "how many grooves; with inputs, how many for each",
            1,
        ),
        Argument(
            "temperature",
            number(0, 1e6),
            "1 draws from the model's own distribution, lower values are tidier, 0 is "
            "deterministic",
            1.0,
        ),
        Argument(
            "seed",
            integer(0),
            "the same seed gives the same notes on every backend",
            when_open="a new one, which is reported",
        ),
        Argument(
            "tempo",
            number(MIN_TEMPO, MAX_TEMPO),
            "quarter notes per minute",
            when_open="that of the input, else 120",
        ),
        Argument(
            "similarity",
            number(0, 1),
            "from 0, unrelated grooves, to 1, the groove itself",
            0.8,
        ),
        Argument(
            "steps",
            integer(2, MAX_SAMPLES),
            "how many grooves, both ends included; for a grid rows and columns, or one "
            "number for both",
            5,
            several=True,
        ),
        Argument(
            "sample",
            flag(),
            "draw z from the posterior in place of its mean",
            False,
        ),
        Argument(
            "strength",
            number(0, 1),
            "from 0, the feel of the input, to 1, the feel of the model",
            1.0,
        ),
        Argument(
            "timing",
            number(0, 1),
            "the strength for the timing alone",
            when_open="that of the strength",
        ),
        Argument(
            "velocity",
            number(0, 1),
            "the strength for the velocities alone",
            when_open="that of the strength",
        ),
        Argument(
            "amount",
            number(0, 1),
            "from 0, the input's own feel, to 1, that of the other",
            1.0,
        ),
        Argument(
            "drums",
            choice(DRUMS),
            "drums to make anew",
            when_open="all",
            several=True,
        ),
        Argument(
            "bars",
            integer(-MAX_BARS, MAX_BARS),
            "bars to make anew, from 0, or from the end: -1 is the last",
            when_open="all",
            several=True,
            key="infill_bars",
        ),
        Argument(
            "steps",
            integer(-MAX_BARS, MAX_BARS),
            "steps of the bar to make anew, from 0, or from the end",
            when_open="all",
            several=True,
            key="infill_steps",
        ),
        Argument("bars", integer(1, MAX_BARS), "how many bars", 4),
        Argument(
            "bar",
            integer(-MAX_BARS, MAX_BARS),
            "the bar, from 0, or from the end: -1 is the last",
            -1,
        ),
        Argument(
            "beats",
            integer(1, MAX_NUMERATOR),
            "how many beats at the end of the bar",
            when_open="the whole bar",
        ),
    )
}


checked_num_samples = ARGUMENTS["num_samples"].checked
checked_temperature = ARGUMENTS["temperature"].checked
checked_tempo = ARGUMENTS["tempo"].checked
checked_similarity = ARGUMENTS["similarity"].checked


def checked_grid(steps: Any, inputs: int) -> tuple[int, int]:
    """The (rows, columns) of an interpolation; one row between two inputs."""
    if inputs not in (2, 4):
        raise GrooveError(
            "`interpolate` takes two inputs (a row) or four (the corners of a grid). "
            f"Received: {inputs}"
        )
    one, allowed = ARGUMENTS["steps"].rule
    try:
        if inputs == 2:
            rows, columns = 1, one(steps)
        elif isinstance(steps, Integral):
            rows = columns = one(steps)
        else:
            rows, columns = map(one, steps)
        valid = rows * columns <= MAX_SAMPLES
    except (TypeError, ValueError):
        valid = False
    if not valid:
        shape = "" if inputs == 2 else ", or (rows, columns)"
        raise ConfigError(
            f"`steps` must be {allowed}{shape}, for at most {MAX_SAMPLES:,} grooves. "
            f"Received: steps={steps!r}"
        )
    return rows, columns
