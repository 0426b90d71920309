"""Writes an evaluation down: JSON for programs, Markdown and pictures for people."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_musicvae.evaluation.evaluate import OWN_SECTIONS, Column, Evaluation
from keras_musicvae.evaluation.features import Feature
from keras_musicvae.files import make_folder, replacing

FORMAT = "keras-musicvae evaluation"
VERSION = 2
JSON_NAME = "evaluation.json"
MARKDOWN_NAME = "evaluation.md"
SHOWN_FEATURES = 6  # per system, in tables and pictures
MAX_BAR_PAIRS = 12

# (label, section, figure, decimals); a figure in percent has the decimals of the
# percentage, negative.
_Row = tuple[str, str, str, int]

# The table of the README and of the model card.
HEADLINE: tuple[_Row, ...] = (
    ("told apart by a classifier, AUC", "told_apart", "all", 3),
    ("... by the hits", "told_apart", "hits", 3),
    ("... by velocities", "told_apart", "velocity", 3),
    ("... by timing", "told_apart", "timing", 3),
    ("... by relations between bars", "told_apart", "bars", 3),
    ("precision", "overlap", "precision", 2),
    ("recall", "overlap", "recall", 2),
    ("copies of a training pattern, %", "copies", "within_0", -1),
    ("within two cells of one, %", "copies", "within_2", -1),
    ("velocity KL, 127 values", "distance", "velocity_kl_midi", 3),
    ("timing KL, 49 bins", "distance", "timing_kl_49", 3),
    ("hits at velocity 127, %", "playing", "hits_at_127", -1),
    ("hits per bar", "playing", "density", 1),
    ("grooves with two equal bars, %", "playing", "grooves_with_equal_bars", -1),
    ("accents kept from bar to bar, r", "playing", "accents_kept", 2),
    ("grooves that need three hands, %", "playing", "grooves_with_three_hands", -1),
)
MODEL_HEADLINE: tuple[_Row, ...] = (
    ("KL, bits", "loss", "kl_bits", 1),
    ("hit F1, free running from z = mu", "free_running", "f1", 3),
    ("timing MAE of the hits rebuilt, ms", "free_running", "timing_mae_ms", 1),
    ("velocity MAE", "free_running", "velocity_mae", 3),
    ("interpolation: midpoint denser than both ends, %", "interpolation",
     "denser_than_ends", -1),
    *((f"`similar`: hits changed at similarity {s:g}", "variation",
       f"changed_{s:g}", 2) for s in (1.0, 0.8, 0.5)),
)  # fmt: skip
_MORE: tuple[_Row, ...] = (
    *((f"within {r} cells, %", "copies", f"within_{r}", -1) for r in (1, 4, 8)),
    ("cells to the nearest training pattern, per hit", "copies", "nearest_per_hit", 3),
    ("velocity KL, 49 bins", "distance", "velocity_kl_49", 3),
    ("velocity KL, 50 bins", "distance", "velocity_kl", 3),
    ("timing KL, 50 bins", "distance", "timing_kl", 3),
    ("rate error, drums", "distance", "drum_rate_error", 4),
    ("rate error, steps", "distance", "step_rate_error", 4),
    ("changes from bar to bar, cells per hit", "playing", "bar_changes", 3),
    ("grooves with open and closed hi-hat at once, %", "playing",
     "grooves_with_two_hihats", -1),
    ("style as asked for, %", "conditions", "style_right", -1),
    *((f"{c}: asked for and played, r", "conditions", f"{c}_r", 2)
      for c in ("density", "loudness", "swing")),
)  # fmt: skip
# title, note, rows of the models' own tables.
_MODEL_TABLES: tuple[tuple[str, str, tuple[_Row, ...]], ...] = (
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
            ("aggregate posterior's stddev", "loss", "aggregate_stddev", 3),
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
                ("timing KL, 50 bins", section, "timing_kl", 3),
                ("velocity KL, 50 bins", section, "velocity_kl", 3),
            ),
        )
        for title, section, note in (
            (
                "Reconstruction, free running",
                "free_running",
                "From z = mu, temperature 0.",
            ),
            (
                "Reconstruction, free running at temperature 1",
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
        "Interpolation",
        "Between latents of 100 pairs of windows, temperature 0, nine points.",
        (
            ("largest jump (even: 0.125)", "interpolation", "largest_jump", 3),
            ("detour (direct: 1)", "interpolation", "detour", 2),
            ("monotone", "interpolation", "monotone", 3),
            ("midpoint denser than both ends, %", "interpolation",
             "denser_than_ends", -1),
            ("midpoint sparser than both ends, %", "interpolation",
             "sparser_than_ends", -1),
            ("hits per bar at the start", "interpolation", "density_0", 1),
            ("hits per bar at the midpoint", "interpolation", "density_4", 1),
            ("hits per bar at the end", "interpolation", "density_8", 1),
        ),
    ),
    (
        "Variation",
        "`similar` at its own temperature: hit cells changed, per hit of the groove. 1 "
        "should change nothing, 0 as much as an unrelated groove does.",
        (
            *((f"changed at similarity {s:g}", "variation", f"changed_{s:g}", 2)
              for s in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.0)),
            ("an unrelated groove", "variation", "changed_unrelated", 2),
        ),
    ),
)  # fmt: skip


def write_report(folder: Path, evaluation: Evaluation) -> list[Path]:
    """Writes `evaluation.json`, `evaluation.md` and pictures, each atomically.

    Args:
        folder: Created if need be; files of the same names are replaced.
        evaluation: What `evaluate` gave.

    Returns:
        The paths written.

    Raises:
        OutputError: A file cannot be written.
    """
    from keras_musicvae.evaluation.charts import draw_charts
    from keras_musicvae.plots import save_plot

    make_folder(folder)
    text = json.dumps(as_json(evaluation), indent=1, allow_nan=False) + "\n"
    paths = [folder / JSON_NAME, folder / MARKDOWN_NAME]
    for path, content in zip(paths, (text, as_markdown(evaluation)), strict=True):
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    for name, figure in draw_charts(evaluation).items():
        paths.append(folder / f"{name}.png")
        save_plot(figure, paths[-1])
    return paths


# --- JSON -----------------------------------------------------------------------


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything that was measured, as JSON values; what has no value is null."""
    return _without_nan(
        {
            "format": FORMAT,
            "version": VERSION,
            "about": evaluation.about,
            "reference": _column_json(evaluation.reference),
            "real_halves": evaluation.halves,
            "systems": {one.name: _column_json(one) for one in evaluation.columns},
            "models": {
                name: {
                    "about": one.about,
                    "figures": one.figures,
                    "intervals": one.intervals,
                    "styles": one.styles,
                    "drums": one.drums,
                }
                for name, one in evaluation.models.items()
            },
        }
    )


def _column_json(column: Column) -> dict[str, Any]:
    return {
        "held_out": column.held_out,
        "grooves": column.number,
        "figures": column.figures,
        "intervals": column.intervals,
        "outside_of_real_halves": [f"{s}.{name}" for s, name in column.outside],
        "importance": column.importance,
        "most_copied": column.most_copied,
        "bar_similarity": column.counts.similarity.mean(axis=0).round(4),
    }


def _without_nan(value: Any) -> Any:
    """JSON has no NaN; an unknown figure is null."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# --- Markdown -------------------------------------------------------------------


def headline_table(content: Mapping[str, Any]) -> str:
    """The few figures that a README shows, as Markdown tables.

    Args:
        content: What `evaluation.json` holds.

    Returns:
        One row per figure; the reference split, the range of its halves, the training
        drummers and the systems as columns. Then the models themselves, if any.
    """
    tables = [_set_table(content, HEADLINE)]
    if content["models"]:
        tables.append(_model_table(content["models"], MODEL_HEADLINE))
    return "\n\n".join(tables)


def headline_figures(content: Mapping[str, Any], preset: str) -> dict[str, str]:
    """Label -> figure of a preset in `evaluation.json`, for its card.

    Args:
        content: What `evaluation.json` holds.
        preset: Its name there: its samples are the systems `PRESET T=...`.
    """
    split = content["about"]["data"]["split"]
    columns = {
        f"{split}, samples at {system.removeprefix(preset).strip()}": (column, HEADLINE)
        for system, column in content["systems"].items()
        if system.startswith(f"{preset} T=")
    }
    columns[split] = (content["models"][preset], MODEL_HEADLINE)
    return {
        f"{where}: {label}": _cell(column, section, name, digits)
        for where, (column, rows) in columns.items()
        for label, section, name, digits in rows
        if name in column["figures"].get(section, {})
    }


def as_markdown(evaluation: Evaluation) -> str:
    """The figures as Markdown tables, one column per system."""
    content = as_json(evaluation)
    data, settings = content["about"]["data"], content["about"]["settings"]
    systems = content["systems"]
    parts = [
        "# Evaluation",
        f"{data['windows']:,} windows of {data['num_bars']} bars from "
        f"{data['files']:,} files of the {data['split']} split, {data['hits']:,} hits; "
        f"seed {settings['seed']}. In brackets: {settings['level']:.0%} intervals, "
        f"{settings['repeats']:,} bootstrap resamples of files. `real halves`: the "
        f"range between two halves of the {data['split']} files, {settings['halves']} "
        "splits, wide enough for every figure of every split.",
        _table(
            ["system", "grooves", "what was held out", "figures no real half has"],
            [
                [
                    name,
                    f"{one['grooves']:,}",
                    one["held_out"],
                    f"{len(one['outside_of_real_halves'])} of "
                    f"{sum(map(len, content['real_halves'].values()))}",
                ]
                for name, one in systems.items()
            ],
        ),
        "## Against drummers",
        "AUC: how well gradient boosting tells the system from the reference by the "
        "features (0.5: not at all). **Bold**: no real half has such a figure.",
        _set_table(content, HEADLINE),
        "## Further figures",
        _set_table(content, _MORE),
    ]
    parts += _difference_parts(evaluation)
    parts += _copy_parts(systems)
    parts += _bar_parts(content)
    parts += _model_parts(content["models"])
    return "\n\n".join(parts) + "\n"


def feature_table(features: Iterable[Feature]) -> str:
    """The definitions of the features, for docs/evaluation.md."""
    return _table(
        ["feature", "aspect", "definition"],
        [[f"`{one.name}`", ", ".join(one.aspects), one.definition] for one in features],
        align="---",
    )


def _set_table(content: Mapping[str, Any], rows: Sequence[_Row]) -> str:
    reference, systems = content["reference"], content["systems"]
    lines = []
    for label, section, name, digits in rows:
        if not any(name in one["figures"].get(section, {}) for one in systems.values()):
            continue
        lines.append(
            [
                label,
                _cell(reference, section, name, digits),
                _half_cell(content, section, name, digits),
                *(
                    _cell(one, section, name, digits, mark=True)
                    for one in systems.values()
                ),
            ]
        )
    title = content["about"]["data"]["split"]
    return _table(["", title, "real halves", *systems], lines)


def _model_table(models: Mapping[str, Any], rows: Sequence[_Row]) -> str:
    lines = [
        [label, *(_cell(one, section, name, digits) for one in models.values())]
        for label, section, name, digits in rows
    ]
    return _table(["", *models], lines)


def _half_cell(content: Mapping[str, Any], section: str, name: str, digits: int) -> str:
    interval = content["real_halves"].get(section, {}).get(name)
    if interval is None:
        return ""
    low, high = interval
    if section in OWN_SECTIONS:
        value = content["reference"]["figures"][section][name]
        if value is None:
            return ""
        low, high = value + low, value + high
        if name.startswith(("within", "grooves", "hits_at")):
            low = max(low, 0.0)
    if section in ("told_apart", "distance"):
        return f"up to {_number(high, digits)}"
    return f"{_number(low, digits)} to {_number(high, digits)}"


def _difference_parts(evaluation: Evaluation) -> list[str]:
    """By what each system is told apart: the features that the classifier goes by."""
    lines = []
    for column in evaluation.columns:
        for name in list(column.importance)[:SHOWN_FEATURES]:
            lines.append(
                [
                    column.name,
                    f"`{name}`",
                    _number(column.importance[name], 3),
                    _number(evaluation.reference.figures["playing"].get(name), 3),
                    _number(column.figures["playing"].get(name), 3),
                ]
            )
    return [
        "## What gives it away",
        "The features that the classifier of all features goes by: the AUC that is "
        "lost when one is shuffled, and its mean. Definitions: docs/evaluation.md; "
        "pictures: `differences.png`.",
        _table(["system", "feature", "AUC lost", "reference", "system"], lines),
    ]


def _copy_parts(systems: Mapping[str, Any]) -> list[str]:
    lines = [
        [name, one["file"], str(one["bar"]), str(one["grooves"]), str(one["cells"])]
        for name, column in systems.items()
        for one in column["most_copied"]
    ]
    if not lines:
        return []
    return [
        "## What is copied",
        "The training windows of which the most grooves have the hits, within two "
        "cells.",
        _table(["system", "file", "from bar", "grooves", "cells, least"], lines),
    ]


def _bar_parts(content: Mapping[str, Any]) -> list[str]:
    columns = {content["about"]["data"]["split"]: content["reference"]}
    columns |= content["systems"]
    bars = range(content["about"]["data"]["num_bars"])
    pairs = [(a, b) for a in bars for b in bars if a < b]
    if not 0 < len(pairs) <= MAX_BAR_PAIRS:
        return []
    return [
        "## Bars alike",
        "Jaccard index of the hits of every two bars, mean.",
        _table(
            ["bars", *columns],
            [
                [
                    f"{a + 1}, {b + 1}",
                    *(
                        _number(one["bar_similarity"][a][b], 2)
                        for one in columns.values()
                    ),
                ]
                for a, b in pairs
            ],
        ),
    ]


def _model_parts(models: Mapping[str, Any]) -> list[str]:
    if not models:
        return []
    parts = ["# The models themselves"]
    for title, note, rows in _MODEL_TABLES:
        parts += [f"## {title}", note, _model_table(models, rows)]
    for what in ("drum", "style"):
        breakdowns = [one[f"{what}s"] for one in models.values()]
        parts += [
            f"## Free-running reconstruction per {what}",
            "Hit F1 / timing MAE in ms.",
            _table(
                [what, *models],
                [
                    [
                        group.replace("_", " "),
                        *(
                            f"{_number(one[group]['f1'], 3)} / "
                            f"{_number(one[group]['timing_mae_ms'], 1)}"
                            for one in breakdowns
                        ),
                    ]
                    for group in breakdowns[0]
                ],
            ),
        ]
    return parts


def _cell(
    column: Mapping[str, Any], section: str, name: str, digits: int, mark: bool = False
) -> str:
    """A figure with its interval, bold if `mark` and no real half has it."""
    value = column["figures"].get(section, {}).get(name)
    if value is None:
        return ""
    text = _number(value, digits)
    if mark and f"{section}.{name}" in column["outside_of_real_halves"]:
        text = f"**{text}**"
    low, high = column["intervals"].get(section, {}).get(name) or (None, None)
    if low is None or high is None or not math.isfinite(low + high):
        return text
    return f"{text} [{_number(low, digits)}, {_number(high, digits)}]"


def _number(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{100 * value:.{-digits}f}" if digits < 0 else f"{value:.{digits}f}"


def _table(
    header: Sequence[str], lines: Iterable[Sequence[str]], *, align: str = "---:"
) -> str:
    rows = [header, ["---", *[align] * (len(header) - 1)], *lines]
    return "\n".join(f"| {' | '.join(_escaped(row))} |" for row in rows)


def _escaped(row: Sequence[str]) -> list[str]:
    return [cell.replace("|", "\\|").replace("\n", " ") for cell in row]
