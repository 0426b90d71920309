"""Trains a list of models, measures each on the validation split, keeps tables.

    python tools/experiments.py docs/results/experiments.json data/groove_4bar \
        --runs runs/experiments --table docs/results/runs.csv

The table is a CSV file with everything, and a Markdown file of the same name with what
one looks at first. The list is JSON: name -> {"why": text, "settings": arguments of
`Recipe`}; "like" takes the settings of another run and changes those that are
given. Runs that the table holds are left out, interrupted ones are resumed. Several
processes may share a list, each with `--only`.
"""

import argparse
import csv
import fcntl
import json
import time
from pathlib import Path
from typing import Any

from keras_musicvae import MusicVAE
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.evaluation.evaluate import Reference, Settings, measure_set
from keras_musicvae.evaluation.model import measure_model, sample_sets
from keras_musicvae.files import replacing
from keras_musicvae.training.recipe import Recipe
from keras_musicvae.training.run import hardware, train

# Columns of the table: section and figure of the evaluation.
FIGURES = {
    "f1": ("free_running", "f1"),
    "precision": ("free_running", "precision"),
    "recall": ("free_running", "recall"),
    "timing_mae_ms": ("free_running", "timing_mae_ms"),
    "velocity_mae": ("free_running", "velocity_mae"),
    "f1_t1": ("free_running_t1", "f1"),
    "forced_f1": ("teacher_forced", "f1"),
    "kl_bits": ("loss", "kl_bits"),
    "hits_nats": ("loss", "hits"),
    "velocity_nats": ("loss", "velocities"),
    "timing_nats": ("loss", "offsets"),
    "original_total": ("loss", "original_total"),
    "active_units": ("loss", "active_units"),
    "samples_timing_kl": ("distance", "timing_kl"),
    "samples_velocity_kl": ("distance", "velocity_kl"),
    "samples_hits_per_bar": ("playing", "density"),
    "nearest_per_hit": ("copies", "nearest_per_hit"),
}


# Of these, what the Markdown table shows, and under which title.
SHOWN = {
    "kl_bits": "KL, bits",
    "f1": "hit F1",
    "timing_mae_ms": "timing MAE, ms",
    "velocity_mae": "velocity MAE",
    "f1_t1": "hit F1 at T = 1",
    "forced_f1": "teacher-forced F1",
    "samples_timing_kl": "samples: timing KL",
    "samples_velocity_kl": "velocity KL",
    "samples_hits_per_bar": "hits per bar",
    "nearest_per_hit": "nearest training groove",
}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--table", type=Path, required=True, help="CSV to add rows to")
    parser.add_argument("--only", nargs="*", help="names of the runs to do")
    args = parser.parse_args()
    plan = json.loads(args.experiments.read_text())
    windows = GrooveWindows.load(args.data)
    for name in args.only or plan:
        if name in _names(args.table):
            continue
        settings = resolve(plan, name)
        start = time.monotonic()
        preset = train(windows, args.runs / name, Recipe(**settings))
        minutes = (time.monotonic() - start) / 60
        row = {
            "name": name,
            "why": plan[name]["why"],
            "minutes": round(minutes, 1),
            "hardware": hardware(),
            **_measure(preset, windows),
            "settings": json.dumps(settings),
        }
        _append(args.table, row)
        write_markdown(args.table)
        print(json.dumps(row), flush=True)


def resolve(plan: dict[str, Any], name: str) -> dict[str, Any]:
    """The settings of a run, those that it takes from another included.

    Example:
        >>> plan = {"a": {"settings": {"epochs": 2, "model": {"beta": 1}}},
        ...         "b": {"like": "a", "settings": {"model": {"dropout": 0}}}}
        >>> resolve(plan, "b")
        {'augment': False, 'calibrate': False, 'epochs': 2,
         'model': {'beta': 1, 'dropout': 0}}
    """
    run = plan[name]
    # Runs differ from these in what they name, whatever the defaults of a recipe are.
    usual = {"augment": False, "calibrate": False}
    base = resolve(plan, run["like"]) if "like" in run else usual
    changed = run.get("settings", {})
    model = {**base.get("model", {}), **changed.get("model", {})}
    return {**base, **changed, "model": model}


def write_markdown(table: Path) -> None:
    """The figures of all runs of a CSV table, as Markdown beside it."""
    with table.open(newline="") as file:
        runs = list(csv.DictReader(file))
    lines = [
        "| run | why | minutes | parameters | " + " | ".join(SHOWN.values()) + " |",
        "| --- | --- |" + " ---: |" * (len(SHOWN) + 2),
    ]
    for run in runs:
        figures = " | ".join(f"{float(run[column]):.4g}" for column in SHOWN)
        head = f"{run['name']} | {run['why']} | {run['minutes']}"
        lines.append(f"| {head} | {int(run['parameters']):,} | {figures} |")
    with replacing(table.with_suffix(".md")) as path:
        path.write_text("\n".join(lines) + "\n")


def _measure(preset: Path, windows: GrooveWindows) -> dict[str, Any]:
    model = MusicVAE.from_preset(preset)
    reference = Reference.of(windows, "validation")
    settings = Settings(repeats=1)
    measures = measure_model(model, reference.real, settings=settings, pairs=1)
    samples = sample_sets(
        model, reference.real, name="run", num_samples=1000, temperatures=(1.0,)
    )[0]
    sections = {
        **measures.figures,
        **measure_set(samples, reference, settings).figures,
    }
    figures = {
        column: round(sections[section][figure], 4)
        for column, (section, figure) in FIGURES.items()
    }
    return {"parameters": int(model.count_params()), **figures}


def _names(table: Path) -> set[str]:
    if not table.exists():
        return set()
    with table.open(newline="") as file:
        return {row["name"] for row in csv.DictReader(file)}


def _append(table: Path, row: dict[str, Any]) -> None:
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("a", newline="") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if not file.tell():
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
