"""The results table of the README, out of an evaluation's JSON.

    keras-musicvae evaluate groove_4bar --data data/groove_4bar --out results
    python benchmarks/results_table.py results/evaluation.json

One row per figure, one column per model; in brackets the interval over files. The last
column, where there is one, holds real grooves of the train split.
"""

import argparse
import json
from pathlib import Path
from typing import Any

# (label, section, figure, decimals)
ROWS = (
    ("total loss, the original's formula", "loss", "original_total", 1),
    ("KL, bits", "loss", "kl_bits", 1),
    ("hit F1, free-running from z = mu", "free_running", "f1", 3),
    ("hit F1, teacher-forced", "teacher_forced", "f1", 3),
    ("timing MAE on hits reconstructed, ms", "free_running", "timing_mae_ms", 1),
    ("velocity MAE", "free_running", "velocity_mae", 3),
    ("samples: timing KL", "samples", "timing_kl", 3),
    ("samples: velocity KL", "samples", "velocity_kl", 3),
    ("samples: hits per bar", "samples", "hits_per_bar", 1),
    ("nearest training groove, cells per hit", "copies", "nearest_per_hit", 2),
)
REAL = {"samples": ("train_split", ""), "copies": ("copies", "real_")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("json", type=Path, help="evaluation.json")
    print(table(json.loads(parser.parse_args().json.read_text(encoding="utf-8"))))


def table(evaluation: dict[str, Any]) -> str:
    models = evaluation["models"]
    first = next(iter(models.values()))
    header, lines = ["", *models], []
    has_real = "train_split" in first["figures"]
    for label, section, name, digits in ROWS:
        cells = [cell(model, section, name, digits) for model in models.values()]
        if has_real:
            real, prefix = REAL.get(section, ("", ""))
            cells.append(cell(first, real, prefix + name, digits))
        lines.append([label, *cells])
    header += ["real grooves"] * has_real
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *lines])


def cell(model: dict[str, Any], section: str, name: str, digits: int) -> str:
    value = model["figures"].get(section, {}).get(name)
    if value is None:
        return ""
    interval = model["intervals"].get(section, {}).get(name)
    if not interval or None in interval:
        return f"{value:.{digits}f}"
    low, high = interval
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


if __name__ == "__main__":
    main()
