"""The few figures that a README and a model card show, out of an evaluation's JSON."""

from collections.abc import Mapping
from typing import Any

# (label, section, figure, decimals)
_ROWS = (
    ("total loss, the original's formula", "loss", "original_total", 1),
    ("KL, bits", "loss", "kl_bits", 1),
    ("hit F1, free-running from z = mu", "free_running", "f1", 3),
    ("hit F1, teacher-forced", "teacher_forced", "f1", 3),
    ("timing MAE on hits reconstructed, ms", "free_running", "timing_mae_ms", 1),
    ("velocity MAE", "free_running", "velocity_mae", 3),
    ("samples: timing KL", "samples", "timing_kl", 3),
    ("samples: velocity KL", "samples", "velocity_kl", 3),
    ("samples: hits per bar", "samples", "hits_per_bar", 1),
    ("samples: changes from bar to bar, cells per hit", "samples", "bar_changes", 2),
    ("nearest training groove, cells per hit", "copies", "nearest_per_hit", 2),
)
_REAL = {"samples": ("train_split", ""), "copies": ("copies", "real_")}


def headline_table(evaluation: Mapping[str, Any]) -> str:
    """A Markdown table, one row per figure and one column per model.

    Args:
        evaluation: What `evaluation.json` holds.

    Returns:
        The table; in brackets the interval over files. The last column, where the
        models were compared with their training set, holds real grooves of it.
    """
    models = evaluation["models"]
    first = next(iter(models.values()))
    header, lines = ["", *models], []
    has_real = "train_split" in first["figures"]
    for label, section, name, digits in _ROWS:
        cells = [_cell(model, section, name, digits) for model in models.values()]
        if has_real:
            real, prefix = _REAL.get(section, ("", ""))
            cells.append(_cell(first, real, prefix + name, digits))
        lines.append([label, *cells])
    header += ["real grooves"] * has_real
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *lines])


def headline_figures(model: Mapping[str, Any]) -> dict[str, str]:
    """Label -> figure of one of the models in `evaluation.json`."""
    return {
        label: _cell(model, section, name, digits)
        for label, section, name, digits in _ROWS
    }


def _cell(model: Mapping[str, Any], section: str, name: str, digits: int) -> str:
    value = model["figures"].get(section, {}).get(name)
    if value is None:
        return ""
    interval = model["intervals"].get(section, {}).get(name)
    if not interval or None in interval:
        return f"{value:.{digits}f}"
    low, high = interval
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
