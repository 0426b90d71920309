"""The figures of evaluations as Markdown tables, one column per model."""

import math
from collections.abc import Iterable, Mapping, Sequence

from keras_musicvae.evaluation.bootstrap import Interval
from keras_musicvae.evaluation.comparison import compare
from keras_musicvae.evaluation.evaluate import Evaluation

# (title, note, rows); a row is (label, section, figure, decimals).
_Row = tuple[str, str, str, int]
_TABLES: tuple[tuple[str, str, tuple[_Row, ...]], ...] = (
    (
        "Loss",
        "z is the posterior's mean. `Original's` is Magenta's formula: squared errors, "
        "48 free bits, beta 0.2.",
        (
            ("original's total", "loss", "original_total", 2),
            ("original's reconstruction", "loss", "original_reconstruction", 2),
            ("own reconstruction", "loss", "reconstruction", 2),
            ("own hits", "loss", "hits", 2),
            ("own velocities", "loss", "velocities", 2),
            ("own offsets", "loss", "offsets", 2),
            ("KL, bits", "loss", "kl_bits", 1),
            ("active units", "loss", "active_units", 0),
            ("aggregate posterior's stddev (prior: 1)", "loss", "aggregate_stddev", 3),
        ),
    ),
    *(
        (
            title,
            note,
            (
                ("hit F1", section, "f1", 3),
                ("hit precision", section, "precision", 3),
                ("hit recall", section, "recall", 3),
                ("step accuracy", section, "step_accuracy", 3),
                ("timing MAE, ms", section, "timing_mae_ms", 1),
                ("velocity MAE", section, "velocity_mae", 3),
                ("timing KL", section, "timing_kl", 3),
                ("velocity KL", section, "velocity_kl", 3),
                ("hits per bar", section, "hits_per_bar", 1),
            ),
        )
        for title, section, note in (
            (
                "Reconstruction, free-running",
                "free_running",
                "From z = mu, temperature 0.",
            ),
            (
                "Reconstruction, free-running at temperature 1",
                "free_running_t1",
                "From z = mu; the step accuracy is what Roberts et al. (2018) report.",
            ),
            (
                "Reconstruction, teacher-forced",
                "teacher_forced",
                "From z = mu, each step given the real steps before it.",
            ),
        )
    ),
    (
        "Samples of the prior",
        "Against the windows evaluated. Rate errors are mean absolute differences of "
        "hit rates. The train split, real grooves as well, sets the floor.",
        (
            ("timing KL", "samples", "timing_kl", 3),
            ("velocity KL", "samples", "velocity_kl", 3),
            ("hits per bar", "samples", "hits_per_bar", 1),
            ("hits per bar, real", "samples", "real_hits_per_bar", 1),
            ("changes from bar to bar, cells per hit", "samples", "bar_changes", 3),
            ("the same, real", "samples", "real_bar_changes", 3),
            ("rate error, drums", "samples", "drum_rate_error", 4),
            ("rate error, steps", "samples", "step_rate_error", 4),
            (
                "cells to nearest training groove, per hit",
                "copies",
                "nearest_per_hit",
                3,
            ),
            ("the same, real grooves", "copies", "real_nearest_per_hit", 3),
            ("copies of training patterns", "copies", "copied", 3),
            ("the same, real grooves", "copies", "real_copied", 3),
        ),
    ),
    (
        "Interpolation",
        "Between latents of test windows, temperature 0.",
        (
            ("largest jump (even: 0.125)", "interpolation", "largest_jump", 3),
            ("detour (direct: 1)", "interpolation", "detour", 2),
            ("monotone", "interpolation", "monotone", 3),
        ),
    ),
)
_FLOOR = {"samples": "train_split"}  # what stands in the column of real grooves
_BREAKDOWN = (("F1", "f1", 3), ("timing, ms", "timing_mae_ms", 1))


def as_markdown(evaluations: Sequence[Evaluation]) -> str:
    """The figures as Markdown tables, one column per model."""
    about = evaluations[0].about
    data, settings = about["data"], about["settings"]
    parts = [
        "# Evaluation",
        f"{data['windows']:,} windows of {data['num_bars']} bars from "
        f"{data['files']:,} files, {data['hits']:,} hits; "
        f"{settings['samples']:,} samples at temperature "
        f"{settings['temperature']:g}; seed {settings['seed']}. In brackets: "
        f"{settings['level']:.0%} intervals, {settings['repeats']:,} bootstrap "
        "resamples of files.",
    ]
    names = [one.name for one in evaluations]
    for title, note, rows in _TABLES:
        floor = any(section == "samples" for _, section, _, _ in rows) and _has_floor(
            evaluations
        )
        lines = [
            [label, *(_cell(one, section, name, digits) for one in evaluations)]
            + [_cell(evaluations[0], _FLOOR.get(section, ""), name, digits)] * floor
            for label, section, name, digits in rows
            if any(name in one.figures.get(section, {}) for one in evaluations)
        ]
        if lines:
            header = ["", *names, *["train split"] * floor]
            parts += [f"## {title}", note, _table(header, lines)]
    parts += _difference_parts(evaluations)
    parts += _feature_parts(evaluations)
    parts += _breakdown_parts("drum", evaluations, [one.drums for one in evaluations])
    parts += _breakdown_parts("style", evaluations, [one.styles for one in evaluations])
    return "\n\n".join(parts) + "\n"


def _difference_parts(evaluations: Sequence[Evaluation]) -> list[str]:
    differences = compare(evaluations)
    if not differences:
        return []
    wanted = ("f1", "step_accuracy", "timing_mae_ms", "velocity_mae")
    lines = [
        [
            f"{section.replace('_', ' ')}: {name}",
            *(
                _with_interval(
                    sections[section].figures[name],
                    sections[section].intervals.get(name),
                    3,
                    sign="+",
                )
                for sections in differences.values()
            ),
        ]
        for section in evaluations[0].counts
        for name in wanted
    ]
    return [
        f"## Differences from {evaluations[0].name}",
        "Paired: every model meets the same resamples. An interval without 0 is a "
        "difference beyond the luck of the files.",
        _table(["", *differences], lines),
    ]


def _feature_parts(evaluations: Sequence[Evaluation]) -> list[str]:
    floor = _has_floor(evaluations)
    columns = [one.features for one in evaluations]
    columns += [evaluations[0].train_features] * floor
    lines = [
        [
            feature.replace("_", " "),
            *(
                f"{features[feature]['kl']:.3f} / {features[feature]['overlap']:.3f}"
                for features in columns
            ),
        ]
        for feature in evaluations[0].features
    ]
    return [
        "## Features of the samples",
        "Yang & Lerch (2020): KL divergence / overlapped area of the distances within "
        "the test windows and of those from them to the samples; 0 / 1 is the best.",
        _table(
            ["", *(one.name for one in evaluations), *["train split"] * floor], lines
        ),
    ]


def _has_floor(evaluations: Sequence[Evaluation]) -> bool:
    return "train_split" in evaluations[0].figures


def _breakdown_parts(
    what: str,
    evaluations: Sequence[Evaluation],
    breakdowns: Sequence[Mapping[str, Mapping[str, float]]],
) -> list[str]:
    several = len(evaluations) > 1
    header = [what] + [
        f"{one.name}: {label}" if several else label
        for one in evaluations
        for label, _, _ in _BREAKDOWN
    ]
    lines = [
        [
            group.replace("_", " "),
            *(
                _number(breakdown[group][name], digits)
                for breakdown in breakdowns
                for _, name, digits in _BREAKDOWN
            ),
        ]
        for group in breakdowns[0]
    ]
    title = f"## Free-running reconstruction per {what}"
    return [title, _table(header, lines)]


def _cell(one: Evaluation, section: str, name: str, digits: int) -> str:
    value = one.figures.get(section, {}).get(name, math.nan)
    interval = one.intervals.get(section, {}).get(name)
    return _with_interval(value, interval, digits)


def _with_interval(
    value: float, interval: Interval | None, digits: int, sign: str = ""
) -> str:
    text = _number(value, digits, sign)
    if interval is None or not all(map(math.isfinite, interval)):
        return text
    low, high = (_number(bound, digits, sign) for bound in interval)
    return f"{text} [{low}, {high}]"


def _number(value: float, digits: int, sign: str = "") -> str:
    return f"{value:{sign}.{digits}f}" if math.isfinite(value) else "-"


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [header, ["---", *["---:"] * (len(header) - 1)], *lines]
    return "\n".join(f"| {' | '.join(_escaped(row))} |" for row in rows)


def _escaped(row: Sequence[str]) -> list[str]:
    return [cell.replace("|", "\\|").replace("\n", " ") for cell in row]
