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

# The rows of the tables: [label, section, figure, decimals]; one in percent has the
# decimals of the percentage, negative. `headline` is the table of the README and of the
# model card, `models` are the tables of the models themselves.
_ROWS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
_Row = Sequence[Any]


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
    tables = [_set_table(content, _ROWS["headline"])]
    if content["models"]:
        tables.append(_model_table(content["models"], _ROWS["models_headline"]))
    return "\n\n".join(tables)


def headline_figures(content: Mapping[str, Any], preset: str) -> dict[str, str]:
    """Label -> figure of a preset in `evaluation.json`, for its card.

    Args:
        content: What `evaluation.json` holds.
        preset: Its name there: its samples are the systems `PRESET T=...`.
    """
    split = content["about"]["data"]["split"]
    columns = {
        f"{split}, samples at {system.removeprefix(preset).strip()}": (
            column,
            _ROWS["headline"],
        )
        for system, column in content["systems"].items()
        if system.startswith(f"{preset} T=")
    }
    columns[split] = (content["models"][preset], _ROWS["models_headline"])
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
        "AUC: how well gradient boosting separates system and reference by the "
        "features (0.5: not at all). **Bold**: no real half has such a figure.",
        _set_table(content, _ROWS["headline"]),
        "## Further figures",
        _set_table(content, _ROWS["further"]),
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
    """The features by which the classifier recognises each system."""
    real = evaluation.reference.figures["playing"]
    lines = [
        [column.name, f"`{name}`", *(_number(value, 3) for value in values)]
        for column in evaluation.columns
        for name in list(column.importance)[:SHOWN_FEATURES]
        for played in [column.figures["playing"]]
        for values in [(column.importance[name], real.get(name), played.get(name))]
    ]
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
    for table in _ROWS["models"]:
        rows = _model_table(models, table["rows"])
        parts += [f"## {table['title']}", table["note"], rows]
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
