"""Figures with their intervals, for the three things that a model does.

Each function takes arrays, so grooves of any origin (a baseline, another library's
model) are measured in the same way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from keras_musicvae.evaluation.arrays import Scores, as_scores
from keras_musicvae.evaluation.bootstrap import (
    LEVEL,
    REPEATS,
    Interval,
    bootstrap_intervals,
)
from keras_musicvae.evaluation.distributions import (
    GrooveCounts,
    count_groove,
    weighted_distribution_scores,
)
from keras_musicvae.evaluation.features import groove_features
from keras_musicvae.evaluation.metrics import (
    ReconstructionCounts,
    count_reconstruction,
    weighted_reconstruction_scores,
)
from keras_musicvae.evaluation.set_distances import set_distances

Figures = dict[str, np.ndarray]  # name -> one value per resample


@dataclass(frozen=True)
class TestSet:
    """The real grooves that a model is measured against.

    Attributes:
        grooves: (n, steps, 27).
        tempos: (n,), quarter notes per minute.
        files: (n,), the file of each window, for the bootstrap.
        styles: (n,), names.
        steps_per_bar: Steps of a bar.
        steps_per_quarter: Steps of a quarter note.
    """

    __test__ = False  # not a test case, whatever pytest makes of its name

    grooves: np.ndarray
    tempos: np.ndarray
    files: np.ndarray
    styles: np.ndarray
    steps_per_bar: int = 16
    steps_per_quarter: int = 4


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made.

    Attributes:
        repeats: Resamples. Defaults to 1000.
        level: Coverage. Defaults to 0.95.
        seed: Defaults to 0.
    """

    repeats: int = REPEATS
    level: float = LEVEL
    seed: int = 0


@dataclass(frozen=True)
class Measurement:
    """Figures, and the interval of each that has one.

    Attributes:
        figures: name -> value.
        intervals: name -> (low, high).
        counts: What a reconstruction's figures were made of, or None.
        distribution: What its distributions were made of, or None.
    """

    figures: Scores
    intervals: dict[str, Interval] = field(default_factory=dict)
    counts: ReconstructionCounts | None = None
    distribution: GrooveCounts | None = None


def measure_reconstruction(
    test: TestSet, system: np.ndarray, bootstrap: Bootstrap
) -> Measurement:
    """Reconstructions against the grooves that they reconstruct, in the same order.

    Returns:
        The figures of `reconstruction_scores` and `distribution_scores`.
    """
    counts = count_reconstruction(
        test.grooves, system, test.tempos, steps_per_quarter=test.steps_per_quarter
    )
    real, given = count_groove(test.grooves), count_groove(system)

    def statistic(weights: np.ndarray) -> Figures:
        return {
            **weighted_reconstruction_scores(counts, weights),
            **weighted_distribution_scores(
                real, given, weights, weights, steps_per_bar=test.steps_per_bar
            ),
        }

    return Measurement(
        figures=as_scores(statistic(np.ones(len(counts)))),
        intervals=_intervals(statistic, bootstrap, test.files),
        counts=counts,
        distribution=given,
    )


def measure_samples(
    test: TestSet, samples: np.ndarray, bootstrap: Bootstrap
) -> Measurement:
    """Grooves made from nothing against real ones.

    Returns:
        The figures of `distribution_scores`; real files and samples are drawn
        independently for the intervals.
    """
    real, given = count_groove(test.grooves), count_groove(samples)

    def statistic(real_weights: np.ndarray, weights: np.ndarray) -> Figures:
        return weighted_distribution_scores(
            real, given, real_weights, weights, steps_per_bar=test.steps_per_bar
        )

    return Measurement(
        figures=as_scores(statistic(np.ones(len(real)), np.ones(len(given)))),
        intervals=_intervals(statistic, bootstrap, test.files, np.arange(len(given))),
        distribution=given,
    )


def measure_features(test: TestSet, samples: np.ndarray) -> dict[str, Scores]:
    """Yang & Lerch's distances for each feature: feature -> `SetDistances.scores`.

    `real_mean` and `mean` are the means of the feature itself.
    """
    options = {
        "steps_per_bar": test.steps_per_bar,
        "steps_per_quarter": test.steps_per_quarter,
    }
    real = groove_features(test.grooves, **options)
    given = groove_features(samples, **options)
    return {
        name: {
            **set_distances(real[name], given[name]).scores(),
            "real_mean": float(real[name].mean()),
            "mean": float(given[name].mean()),
        }
        for name in real
    }


def measure_difference(
    counts: ReconstructionCounts,
    baseline: ReconstructionCounts,
    files: np.ndarray,
    bootstrap: Bootstrap,
) -> Measurement:
    """How two systems differ on the same windows: the figures less the baseline's.

    Both meet the same resamples, so what is hard for both cancels out; a difference
    whose interval excludes 0 is more than the luck of the test files.
    """

    def statistic(weights: np.ndarray) -> Figures:
        ours = weighted_reconstruction_scores(counts, weights)
        theirs = weighted_reconstruction_scores(baseline, weights)
        return {name: ours[name] - theirs[name] for name in ours}

    return Measurement(
        figures=as_scores(statistic(np.ones(len(counts)))),
        intervals=_intervals(statistic, bootstrap, files),
    )


def measure_means(
    values: Mapping[str, np.ndarray], files: np.ndarray, bootstrap: Bootstrap
) -> Measurement:
    """The mean over the windows of each of some values, (n,) each."""

    def statistic(weights: np.ndarray) -> Figures:
        total = weights.sum(axis=-1)
        return {name: weights @ array / total for name, array in values.items()}

    return Measurement(
        figures=as_scores(statistic(np.ones(len(files)))),
        intervals=_intervals(statistic, bootstrap, files),
    )


def _intervals(
    statistic: Callable[..., Figures], bootstrap: Bootstrap, *files: np.ndarray
) -> dict[str, Interval]:
    return bootstrap_intervals(
        statistic,
        *files,
        repeats=bootstrap.repeats,
        level=bootstrap.level,
        seed=bootstrap.seed,
    )
