"""Cells of a groove that are named by drums, bars and steps."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.errors import ConfigError, shown
from keras_musicvae.grooves.drum_maps import DRUMS, NUM_DRUMS


def cells_of(
    num_bars: int,
    steps_per_bar: int,
    *,
    drums: str | Iterable[str] | None = None,
    bars: int | Iterable[int] | None = None,
    steps: int | Iterable[int] | None = None,
) -> NDArray[np.bool_]:
    """The cells of some drums in some steps of some bars.

    Args:
        num_bars: Bars of the groove.
        steps_per_bar: Steps of a bar.
        drums: Names in `DRUMS`, one or several. None: all.
        bars: Numbers of bars from 0, negative ones from the end, one or several. None:
            all.
        steps: Numbers of steps of a bar, alike. None: all.

    Returns:
        (num_bars * steps_per_bar, 9), True where a cell is meant.

    Raises:
        ConfigError: A drum, bar or step that the groove does not have, or none.

    Example:
        >>> int(cells_of(2, 16, drums="snare", bars=-1).sum())
        16
    """
    rows = np.zeros((num_bars, steps_per_bar), bool)
    chosen_bars = _numbers("bars", bars, num_bars, "the groove has")
    chosen_steps = _numbers("steps", steps, steps_per_bar, "a bar has")
    rows[np.ix_(chosen_bars, chosen_steps)] = True
    columns = np.zeros(NUM_DRUMS, bool)
    columns[_drums(drums)] = True
    return rows.reshape(-1, 1) & columns


def _drums(drums: Any) -> list[int]:
    if drums is None:
        return list(range(NUM_DRUMS))
    names = [drums] if isinstance(drums, str) else _listed(drums)
    if not names or not all(name in DRUMS for name in names):
        raise ConfigError(
            f"`drums` must be one or several of {', '.join(DRUMS)}. "
            f"Received: drums={shown(drums)}"
        )
    return [DRUMS.index(name) for name in names]


def _numbers(name: str, numbers: Any, count: int, whose: str) -> list[int]:
    if numbers is None:
        return list(range(count))
    chosen: list[Any] = [numbers] if isinstance(numbers, Integral) else _listed(numbers)
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) for n in chosen)
    if not chosen or not whole or not all(-count <= n < count for n in chosen):
        raise ConfigError(
            f"`{name}` must be one or several integers from {-count} to {count - 1}, "
            f"as {whose} {count} {name}. Received: {name}={shown(numbers)}"
        )
    return [int(n) for n in chosen]


def _listed(values: Any) -> list[Any]:
    """Several values; none if this is no series of values."""
    return list(values) if isinstance(values, Iterable) else []
