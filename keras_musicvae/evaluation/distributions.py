"""Are timing, velocity and hits distributed as drummers play them.

The divergences compare histograms over all hits of two sets; hit rates compare where
the hits are. They need no pairing, so they measure samples and reconstructions alike.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.arrays import (
    Scores,
    as_scores,
    check_same_length,
    split_grooves,
)

NUM_BINS = 50
VELOCITY_RANGE = (0.0, 1.0)
OFFSET_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class GrooveCounts:
    """What the distributions of a set are made of, per window.

    Attributes:
        timing: (n, 50) hits in each bin of the offset, -1 to 1.
        velocity: (n, 50) hits in each bin of the velocity, 0 to 1.
        hits: (n, steps, 9) bool.
    """

    timing: np.ndarray
    velocity: np.ndarray
    hits: np.ndarray

    def __len__(self) -> int:
        return len(self.hits)

    @cached_property
    def cells(self) -> np.ndarray:
        """(n, steps * 9) float64, 1 where there is a hit: ready to be multiplied."""
        return self.hits.reshape(len(self.hits), -1).astype(np.float64)


def count_groove(grooves: ArrayLike, name: str = "grooves") -> GrooveCounts:
    """Counts a set of grooves for the figures below.

    Args:
        grooves: (n, steps, 27).
        name: What to call the array in an error message.

    Raises:
        EvaluationError: Another shape, or values that are not finite.
    """
    hits, velocities, offsets = split_grooves(grooves, name)
    return GrooveCounts(
        timing=_window_histograms(hits, offsets, OFFSET_RANGE),
        velocity=_window_histograms(hits, velocities, VELOCITY_RANGE),
        hits=hits,
    )


def kl_divergence(real: ArrayLike, system: ArrayLike) -> np.ndarray:
    """KL(real || system) in nats of two histograms over one grid.

    One is added to each bin (Laplace), so that an empty bin costs much, not infinity.

    Args:
        real: (..., bins) counts.
        system: (..., bins) counts.

    Returns:
        (...); NaN where a histogram is empty: smoothed, it would pass for a uniform
        and rather good one.

    Example:
        >>> float(kl_divergence([5, 5], [50, 50]))
        0.0
    """
    p, q = np.asarray(real, np.float64), np.asarray(system, np.float64)
    if p.shape != q.shape or not p.ndim:
        raise EvaluationError(
            f"Histograms must share one grid. Received: {p.shape} and {q.shape}"
        )
    known = p.any(axis=-1) & q.any(axis=-1)
    p, q = p + 1.0, q + 1.0
    p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
    return np.where(known, np.sum(p * np.log(p / q), axis=-1), np.nan)


def distribution_scores(
    real: GrooveCounts, system: GrooveCounts, *, steps_per_bar: int = 16
) -> Scores:
    """How far two sets of grooves are apart as distributions.

    Args:
        real: The grooves that were played.
        system: The grooves of the model, as many as you like.
        steps_per_bar: Defaults to 16.

    Returns:
        `timing_kl` and `velocity_kl`, KL(real || system) over all hits, 50 bins, nats,
        NaN if one set has no hit;
        `real_hits_per_bar` and `hits_per_bar`; `real_bar_changes` and `bar_changes`,
        cells in which a bar differs from the bar before, per hit (0: all are alike),
        NaN without a second bar; `drum_rate_error` and `step_rate_error`,
        mean absolute differences of `hit_rates` over the drums and over the
        steps of the window, and `cell_rate_error`, over both.
    """
    weights = np.ones(len(real)), np.ones(len(system))
    return as_scores(
        weighted_distribution_scores(
            real, system, *weights, steps_per_bar=steps_per_bar
        )
    )


def weighted_distribution_scores(
    real: GrooveCounts,
    system: GrooveCounts,
    real_weights: np.ndarray,
    system_weights: np.ndarray,
    *,
    steps_per_bar: int = 16,
) -> dict[str, np.ndarray]:
    """`distribution_scores` of grooves that count several times, or not at all.

    Args:
        real: The grooves that were played.
        system: The grooves of the model.
        real_weights: (..., n), how often each real groove counts.
        system_weights: (..., m), the same for the system.
        steps_per_bar: Defaults to 16.

    Returns:
        name -> (...).
    """
    if real.hits.shape[1:] != system.hits.shape[1:]:
        raise EvaluationError(
            "Both sets must have as many steps. Received: "
            f"{real.hits.shape[1]} and {system.hits.shape[1]}"
        )
    real_rates = hit_rates(real, real_weights)
    rates = hit_rates(system, system_weights)
    off = rates - real_rates
    return {
        "timing_kl": kl_divergence(
            real_weights @ real.timing, system_weights @ system.timing
        ),
        "velocity_kl": kl_divergence(
            real_weights @ real.velocity, system_weights @ system.velocity
        ),
        "real_hits_per_bar": real_rates.sum(axis=-1).mean(axis=-1) * steps_per_bar,
        "hits_per_bar": rates.sum(axis=-1).mean(axis=-1) * steps_per_bar,
        "real_bar_changes": bar_changes(real, real_weights, steps_per_bar),
        "bar_changes": bar_changes(system, system_weights, steps_per_bar),
        "drum_rate_error": np.abs(off.mean(axis=-2)).mean(axis=-1),
        "step_rate_error": np.abs(off.mean(axis=-1)).mean(axis=-1),
        "cell_rate_error": np.abs(off).mean(axis=(-2, -1)),
    }


def hit_rates(counts: GrooveCounts, weights: np.ndarray | None = None) -> np.ndarray:
    """The share of windows that hit each cell: (..., steps, 9), 0 to 1.

    Its mean over the steps is the hit rate per drum, over the drums per step.

    Args:
        counts: What `count_groove` gave, of one groove at least.
        weights: (..., n), how often each groove counts. Defaults to once each.
    """
    if weights is None:
        weights = np.ones(len(counts))
    check_same_length(len(counts), weights=weights.T)
    if not len(counts):
        raise EvaluationError(
            "A distribution needs at least one groove. Received: none"
        )
    rates = weights @ counts.cells / weights.sum(axis=-1, keepdims=True)
    return rates.reshape(*rates.shape[:-1], *counts.hits.shape[1:])


def bar_changes(
    counts: GrooveCounts, weights: np.ndarray, steps_per_bar: int
) -> np.ndarray:
    """Cells in which a bar differs from the bar before it, per hit of these bars.

    Args:
        counts: What `count_groove` gave.
        weights: (..., n), how often each groove counts.
        steps_per_bar: Steps of a bar; what is left of the window is not looked at.

    Returns:
        (...): sum over sum; NaN where there is no second bar, or no hit in one.
    """
    number, steps, drums = counts.hits.shape
    bars = counts.hits[:, : steps - steps % steps_per_bar]
    bars = bars.reshape(number, -1, steps_per_bar * drums)
    changes = weights @ (bars[:, 1:] != bars[:, :-1]).sum(axis=(1, 2))
    hits = weights @ bars[:, 1:].sum(axis=(1, 2))
    return np.where(hits > 0, changes / np.where(hits > 0, hits, 1), np.nan)


def _window_histograms(
    hits: np.ndarray, values: np.ndarray, value_range: tuple[float, float]
) -> np.ndarray:
    low, high = value_range
    window = np.nonzero(hits)[0]
    scaled = (values[hits].astype(np.float64) - low) / (high - low) * NUM_BINS
    # The top edge belongs to the last bin, as in `np.histogram`; what a model gives
    # beyond the range counts at the edge instead of vanishing.
    bins = np.clip(scaled.astype(np.int64), 0, NUM_BINS - 1)
    flat = np.bincount(window * NUM_BINS + bins, minlength=len(hits) * NUM_BINS)
    return flat.reshape(len(hits), NUM_BINS).astype(np.float64)
