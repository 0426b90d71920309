"""Checks and splits the arrays that every measurement starts from.

A set of grooves is one array (n, steps, 27): hits, velocities and offsets of the nine
drums side by side, offsets being `2 * steps` and positive when early.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError
from keras_musicvae.grooves.drum_maps import NUM_DRUMS

HIT_THRESHOLD = 0.5

Scores = dict[str, float]  # name of a figure -> its value, NaN where it has none


class GrooveArrays(NamedTuple):
    """The three parts of a set of grooves, each (n, steps, 9).

    Attributes:
        hits: bool.
        velocities: float, 0 to 1; meaningful where there is a hit.
        offsets: float, -1 to 1, twice the offset in steps, positive when early;
            meaningful where there is a hit.
    """

    hits: np.ndarray
    velocities: np.ndarray
    offsets: np.ndarray


def split_grooves(grooves: ArrayLike, name: str = "grooves") -> GrooveArrays:
    """Splits grooves into hits, velocities and offsets.

    Args:
        grooves: (n, steps, 27), numbers; a hit is a value above 0.5.
        name: What to call the array in an error message.

    Raises:
        EvaluationError: Another shape, or a value that is not finite.
    """
    array = np.asarray(grooves)
    if array.ndim != 3 or array.shape[-1] != 3 * NUM_DRUMS or not array.shape[1]:
        raise EvaluationError(
            f"`{name}` must have the shape (n, steps, {3 * NUM_DRUMS}): hits, "
            f"velocities and offsets of {NUM_DRUMS} drums. Received: {array.shape}"
        )
    if not np.isfinite(array).all():
        raise EvaluationError(
            f"`{name}` must be finite. Received: values that are NaN or infinite; "
            "a model that gives them has diverged"
        )
    hits, velocities, offsets = np.split(array, 3, axis=-1)
    return GrooveArrays(hits > HIT_THRESHOLD, velocities, offsets)


def check_same_length(length: int, **arrays: np.ndarray) -> None:
    """Raises `EvaluationError` unless every array has `length` rows."""
    for name, array in arrays.items():
        if len(array) != length:
            raise EvaluationError(
                f"`{name}` must have one entry per groove, {length}. "
                f"Received: {len(array)}"
            )


def as_scores(figures: Mapping[str, np.ndarray]) -> Scores:
    """Figures of one set, arrays of one number each, as plain numbers."""
    return {name: float(value) for name, value in figures.items()}
