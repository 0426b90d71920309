"""A table of docs/results/README.md, out of runs.csv and the evaluations beside it.

    python tools/runs_table.py NAME

A row is a run of `runs.csv` (validation) or a model of an `evaluation.json` (test, with
intervals over the files).
"""

import argparse
import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_musicvae.presets.sources import find_preset

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"

Run = Mapping[str, str]


def _figure(name: str, digits: int) -> Callable[[Run], str]:
    return lambda run: f"{float(run[name]):.{digits}f}"


def _loss(run: Run) -> str:
    """Nats of reconstruction and 0.1 times those of the KL."""
    nats = [float(run[f"{part}_nats"]) for part in ("hits", "velocity", "timing")]
    return f"{sum(nats) + 0.1 * math.log(2) * float(run['kl_bits']):.1f}"


# Title -> what a run of runs.csv has there.
BITS = {"KL, bits": _figure("kl_bits", 0)}
RECONSTRUCTION = {
    "hit F1": _figure("f1", 3),
    "timing MAE, ms": _figure("timing_mae_ms", 1),
    "velocity MAE": _figure("velocity_mae", 3),
}
SAMPLES = {
    "samples: timing KL": _figure("samples_timing_kl", 3),
    "velocity KL": _figure("samples_velocity_kl", 3),
}
DENSITY = {"hits per bar of samples": _figure("samples_hits_per_bar", 1)}


@dataclass(frozen=True)
class Table:
    """Columns by title, and rows: label -> run."""

    head: str
    columns: Mapping[str, Callable[[Run], str]]
    rows: Mapping[str, str]


TABLES = {
    "bits": Table(
        "beta, latent dimensions",
        {**BITS, **RECONSTRUCTION, **DENSITY},
        {
            "0.2, 128 (`plan`)": "plan",
            "0.05, 256 (`low_beta`)": "low_beta",
            "0.01, 512 (`lowest_beta`)": "lowest_beta",
        },
    ),
    "longer": Table(
        "beta, latent dimensions",
        {**BITS, **RECONSTRUCTION, **SAMPLES, **DENSITY},
        {
            "0.2, 128 (`balanced`)": "balanced",
            "0.1, 256 (`middle`)": "middle",
            "0.05, 256 (`detail`)": "detail",
        },
    ),
    "augmentation": Table(
        "",
        {**BITS, **RECONSTRUCTION},
        {"`middle`": "middle", "`groove_4bar_augmented`": "groove_4bar_augmented"},
    ),
    "heads": Table(
        "heads",
        {
            "velocity, nats": _figure("velocity_nats", 1),
            "timing, nats": _figure("timing_nats", 1),
            "timing MAE, ms": RECONSTRUCTION["timing MAE, ms"],
            "velocity MAE": RECONSTRUCTION["velocity MAE"],
            **SAMPLES,
        },
        {
            "histograms (`plan`)": "plan",
            "mixtures of logistics (`plan_logistic`)": "plan_logistic",
            "histograms (`middle`)": "middle",
            "mixtures, augmented (`logistic_256`)": "logistic_256",
        },
    ),
    "settings": Table(
        "changed",
        {"loss": _loss, **BITS, **RECONSTRUCTION},
        {
            "nothing (`hierarchical_plan_1`)": "hierarchical_plan_1",
            "a window every 2 bars, not 1, for 8 epochs (`hop_2`)": "hop_2",
            "no dropout, not 0.1 (`no_dropout`)": "no_dropout",
            "dropout 0.3 (`more_dropout`)": "more_dropout",
            "384 units, not 256, in conductor and decoder (`wide`)": "wide",
            "weights averaged, by an option that is gone (`averaged`)": "averaged",
            "beta 0.1 (1 - 0.995^step) (`slow_beta`)": "slow_beta",
            "learning rate 0.004, not 0.002": "learning_rate_4e-3",
            "flat (`flat_plan_1`)": "flat_plan_1",
            "flat, slow beta (`flat_slow_beta`)": "flat_slow_beta",
            "flat, learning rate 0.004": "flat_learning_rate_4e-3",
        },
    ),
    "beta": Table(
        "",
        {
            **BITS,
            **RECONSTRUCTION,
            **SAMPLES,
            **DENSITY,
            "nearest training groove": _figure("nearest_per_hit", 2),
        },
        {
            "beta 0.1 (`groove_4bar_neighbours`)": "groove_4bar_neighbours",
            "beta 0.2 (`groove_4bar_beta_0.2`)": "groove_4bar_beta_0.2",
        },
    ),
}


def runs_table(table: Table) -> str:
    """A table of runs of runs.csv."""
    with (RESULTS / "runs.csv").open(newline="", encoding="utf-8") as file:
        runs = {run["name"]: run for run in csv.DictReader(file)}
    rows = (
        [label, *(column(runs[name]) for column in table.columns.values())]
        for label, name in table.rows.items()
    )
    return markdown([table.head, *table.columns], rows)


# --- Tables of evaluations ----------------------------------------------------

# Title, section and name of a figure of `evaluation.json`, its digits.
FIGURES = (
    ("hit F1, free-running", "free_running", "f1", 3),
    ("teacher-forced", "teacher_forced", "f1", 3),
    ("KL, bits", "loss", "kl_bits", 0),
    ("timing MAE, ms", "free_running", "timing_mae_ms", 1),
    ("velocity MAE", "free_running", "velocity_mae", 3),
)
# Label -> folder and models; the one is hierarchical, the other flat.
PAIRS = {
    **{
        f"no plan, 3 epochs, seed {i}": ("flat_hierarchical", "{}_" + str(i))
        for i in range(3)
    },
    "no plan, 10 epochs, beta 0.1": ("flat_hierarchical_plan", "{}_long"),
    "no plan, 6 epochs, 128 free bits": ("flat_hierarchical_bits", "{}_bits"),
    **{
        f"plan, 4 epochs, beta 0.1, seed {i}": (
            "flat_hierarchical_plan",
            "{}_plan_" + str(i),
        )
        for i in range(3)
    },
    "16 bars, no plan, 4 epochs": ("flat_hierarchical_16bar", "{}_16bar"),
}


def decoders_table() -> str:
    """The hierarchical beside the flat decoder."""
    rows = [
        [label, decoder, *measured(folder, name.format(decoder))]
        for label, (folder, name) in PAIRS.items()
        for decoder in ("hierarchical", "flat")
    ]
    return markdown(["runs, test split", "decoder", *(f[0] for f in FIGURES)], rows)


def plan_table() -> str:
    """What the linear paths bring after three epochs."""
    models = {
        "hierarchical": "hierarchical_0",
        "flat with as many weights": "flat_0",
        "hierarchical with a plan of each step": "plan",
    }
    rows = [
        [label, *measured("flat_hierarchical", name)] for label, name in models.items()
    ]
    return markdown(["3 epochs, test split", *(f[0] for f in FIGURES)], rows)


def measured(folder: str, name: str) -> list[str]:
    """The figures of a model, the first with its interval."""
    text = (RESULTS / folder / "evaluation.json").read_text(encoding="utf-8")
    model = json.loads(text)["models"][name]
    cells = [f"{model['figures'][part][key]:.{n}f}" for _, part, key, n in FIGURES]
    low, high = model["intervals"]["free_running"]["f1"]
    cells[0] += f" [{low:.3f}, {high:.3f}]"
    return cells


def original_table() -> str:
    """Magenta's configuration, trained by Magenta's code and by this package."""
    text = (RESULTS / "original_run.json").read_text(encoding="utf-8")
    figures = json.loads(text)["figures"]
    rows = []
    for name, title, n in (
        ("loss.reconstruction", "reconstruction loss", 1),
        ("loss.kl_bits", "KL, bits", 1),
        ("free_running.f1", "hit F1, free-running", 3),
        ("free_running.timing_mae_ms", "timing MAE, ms", 1),
        ("free_running.velocity_mae", "velocity MAE", 3),
        ("samples.hits_per_bar", "samples: hits per bar", 1),
    ):
        one = figures[name]
        low, high = one["interval"]
        ours = f"{one['ours']:.{n}f} [{low:.{n}f}, {high:.{n}f}]"
        rows.append([title, f"{one['original']:.{n}f}", ours])
    return markdown(["", "Magenta's code", "this package"], rows)


def epochs_table() -> str:
    """The validation losses of `groove_4bar`, epoch by epoch, and of the codec."""
    path = RESULTS / "groove_4bar" / "training.csv"
    with path.open(encoding="utf-8", newline="") as file:
        epochs = list(csv.DictReader(file))
    card = find_preset("groove_4bar_codec").metadata["evaluation"]
    names = ("hits", "velocities", "offsets", "kl_bits")
    rows = [
        (f"epoch {one['epoch']}", [one[f"val_{n}"] for n in names]) for one in epochs
    ]
    rows.append(("the first edition", [card[f"validation {n}"] for n in names]))
    cells = []
    for title, values in rows:
        *losses, bits = map(float, values)
        bound = sum(losses) + bits * math.log(2)
        cells.append([title, *(f"{x:.1f}" for x in (*losses, bits, bound))])
    head = ["", "hits", "velocities", "timing", "KL, bits", "sum with the KL, nats"]
    return markdown(head, cells)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


EVALUATIONS = {
    "plan": plan_table,
    "decoders": decoders_table,
    "original": original_table,
    "second": epochs_table,
}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=[*TABLES, *EVALUATIONS])
    name = parser.parse_args().name
    print(EVALUATIONS[name]() if name in EVALUATIONS else runs_table(TABLES[name]))


if __name__ == "__main__":
    main()
