"""Holds sets of grooves against drummers, side by side.

    Reference --> measure_set(system, reference) --> Column
    evaluate([system, ...], reference) --> Evaluation, with the columns of real drummers

docs/evaluation.md is the protocol: splits, windows, seeds, numbers of samples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.bootstrap import (
    LEVEL,
    REPEATS,
    Interval,
    bootstrap_intervals,
)
from keras_musicvae.evaluation.classifier import TESTS, two_sample_test
from keras_musicvae.evaluation.conditions import StyleJudge, condition_scores
from keras_musicvae.evaluation.distributions import (
    Figures,
    SetCounts,
    count_set,
    distance_figures,
    playing_figures,
)
from keras_musicvae.evaluation.neighbours import (
    copy_figures,
    nearest_hit_patterns,
    set_overlap,
)
from keras_musicvae.evaluation.sets import (
    GrooveSet,
    Scores,
    as_scores,
    set_of_windows,
    split_grooves,
)

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows

NUM_SAMPLES = 2000
TEMPERATURES = (1.0,)  # the default, with which the examples are made
DRUMMERS_SEED = 0
HALVES = 40  # splits of the reference into two halves of its files
TESTED_HALVES = 4  # of these, how many the classifiers see
COMMON = 0.5  # share of the real grooves that must have a feature for it to be judged
MOST_COPIED = 5  # training windows that are named
NEAR_COPY = 2  # cells

# Of these sections a figure belongs to one set, and is compared with the reference's;
# those of the others compare two sets.
OWN_SECTIONS = ("playing", "copies")


@dataclass(frozen=True)
class Reference:
    """What systems are held against.

    Attributes:
        real: The windows of the reference split, without overlap.
        training: Every window of the train split; None leaves out the copies, the
            baselines and the column of the training drummers.
        drummers: 2000 of the train split's windows without overlap; copies of them
            are sought in other files than their own.
        file_names: The names that the numbers in `training.files` stand for.
        start_bars: (n,) the bar of its file at which each window of `training` begins.
        about: The data, as JSON.
    """

    real: GrooveSet
    training: GrooveSet | None = None
    drummers: GrooveSet | None = None
    file_names: Sequence[str] = ()
    start_bars: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: "GrooveWindows", split: str = "test") -> "Reference":
        """The reference that a preprocessed dataset makes.

        Args:
            dataset: Holds the split and, for the copies, a train split.
            split: `"test"`, or `"validation"` for whatever is tuned or chosen;
                `"train"` has no training set to be compared with.

        Raises:
            EvaluationError: Fewer than two windows.
            DatasetError: No such split.
        """
        windows = dataset.canonical(split)
        real = set_of_windows(windows, split)
        about = {
            "split": split,
            "windows": len(real),
            "files": len(np.unique(real.labels)),
            "num_bars": real.num_bars,
            "hits": int(split_grooves(real.grooves).hits.sum()),
            "source": dict(dataset.info.get("source", {})),
            "config": dict(dataset.info["config"]),
        }
        train = dataset.split("train")
        if split == "train" or len(train) < 2:
            return cls(real=real, about=about)
        held_out = f"real: files of the same drummers, but none of the {split} split"
        return cls(
            real=real,
            training=set_of_windows(train, "train"),
            drummers=set_of_windows(
                dataset.canonical("train"), "train drummers", held_out=held_out
            ).draw(NUM_SAMPLES, DRUMMERS_SEED),
            file_names=train.file_names,
            start_bars=np.asarray(train.start_bar),
            about=about,
        )

    @cached_property
    def counts(self) -> SetCounts:
        """What the figures of the real set are made of."""
        return count_set(self.real)

    @cached_property
    def cells(self) -> np.ndarray | None:
        """(n,) cells by which each real window differs from the nearest of training."""
        if self.training is None:
            return None
        return nearest_hit_patterns(self.real.grooves, self.training.grooves)[0]

    @cached_property
    def styles(self) -> StyleJudge | None:
        """A classifier of styles, trained on the training windows."""
        source = self.drummers
        if source is None or source.styles is None:
            return None
        return StyleJudge.trained(source)


@dataclass(frozen=True)
class Settings:
    """How figures and their intervals are made.

    Attributes:
        repeats: Bootstrap resamples. Defaults to 1000.
        level: Coverage of the intervals. Defaults to 0.95.
        seed: Of folds, resamples, halves and draws. Defaults to 0.
    """

    repeats: int = REPEATS
    level: float = LEVEL
    seed: int = 0


@dataclass(frozen=True)
class Column:
    """What was measured of one set.

    Attributes:
        name: Its name in tables.
        held_out: What its maker saw of the reference data.
        number: Grooves.
        figures: section -> name -> value. Sections: `told_apart` (areas under the ROC
            curves of the two-sample tests), `distance`, `overlap`, `copies`, `playing`
            and, if conditions were asked for, `conditions`.
        intervals: section -> name -> (low, high), for the figures that have one.
        outside: (section, name) of the figures outside of the range of real halves.
        importance: Feature -> what the classifier of all features owes to it.
        most_copied: The training windows that the most grooves have the hits of, or
            nearly: `file`, `bar`, `grooves`, `cells` (the fewest that differ).
        counts: What the figures were made of.
    """

    name: str
    held_out: str
    number: int
    figures: Mapping[str, Scores]
    intervals: Mapping[str, Mapping[str, Interval]]
    counts: SetCounts = field(repr=False)
    outside: tuple[tuple[str, str], ...] = ()
    importance: Mapping[str, float] = field(default_factory=dict)
    most_copied: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Evaluation:
    """Systems side by side.

    Attributes:
        about: The data and the settings, as JSON.
        reference: The real grooves: the figures of `OWN_SECTIONS`.
        halves: section -> name -> the range of real halves; of a figure of
            `OWN_SECTIONS` the range of the difference between two sets.
        columns: The training drummers, then the systems.
        models: Preset -> what was measured of the model itself, see `measure_model`.
    """

    about: Mapping[str, Any]
    reference: Column
    halves: Mapping[str, Mapping[str, Interval]]
    columns: Sequence[Column]
    models: Mapping[str, Any] = field(default_factory=dict)


def evaluate(
    systems: Sequence[GrooveSet],
    reference: Reference,
    *,
    settings: Settings | None = None,
    models: Mapping[str, Any] | None = None,
    on_progress: Callable[[str], None] = lambda name: None,
) -> Evaluation:
    """Measures sets of grooves, and real drummers beside them.

    Args:
        systems: Sets with names of their own, of as many steps as the reference's.
        reference: What they are held against.
        settings: Defaults to `Settings()`.
        models: Kept in the result: preset -> what `measure_model` gave.
        on_progress: Called with the name of each set before it is measured.

    Returns:
        The figures; the same sets and settings give the same ones.

    Raises:
        EvaluationError: Two sets of one name, or grooves of another length.
        MissingExtraError: scikit-learn (extra `evaluate`) is not installed.

    Example:
        ```python
        reference = Reference.of(GrooveWindows.load("data/groove_4bar"))
        mine = GrooveSet("mine", arrays)  # (n, 64, 27)
        result = evaluate([mine], reference)
        result.columns[-1].figures["told_apart"]["all"]
        ```
    """
    settings = settings or Settings()
    names = [system.name for system in systems]
    if len(set(names)) < len(names):
        raise EvaluationError(f"Systems need names of their own. Received: {names}")
    sets = list(systems)
    if reference.drummers is not None:
        sets.insert(0, reference.drummers)
    on_progress("real halves")
    halves = measure_halves(reference, settings)
    columns = []
    for one in sets:
        on_progress(one.name)
        column = measure_set(one, reference, settings)
        columns.append(replace(column, outside=outside(column, reference, halves)))
    return Evaluation(
        about={
            "data": reference.about,
            "settings": {**settings.__dict__, "halves": HALVES},
        },
        reference=measure_reference(reference, settings),
        halves=halves,
        columns=columns,
        models=models or {},
    )


def measure_set(system: GrooveSet, reference: Reference, settings: Settings) -> Column:
    """Every figure of one set, see `Column`; `outside` stays empty."""
    real = reference.real
    if system.grooves.shape[1:] != real.grooves.shape[1:]:
        raise EvaluationError(
            f"`{system.name}` must have grooves of {real.grooves.shape[1]} steps, as "
            f"the reference has. Received: {system.grooves.shape[1]}"
        )
    nearest = _nearest(system, reference)
    cells = None if nearest is None else nearest.cells
    files = _groups(system, reference, nearest)
    counts = count_set(system)
    tests = {
        aspect: two_sample_test(
            reference.counts.values,
            counts.values,
            real.labels,
            files,
            counts.features,
            aspect=aspect,
            importance=aspect == "all",
            **settings.__dict__,
        )
        for aspect in TESTS
    }
    figures = {
        "told_apart": {aspect: test.auc for aspect, test in tests.items()},
        "overlap": set_overlap(
            reference.counts.values, counts.values, real.labels, files
        ),
        "distance": as_scores(
            distance_figures(
                reference.counts, counts, np.ones(len(real)), np.ones(len(system))
            )
        ),
        **_own_scores(counts, cells),
    }
    if system.asked:
        figures["conditions"] = condition_scores(system, counts, reference.styles)
    intervals = {
        "told_apart": {aspect: test.interval for aspect, test in tests.items()},
        "distance": bootstrap_intervals(
            lambda a, b: distance_figures(reference.counts, counts, a, b),
            real.labels,
            files,
            **settings.__dict__,
        ),
        **_own_intervals(counts, cells, files, settings),
    }
    return Column(
        name=system.name,
        held_out=system.held_out,
        number=len(system),
        figures=figures,
        intervals=intervals,
        importance=tests["all"].importance,
        most_copied=_most_copied(reference, nearest),
        counts=counts,
    )


def measure_reference(reference: Reference, settings: Settings) -> Column:
    """The figures that the real grooves have by themselves."""
    real, counts, cells = reference.real, reference.counts, reference.cells
    figures: dict[str, Scores] = _own_scores(counts, cells)
    intervals = _own_intervals(counts, cells, real.labels, settings)
    if reference.styles is not None:
        asked = {} if real.styles is None else {"style": real.styles}
        real = replace(real, asked=asked)
        figures["conditions"] = condition_scores(real, counts, reference.styles)
    return Column(
        name=real.name,
        held_out="the reference",
        number=len(real),
        figures=figures,
        intervals=intervals,
        counts=counts,
    )


def measure_halves(
    reference: Reference, settings: Settings
) -> dict[str, dict[str, Interval]]:
    """The range that each figure has between two halves of the real files.

    The files are split in two at random, `HALVES` times, and one half is measured
    against the other. A range is as many standard deviations wide as it takes for all
    figures of all splits to lie inside, so that real grooves stay inside however many
    figures there are. Features that few real grooves have (`COMMON`) get none. The
    classifiers see `TESTED_HALVES` of the splits; their range goes up to the highest
    end of an interval.

    Raises:
        EvaluationError: Fewer than ten files.
    """
    real, counts = reference.real, reference.counts
    names, file_of = np.unique(real.labels, return_inverse=True)
    if len(names) < 10:
        raise EvaluationError(
            "The reference must have at least 10 files to be split in halves. "
            f"Received: {len(names)}"
        )
    generator = np.random.default_rng(settings.seed)
    first = np.zeros((HALVES, len(real)))
    for row in range(HALVES):
        chosen = generator.permutation(len(names)) < len(names) // 2
        first[row] = chosen[file_of]
    second = 1.0 - first
    sections = {
        "distance": distance_figures(counts, counts, first, second),
        "overlap": _half_overlaps(counts, real.labels, first > 0),
    }
    for section, of in _own(counts, reference.cells).items():
        before, after = of(first), of(second)
        sections[section] = {name: after[name] - before[name] for name in before}
    known = np.isfinite(counts.values).mean(axis=0)
    for feature, share in zip(counts.features, known, strict=True):
        if share < COMMON:
            del sections["playing"][feature.name]
    ranges = _ranges(sections, smallest=1.0 / len(real))
    # Nearer than a half is not worse: these have one side.
    for name, (_, high) in ranges["distance"].items():
        ranges["distance"][name] = (0.0, high)
    for name, (low, _) in ranges["overlap"].items():
        ranges["overlap"][name] = (low, 1.0)
    ranges["told_apart"] = _half_tests(counts, real.labels, first > 0, settings)
    return ranges


def outside(
    column: Column, reference: Reference, halves: Mapping[str, Mapping[str, Interval]]
) -> tuple[tuple[str, str], ...]:
    """The figures of a column that no real half has: (section, name), in order.

    A figure of the two-sample tests is outside if its whole interval is.
    """
    own = _own_scores(reference.counts, reference.cells)
    found = []
    for section, ranges in halves.items():
        for name, (low, high) in ranges.items():
            value = column.figures.get(section, {}).get(name, np.nan)
            value -= own.get(section, {}).get(name, 0.0)
            least = most = value
            if section == "told_apart":
                least, most = column.intervals[section][name]
            if least > high or most < low:
                found.append((section, name))
    return tuple(found)


# --- Helpers ------------------------------------------------------------------


@dataclass(frozen=True)
class _Nearest:
    """The training window with the most similar hits: cells that differ, its index."""

    cells: np.ndarray
    index: np.ndarray


def _nearest(system: GrooveSet, reference: Reference) -> _Nearest | None:
    training = reference.training
    if training is None:
        return None
    files = None
    if system is reference.drummers:
        files = system.labels, training.labels
    return _Nearest(
        *nearest_hit_patterns(system.grooves, training.grooves, files=files)
    )


def _groups(
    system: GrooveSet, reference: Reference, nearest: _Nearest | None
) -> np.ndarray:
    """The file that each groove of a system comes from, for folds and resamples.

    Where the set does not say, it is the file of the window whose hits are the nearest,
    of training or of the reference.
    """
    if system.files is not None:
        return np.array([f"{system.name}: {file}" for file in system.files])
    cells, index = nearest_hit_patterns(system.grooves, reference.real.grooves)
    files = reference.real.labels[index].astype(str)
    if nearest is None or reference.training is None:
        return files
    trained = reference.training.labels[nearest.index].astype(str)
    return np.where(nearest.cells <= cells, trained, files)


def _own(
    counts: SetCounts, cells: np.ndarray | None
) -> dict[str, Callable[[np.ndarray], Figures]]:
    """The sections of `OWN_SECTIONS` as functions of weights (..., n)."""
    sections: dict[str, Callable[[np.ndarray], Figures]] = {
        "playing": partial(playing_figures, counts)
    }
    if cells is not None:
        hits = counts.cells.sum(axis=1)
        sections["copies"] = partial(copy_figures, cells, hits)
    return sections


def _own_scores(counts: SetCounts, cells: np.ndarray | None) -> dict[str, Scores]:
    ones = np.ones(len(counts))
    return {name: as_scores(of(ones)) for name, of in _own(counts, cells).items()}


def _own_intervals(
    counts: SetCounts, cells: np.ndarray | None, files: np.ndarray, settings: Settings
) -> dict[str, dict[str, Interval]]:
    return {
        name: bootstrap_intervals(of, files, **settings.__dict__)
        for name, of in _own(counts, cells).items()
    }


def _half_overlaps(
    counts: SetCounts, files: np.ndarray, first: np.ndarray
) -> dict[str, np.ndarray]:
    scores = [
        set_overlap(counts.values[a], counts.values[~a], files[a], files[~a])
        for a in first
    ]
    return {name: np.array([one[name] for one in scores]) for name in scores[0]}


def _half_tests(
    counts: SetCounts, files: np.ndarray, first: np.ndarray, settings: Settings
) -> dict[str, Interval]:
    ranges = {}
    for aspect in TESTS:
        intervals = np.array(
            [
                two_sample_test(
                    counts.values[a],
                    counts.values[~a],
                    files[a],
                    files[~a],
                    counts.features,
                    aspect=aspect,
                    **settings.__dict__,
                ).interval
                for a in first[:TESTED_HALVES]
            ]
        )
        low, high = intervals.T
        # With few files the AUC of equal sets falls below 0.5, since what is left out
        # for testing lacks in training: the width of the interval counts all the same.
        most = np.maximum(high, 0.5 + (high - low) / 2.0).max()
        ranges[aspect] = (0.0, float(most))
    return ranges


def _ranges(
    sections: Mapping[str, Mapping[str, np.ndarray]], smallest: float
) -> dict[str, dict[str, Interval]]:
    """Mean and standard deviations over the splits, wide enough for every figure.

    A figure that hardly varies, such as the share of copies, gets the standard
    deviation `smallest`.
    """
    moments, widest = {}, 0.0
    for section, figures in sections.items():
        for name, values in figures.items():
            known = values[np.isfinite(values)]
            if len(known) < 2:
                continue
            mean, spread = known.mean(), max(known.std(ddof=1), smallest)
            widest = max(widest, float(np.abs(known - mean).max() / spread))
            moments[section, name] = mean, spread
    ranges: dict[str, dict[str, Interval]] = {section: {} for section in sections}
    for (section, name), (mean, spread) in moments.items():
        ranges[section][name] = (
            float(mean - widest * spread),
            float(mean + widest * spread),
        )
    return ranges


def _most_copied(
    reference: Reference, nearest: _Nearest | None
) -> list[dict[str, Any]]:
    if nearest is None or reference.training is None:
        return []
    close = nearest.index[nearest.cells <= NEAR_COPY]
    windows, counts = np.unique(close, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_COPIED]
    files = reference.training.labels
    return [
        {
            "file": reference.file_names[int(files[window])],
            "bar": int(reference.start_bars[window]),
            "grooves": int(count),
            "cells": int(nearest.cells[nearest.index == window].min()),
        }
        for window, count in zip(windows[order], counts[order], strict=True)
    ]
