"""How well a groove is reconstructed: hits, timing, velocity.

`count_reconstruction` reduces two sets of grooves to sums per window and drum;
`reconstruction_scores` turns those sums into figures. Figures are ratios of sums
over whatever is asked for (everything, a style, a drum, a bootstrap resample), never
means of ratios, so that an empty window neither counts as perfect nor as a failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.sets import (
    Scores,
    as_scores,
    check_same_length,
    ratio,
    split_grooves,
)
from keras_musicvae.grooves.drum_maps import DRUMS

MILLISECONDS_PER_MINUTE = 60_000.0
SIXTEENTHS_PER_QUARTER = 4


@dataclass(frozen=True)
class ReconstructionCounts:
    """Sums per window and drum, (n, 9) float64, except where noted.

    Attributes:
        real_hits: Hits of the real grooves.
        system_hits: Hits of the reconstruction.
        shared_hits: Cells that both hit.
        right_cells: Cells where both hit or both rest.
        timing_ms: Absolute timing errors over the shared hits, milliseconds.
        timing_squared: Squared timing errors over the shared hits, squared sixteenths.
        velocity: Absolute velocity errors over the shared hits, 0 to 1 each.
        right_steps: (n,) steps whose nine hits are all right.
        steps: (n,) steps.
    """

    real_hits: np.ndarray
    system_hits: np.ndarray
    shared_hits: np.ndarray
    right_cells: np.ndarray
    timing_ms: np.ndarray
    timing_squared: np.ndarray
    velocity: np.ndarray
    right_steps: np.ndarray
    steps: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, windows: np.ndarray | slice) -> "ReconstructionCounts":
        """The counts of some windows, chosen by a mask, indices or a slice."""
        return ReconstructionCounts(
            **{field.name: getattr(self, field.name)[windows] for field in fields(self)}
        )


def count_reconstruction(
    real: ArrayLike,
    system: ArrayLike,
    tempos: ArrayLike,
    *,
    steps_per_quarter: int = 4,
) -> ReconstructionCounts:
    """Compares reconstructed grooves with the real ones, window by window.

    Timing and velocity are compared on the hits reconstructed: cells that both hit.

    Args:
        real: (n, steps, 27), the grooves that were played.
        system: (n, steps, 27), their reconstructions, in the same order.
        tempos: (n,), quarter notes per minute of each window; turns steps into ms.
        steps_per_quarter: Steps of a quarter note. Defaults to 4.

    Raises:
        EvaluationError: Shapes that do not agree, or a tempo that is not positive.

    Example:
        >>> groove = np.zeros((1, 16, 27))
        >>> groove[0, 0, [0, 9]] = 1, 0.5
        >>> late = groove.copy()
        >>> late[0, 0, 18] = -1.0  # half a step late
        >>> counts = count_reconstruction(groove, late, [120.0])
        >>> reconstruction_scores(counts)["timing_mae_ms"]
        62.5
    """
    played, given = split_grooves(real, "real"), split_grooves(system, "system")
    if played.hits.shape != given.hits.shape:
        raise EvaluationError(
            "`real` and `system` must be the same windows in the same order. "
            f"Received: {np.shape(real)} and {np.shape(system)}"
        )
    beats = _check_tempos(tempos, len(played.hits))
    shared = played.hits & given.hits
    right = played.hits == given.hits
    # The tensor holds twice the offset.
    steps_off = np.where(shared, (played.offsets - given.offsets) / 2.0, 0.0)
    velocity_off = np.where(shared, played.velocities - given.velocities, 0.0)
    ms_per_step = MILLISECONDS_PER_MINUTE / (beats * steps_per_quarter)
    sixteenths_per_step = SIXTEENTHS_PER_QUARTER / steps_per_quarter
    return ReconstructionCounts(
        real_hits=_over_steps(played.hits),
        system_hits=_over_steps(given.hits),
        shared_hits=_over_steps(shared),
        right_cells=_over_steps(right),
        timing_ms=_over_steps(np.abs(steps_off)) * ms_per_step[:, np.newaxis],
        timing_squared=_over_steps(np.square(steps_off * sixteenths_per_step)),
        velocity=_over_steps(np.abs(velocity_off)),
        right_steps=right.all(axis=-1).sum(axis=-1, dtype=np.float64),
        steps=np.full(len(right), right.shape[1], np.float64),
    )


def reconstruction_scores(counts: ReconstructionCounts) -> Scores:
    """The figures of a reconstruction over all windows and drums.

    Args:
        counts: What `count_reconstruction` gave.

    Returns:
        `precision`, `recall`, `f1` of the hits; `step_accuracy`, the share of steps
        whose nine drums are all right (Roberts et al., 2018); `cell_accuracy`;
        `timing_mae_ms`, `timing_mse` (squared sixteenths) and `velocity_mae` over the
        hits reconstructed; `real_hits_per_window`, `hits_per_window`. NaN where the
        figure has no value, as the precision of a system that never hits.
    """
    return as_scores(weighted_reconstruction_scores(counts, np.ones(len(counts))))


def weighted_reconstruction_scores(
    counts: ReconstructionCounts, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """`reconstruction_scores` of windows that count several times, or not at all.

    Args:
        counts: What `count_reconstruction` gave.
        weights: (..., n), how often each window counts; rows of bootstrap resamples.

    Returns:
        name -> (...).
    """
    return _scores(_weighted_sums(counts, weights), sum_drums=True)


def drum_scores(
    counts: ReconstructionCounts, drums: Sequence[str] = DRUMS
) -> dict[str, Scores]:
    """The figures of `reconstruction_scores` for each drum on its own.

    A drum has no `step_accuracy`; its `cell_accuracy` is the same thing.
    """
    scores = _scores(_weighted_sums(counts, np.ones(len(counts))), sum_drums=False)
    return {
        drum: {name: float(values[i]) for name, values in scores.items()}
        for i, drum in enumerate(drums)
    }


def group_scores(counts: ReconstructionCounts, groups: ArrayLike) -> dict[str, Scores]:
    """The figures of `reconstruction_scores` for each group of windows.

    Args:
        counts: What `count_reconstruction` gave.
        groups: (n,), the group of each window, as its style.

    Returns:
        group -> figures, and `windows`, the size of the group; the largest first.
    """
    labels = np.asarray(groups)
    check_same_length(len(counts), groups=labels)
    names, sizes = np.unique(labels, return_counts=True)
    largest_first = np.argsort(-sizes, kind="stable")
    return {
        str(names[i]): {
            "windows": int(sizes[i]),
            **reconstruction_scores(counts[labels == names[i]]),
        }
        for i in largest_first
    }


def _scores(sums: dict[str, np.ndarray], *, sum_drums: bool) -> dict[str, np.ndarray]:
    """Ratios of sums: (..., 9) per drum, or (...) over all drums."""
    windows, steps = sums.pop("windows"), sums.pop("steps")
    right_steps, drums = sums.pop("right_steps"), 1
    if sum_drums:
        drums = sums["real_hits"].shape[-1]
        sums = {name: value.sum(axis=-1) for name, value in sums.items()}
    else:
        windows, steps = windows[..., np.newaxis], steps[..., np.newaxis]
    real, given, shared = (
        sums[name] for name in ("real_hits", "system_hits", "shared_hits")
    )
    scores = {
        "precision": ratio(shared, given),
        "recall": ratio(shared, real),
        "f1": ratio(2.0 * shared, real + given),
        "cell_accuracy": ratio(sums["right_cells"], steps * drums),
        "timing_mae_ms": ratio(sums["timing_ms"], shared),
        "timing_mse": ratio(sums["timing_squared"], shared),
        "velocity_mae": ratio(sums["velocity"], shared),
        "real_hits_per_window": ratio(real, windows),
        "hits_per_window": ratio(given, windows),
    }
    if sum_drums:
        scores["step_accuracy"] = ratio(right_steps, steps)
    return scores


def _weighted_sums(
    counts: ReconstructionCounts, weights: np.ndarray
) -> dict[str, np.ndarray]:
    check_same_length(len(counts), weights=weights.T)
    sums = {
        field.name: weights @ getattr(counts, field.name) for field in fields(counts)
    }
    return sums | {"windows": weights.sum(axis=-1)}


def _over_steps(cells: np.ndarray) -> np.ndarray:
    return cells.sum(axis=1, dtype=np.float64)


def _check_tempos(tempos: ArrayLike, length: int) -> np.ndarray:
    beats = np.asarray(tempos, np.float64)
    if beats.shape != (length,) or not (np.isfinite(beats) & (beats > 0)).all():
        raise EvaluationError(
            f"`tempos` must be {length} positive numbers, the quarter notes per minute "
            f"of each window. Received: shape {beats.shape}, {beats.ravel()[:5]}"
        )
    return beats
