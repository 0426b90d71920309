"""Musical features of a groove, one number each, for the distances between sets.

All are free of the tempo, because samples have none.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.arrays import split_grooves

FEATURES = (
    "density",
    "syncopation",
    "swing",
    "symmetry",
    "mean_velocity",
    "timing_deviation",
)


def groove_features(
    grooves: ArrayLike, *, steps_per_bar: int = 16, steps_per_quarter: int = 4
) -> Mapping[str, np.ndarray]:
    """Six features of every groove.

    Args:
        grooves: (n, steps, 27), whole bars.
        steps_per_bar: Defaults to 16.
        steps_per_quarter: Defaults to 4.

    Returns:
        name -> (n,) float64, zero for a groove without hits except where noted:

        - `density`: hits per bar, all drums.
        - `syncopation`: per bar, summed over the drums: how much stronger the strongest
          metrical position is that passes in silence before a drum's next hit than the
          position of its hit (Longuet-Higgins & Lee, "The rhythmic interpretation of
          monophonic music", Music Perception 1984). 0 when every hit is on the beat.
        - `swing`: how much later the weak subdivisions (every second step) are played
          than the strong ones, in steps; positive when they are late. 0 without
          hits on both.
        - `symmetry`: hits that the second half of the groove repeats from the first,
          as a share of the cells hit in either (0 to 1); 1 without hits.
        - `mean_velocity`: over the hits, 0 to 1.
        - `timing_deviation`: mean distance of the hits from the grid, in steps.

    Raises:
        EvaluationError: Another shape, or steps that are not whole bars.
    """
    hits, velocities, offsets = split_grooves(grooves)
    steps = hits.shape[1]
    if steps_per_bar < 1 or steps_per_quarter < 1 or steps % steps_per_bar:
        raise EvaluationError(
            f"Features need whole bars. Received: {steps} steps, "
            f"{steps_per_bar} a bar, {steps_per_quarter} a quarter"
        )
    bars = steps / steps_per_bar
    steps_late = -offsets.astype(np.float64) / 2.0  # the tensor holds 2 * steps early
    weights = metrical_weights(steps, steps_per_bar, steps_per_quarter)
    return {
        "density": hits.sum(axis=(1, 2)) / bars,
        "syncopation": _syncopation(hits, weights) / bars,
        "swing": _swing(hits, steps_late),
        "symmetry": _symmetry(hits),
        "mean_velocity": _mean(velocities, hits),
        "timing_deviation": _mean(np.abs(steps_late), hits),
    }


def metrical_weights(
    steps: int, steps_per_bar: int, steps_per_quarter: int
) -> np.ndarray:
    """The metrical strength of each step: (steps,) int, 0 strongest, then negative.

    0 on the downbeat, -1 on the half bar (where it is a beat), -2 on the other
    beats, -3 on half beats, -4 elsewhere.
    """
    position = np.arange(steps) % steps_per_bar
    beat = position % steps_per_quarter == 0
    half_beat = 2 * position % steps_per_quarter == 0
    half_bar = beat & (2 * position == steps_per_bar)
    return np.select([position == 0, half_bar, beat, half_beat], [0, -1, -2, -3], -4)


def _syncopation(hits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    silent = np.full((len(hits), hits.shape[2]), np.iinfo(np.int64).min)
    total = np.zeros(len(hits))
    # Backwards: `silent` is the strongest step between here and the drum's next hit.
    for step in reversed(range(hits.shape[1])):
        hit, weight = hits[:, step], weights[step]
        excess = np.where(silent > weight, silent - weight, 0)
        total += np.where(hit, excess, 0).sum(axis=1)
        silent = np.where(hit, np.iinfo(np.int64).min, np.maximum(silent, weight))
    return total


def _swing(hits: np.ndarray, steps_late: np.ndarray) -> np.ndarray:
    strong, weak = hits[:, 0::2], hits[:, 1::2]
    swing = _mean(steps_late[:, 1::2], weak) - _mean(steps_late[:, 0::2], strong)
    both = weak.any(axis=(1, 2)) & strong.any(axis=(1, 2))
    return np.where(both, swing, 0.0)


def _symmetry(hits: np.ndarray) -> np.ndarray:
    half = hits.shape[1] // 2
    first, second = hits[:, :half], hits[:, half : 2 * half]
    either = (first | second).sum(axis=(1, 2))
    both = (first & second).sum(axis=(1, 2))
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def _mean(values: np.ndarray, hits: np.ndarray) -> np.ndarray:
    count = hits.sum(axis=(1, 2))
    total = np.where(hits, values, 0.0).sum(axis=(1, 2), dtype=np.float64)
    return total / np.maximum(count, 1)
