"""Figures of sets: is what they hold distributed as drummers play it.

Every figure is a function of weights, so that intervals (resamples of the files) and
the range of real halves (every weight 0 or 1) come from the same lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.features import (
    MIDI_MAX,
    Feature,
    FeatureInputs,
    measure_features,
)
from keras_musicvae.evaluation.sets import GrooveSet, Scores, ratio, split_grooves

Figures = dict[str, np.ndarray]  # name -> one value per resample

# Velocities are compared at MIDI's own resolution; 49 bins are no model's bins, and
# 50 are those of the published tables (Gillick et al., 2019).
GRIDS = {
    "velocity_kl_midi": ("velocities", MIDI_MAX),
    "velocity_kl_49": ("velocities", 49),
    "velocity_kl": ("velocities", 50),
    "timing_kl_49": ("offsets", 49),
    "timing_kl": ("offsets", 50),
}
_RANGES = {"velocities": (0.0, 1.0), "offsets": (-1.0, 1.0)}


@dataclass(frozen=True)
class SetCounts:
    """What the figures of a set are made of, per groove.

    Attributes:
        features: The columns of `values`.
        values: (n, features), NaN where a feature has no value.
        histograms: Name of a divergence -> (n, bins) hits in each bin.
        cells: (n, steps * 9) float64, 1 where there is a hit.
        changes: (n,) cells in which a bar differs from the bar before it.
        similarity: (n, bars, bars) Jaccard index of every two bars.
        num_bars: Bars of a groove.
    """

    features: tuple[Feature, ...]
    values: np.ndarray
    histograms: Mapping[str, np.ndarray]
    cells: np.ndarray
    changes: np.ndarray
    similarity: np.ndarray
    num_bars: int

    def __len__(self) -> int:
        return len(self.values)


def count_set(grooves: GrooveSet) -> SetCounts:
    """Counts a set of grooves for the figures below.

    Raises:
        EvaluationError: Grooves that are not whole bars, or values not finite.
    """
    features, values = measure_features(grooves)
    playing = FeatureInputs(grooves)
    bars = playing.bars
    return SetCounts(
        features=features,
        values=values,
        histograms={
            name: histograms(grooves.grooves, kind, bins)
            for name, (kind, bins) in GRIDS.items()
        },
        cells=playing.hits.reshape(len(grooves), -1).astype(np.float64),
        changes=(bars[:, 1:] != bars[:, :-1]).sum(axis=(1, 2, 3)).astype(np.float64),
        similarity=playing.similarity.astype(np.float64),
        num_bars=playing.num_bars,
    )


def histograms(grooves: ArrayLike, kind: str, bins: int) -> np.ndarray:
    """The hits of each groove in equal bins: (n, bins) float64.

    Args:
        grooves: (n, steps, 27).
        kind: `"velocities"`, 0 to 1, or `"offsets"`, -1 to 1. 127 bins of velocities
            are the MIDI values 1 to 127.
        bins: Number of bins. The upper edge belongs to the last one; what lies outside
            of the range counts at the edge.
    """
    arrays = split_grooves(grooves)
    hits = arrays.hits
    values = getattr(arrays, kind)[hits].astype(np.float64)
    low, high = _RANGES[kind]
    scaled = (values - low) / (high - low) * bins
    if kind == "velocities" and bins == MIDI_MAX:
        scaled = np.rint(scaled) - 1.0
    index = np.clip(np.floor(scaled), 0, bins - 1).astype(np.int64)
    flat = np.bincount(np.nonzero(hits)[0] * bins + index, minlength=len(hits) * bins)
    return flat.reshape(len(hits), bins).astype(np.float64)


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


def distribution_scores(real: ArrayLike, system: ArrayLike) -> Scores:
    """The divergences of the published tables, without a set around the arrays.

    Args:
        real: (n, steps, 27), the grooves that were played.
        system: (m, steps, 27), the grooves of the system.

    Returns:
        `timing_kl` and `velocity_kl`, 50 bins, nats; NaN if one set has no hit.
    """
    return {
        name: float(
            kl_divergence(
                *(histograms(x, *GRIDS[name]).sum(axis=0) for x in (real, system))
            )
        )
        for name in ("timing_kl", "velocity_kl")
    }


def playing_figures(counts: SetCounts, weights: np.ndarray) -> Figures:
    """What a set is like, by itself.

    Args:
        counts: What `count_set` gave.
        weights: (..., n), how often each groove counts.

    Returns:
        name -> (...):

        - `hits_at_127`: share of all hits at MIDI's highest velocity;
        - `grooves_with_three_hands`, `grooves_with_two_hihats`: share of the grooves
          with a step that nobody can play, see the features;
        - `grooves_with_equal_bars`: share of the grooves in which two bars have the
          same hits;
        - `bar_changes`: cells in which a bar differs from the bar before, per hit;
        - the mean of every feature of `features.py`, by its name, over the grooves
          that have it.
    """
    total = weights.sum(axis=-1)
    hits = weights @ counts.cells.sum(axis=1)
    midi = weights @ counts.histograms["velocity_kl_midi"]
    index = {feature.name: i for i, feature in enumerate(counts.features)}
    known = np.isfinite(counts.values)
    number = weights @ known.astype(np.float64)
    sums = weights @ np.where(known, counts.values, 0.0)
    means = ratio(sums, number)
    figures = {name: means[..., i] for name, i in index.items()}

    def share(name: str) -> np.ndarray:
        return weights @ (counts.values[:, index[name]] > 0).astype(np.float64) / total

    figures |= {
        "hits_at_127": ratio(midi[..., -1], midi.sum(axis=-1)),
        "grooves_with_three_hands": share("three_hands"),
        "grooves_with_two_hihats": share("two_hihats"),
    }
    if counts.num_bars > 1:
        later_bars = (counts.num_bars - 1) / counts.num_bars
        figures["grooves_with_equal_bars"] = share("repetition_equal")
        figures["bar_changes"] = ratio(weights @ counts.changes, hits * later_bars)
    return figures


def distance_figures(
    real: SetCounts, system: SetCounts, real_weights: np.ndarray, weights: np.ndarray
) -> Figures:
    """How far a set is from the real one as a distribution.

    Args:
        real: The grooves that were played.
        system: The grooves of the system, as many as there are.
        real_weights: (..., n), how often each real groove counts.
        weights: (..., m), the same for the system.

    Returns:
        name -> (...): the divergences of `GRIDS`, KL(real || system) over all hits in
        nats, NaN if one set has no hit; `drum_rate_error`, `step_rate_error` and
        `cell_rate_error`, mean absolute differences of the hit rates of the drums, of
        the steps of the window, and of both together.
    """
    rates, real_rates = hit_rates(system, weights), hit_rates(real, real_weights)
    if rates.shape[-2:] != real_rates.shape[-2:]:
        raise EvaluationError(
            "Both sets must have as many steps. Received: "
            f"{real_rates.shape[-2]} and {rates.shape[-2]}"
        )
    off = rates - real_rates
    return {
        **{
            name: kl_divergence(
                real_weights @ real.histograms[name], weights @ system.histograms[name]
            )
            for name in GRIDS
        },
        "drum_rate_error": np.abs(off.mean(axis=-2)).mean(axis=-1),
        "step_rate_error": np.abs(off.mean(axis=-1)).mean(axis=-1),
        "cell_rate_error": np.abs(off).mean(axis=(-2, -1)),
    }


def hit_rates(counts: SetCounts, weights: np.ndarray | None = None) -> np.ndarray:
    """The share of grooves that hit each cell: (..., steps, 9), 0 to 1.

    Its mean over the steps is the hit rate per drum, over the drums per step.

    Args:
        counts: What `count_set` gave.
        weights: (..., n), how often each groove counts. Defaults to once each.
    """
    if weights is None:
        weights = np.ones(len(counts))
    rates = weights @ counts.cells / weights.sum(axis=-1, keepdims=True)
    return rates.reshape(*rates.shape[:-1], -1, 9)
