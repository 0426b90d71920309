"""Confidence intervals by bootstrap over files.

Windows of one file resemble each other, so whole files are drawn, not windows (the
cluster bootstrap; Davison & Hinkley, "Bootstrap Methods and their Application", 1997,
section 3.8). A resample is a weight per window: how often its file was drawn.
A statistic takes many resamples at once, as one matrix of weights.
Resamples depend on the files and the seed alone, so two models that are measured on
the same windows meet the same resamples and their difference has an interval too.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError

REPEATS = 1000
LEVEL = 0.95
BLOCK = 100  # resamples held at once

Interval = tuple[float, float]


def resamples(
    files: ArrayLike, *, repeats: int, seed: int | tuple[int, ...]
) -> Iterator[np.ndarray]:
    """Draws files with replacement, as many as there are.

    Args:
        files: (n,), the file of each window: any labels.
        repeats: Number of resamples, at least 1.
        seed: Of NumPy's generator, whole numbers of at least 0.

    Yields:
        (resamples, n) float64, how often each window counts; 100 resamples at once.
    """
    labels = np.asarray(files)
    if labels.ndim != 1 or not labels.size or repeats < 1:
        raise EvaluationError(
            "A bootstrap needs the file of each window, at least one, and `repeats` >= "
            f"1. Received: files of shape {labels.shape}, repeats={repeats}"
        )
    names, file_of_window = np.unique(labels, return_inverse=True)
    generator = np.random.default_rng(seed)
    uniform = np.full(len(names), 1.0 / len(names))
    for start in range(0, repeats, BLOCK):
        rows = min(BLOCK, repeats - start)
        drawn = generator.multinomial(len(names), uniform, size=rows)
        yield drawn[:, file_of_window].astype(np.float64)


def bootstrap_intervals(
    statistic: Callable[..., Mapping[str, np.ndarray]],
    *files: ArrayLike,
    repeats: int = REPEATS,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Interval]:
    """Percentile intervals of every figure that `statistic` gives.

    Args:
        statistic: Takes weights (resamples, n) for each of `files`, gives name ->
            figures (resamples,).
        *files: (n,), the file of each window; one for each set that is drawn from, as
            real grooves and samples, which are then drawn independently.
        repeats: Resamples. Defaults to 1000.
        level: Coverage, between 0 and 1. Defaults to 0.95.
        seed: Defaults to 0; the same seed gives the same intervals.

    Returns:
        name -> (low, high). Resamples whose figure is NaN are left out; NaN if all are.

    Example:
        >>> hits = np.array([3.0, 5.0, 4.0])
        >>> mean = lambda weights: {"mean": weights @ hits / weights.sum(axis=-1)}
        >>> low, high = bootstrap_intervals(mean, ["a", "b", "c"])["mean"]
        >>> 3.0 <= low < 4.0 < high <= 5.0
        True
    """
    if not 0 < level < 1:
        raise EvaluationError(f"`level` must lie between 0 and 1. Received: {level}")
    sets = [
        resamples(labels, repeats=repeats, seed=(seed, i))
        for i, labels in enumerate(files)
    ]
    draws = [statistic(*weights) for weights in zip(*sets, strict=True)]
    tail = (1.0 - level) / 2.0
    return {
        name: _quantiles(np.concatenate([draw[name] for draw in draws]), tail)
        for name in draws[0]
    }


def _quantiles(values: np.ndarray, tail: float) -> Interval:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return (float("nan"), float("nan"))
    low, high = np.quantile(finite, [tail, 1.0 - tail])
    return (float(low), float(high))
