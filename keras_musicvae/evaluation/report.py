"""Writes evaluations down: JSON for programs, Markdown and pictures for people."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_musicvae.evaluation.comparison import check_comparable, compare
from keras_musicvae.evaluation.distributions import hit_rates
from keras_musicvae.evaluation.evaluate import Evaluation
from keras_musicvae.evaluation.measure import Measurement
from keras_musicvae.evaluation.tables import as_markdown
from keras_musicvae.files import make_folder, replacing
from keras_musicvae.grooves.drum_maps import DRUMS

FORMAT = "keras-musicvae evaluation"
VERSION = 1
JSON_NAME = "evaluation.json"
MARKDOWN_NAME = "evaluation.md"


def write_report(
    folder: Path, evaluations: Sequence[Evaluation], *, plots: bool = True
) -> list[Path]:
    """Writes `evaluation.json`, `evaluation.md` and pictures, each atomically.

    Args:
        folder: Created if need be; files of the same names are replaced.
        evaluations: One or more, of the same windows.
        plots: Whether to draw pictures.

    Returns:
        The paths written.

    Raises:
        EvaluationError: No evaluation, other windows, or two of one name.
        OutputError: A file cannot be written.
    """
    check_comparable(evaluations)
    make_folder(folder)
    text = json.dumps(as_json(evaluations), indent=2, allow_nan=False) + "\n"
    paths = [folder / JSON_NAME, folder / MARKDOWN_NAME]
    for path, content in zip(paths, (text, as_markdown(evaluations)), strict=True):
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    if plots:
        from keras_musicvae.evaluation.charts import draw_charts
        from keras_musicvae.plots import save_plot

        for name, figure in draw_charts(evaluations).items():
            paths.append(folder / f"{name}.png")
            save_plot(figure, paths[-1])
    return paths


def as_json(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """Everything that was measured, as JSON values; what has no value is null."""
    return _without_nan(
        {
            "format": FORMAT,
            "version": VERSION,
            "models": {one.name: _evaluation_json(one) for one in evaluations},
            "differences": {
                name: {
                    section: _measurement_json(measured)
                    for section, measured in sections.items()
                }
                for name, sections in compare(evaluations).items()
            },
        }
    )


def _evaluation_json(one: Evaluation) -> dict[str, Any]:
    return {
        "about": one.about,
        "figures": one.figures,
        "intervals": one.intervals,
        "features": one.features,
        "train_features": one.train_features,
        "styles": one.styles,
        "drums": one.drums,
        "hit_rates": {
            "drums": list(DRUMS),
            "real": hit_rates(one.real).round(6).tolist(),
            "samples": hit_rates(one.samples).round(6).tolist(),
        },
        "histograms": {
            "real_timing": one.real.timing.sum(axis=0).tolist(),
            "timing": one.samples.timing.sum(axis=0).tolist(),
            "real_velocity": one.real.velocity.sum(axis=0).tolist(),
            "velocity": one.samples.velocity.sum(axis=0).tolist(),
        },
    }


def _measurement_json(measured: Measurement) -> dict[str, Any]:
    return {"figures": measured.figures, "intervals": measured.intervals}


def _without_nan(value: Any) -> Any:
    """JSON has no NaN; an unknown figure is null."""
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
