"""Draws hit F1 against the bits in the latent, of all runs of a table.

    python tools/plot_runs.py docs/results/runs.csv docs/results/bits.png

The trade-off between rate and distortion (Alemi et al. 2018, arXiv 1711.00464): of two
models at equal bits, the one above makes more of them.
"""

import argparse
import csv
import json
from pathlib import Path

from keras_musicvae.plots.figures import new_figure
from keras_musicvae.plots.latent import LABEL_COLOURS

# A line about the model: whether it has a conductor, whether it has a plan.
KINDS = {
    (True, True): ("hierarchical, plan", "o"),
    (False, True): ("flat, plan", "s"),
    (True, False): ("hierarchical", "o"),
    (False, False): ("flat", "s"),
}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="CSV of tools/experiments.py")
    parser.add_argument("out", type=Path, help="PNG file to write")
    args = parser.parse_args()
    with args.table.open(newline="") as file:
        runs = [_Run(row) for row in csv.DictReader(file)]
    figure = new_figure(7.5, 4.5)
    ax = figure.subplots()
    for (kind, (label, marker)), colour in zip(
        KINDS.items(), LABEL_COLOURS, strict=False
    ):
        found = [run for run in runs if run.kind == kind and run.bars == 4]
        ax.scatter(
            [run.bits for run in found],
            [run.f1 for run in found],
            s=[12 + 8 * run.epochs for run in found],
            marker=marker,
            color=colour,
            alpha=0.7,
            label=label,
        )
    ax.set_xscale("log")
    ticks = [50, 100, 200, 400, 800]
    ax.set_xticks(ticks, ticks, minor=False)
    ax.set_xticks([], minor=True)
    ax.set_xlabel("KL, bits")
    ax.set_ylabel("hit F1, free-running, validation")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#ececec", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.legend(frameon=False, title="larger: more epochs (3 to 20)")
    figure.savefig(args.out, dpi=120)


class _Run:
    def __init__(self, row: dict[str, str]) -> None:
        settings = json.loads(row["settings"])
        model = settings["model"]
        self.kind = (
            model.get("conductor_units", ()) is not None,
            model.get("plan_dim", 0) > 0,
        )
        self.bars = int(model.get("num_bars", 4))
        self.bits, self.f1 = float(row["kl_bits"]), float(row["f1"])
        self.epochs = settings["epochs"]


if __name__ == "__main__":
    main()
