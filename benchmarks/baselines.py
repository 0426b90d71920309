"""Simple predictors of timing and velocity, measured with `keras_musicvae.evaluation`.

    python benchmarks/baselines.py                 # downloads the Groove MIDI Dataset
    python benchmarks/baselines.py --data ZIP_OR_FOLDER

The humanization protocol of Gillick et al. (2019, arXiv 1905.06118): the official test
split, 4/4, windows of two bars that hop one bar; the hits are given, timing and
velocity are predicted. The table is what any model has to beat, and it checks the
metrics: the paper's quantized baseline is 22.6 ms. Takes about a minute.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from keras_musicvae.datasets import groove_midi
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.evaluation.arrays import GrooveArrays, split_grooves
from keras_musicvae.evaluation.distributions import count_groove, distribution_scores
from keras_musicvae.evaluation.metrics import (
    count_reconstruction,
    reconstruction_scores,
)

RIDGE = 1.0
NEIGHBOURS = 20
BLOCK = 256  # test windows whose distances to all train windows are held at once

COLUMNS = (
    ("timing MAE ms", "timing_mae_ms", 2),
    ("timing MSE (16ths)", "timing_mse", 4),
    ("velocity MAE", "velocity_mae", 3),
    ("timing KL", "timing_kl", 4),
    ("velocity KL", "velocity_kl", 4),
)

# Offsets and velocities for given hits, each (n, steps, 9).
Prediction = tuple[np.ndarray, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="the dataset's zip or folder")
    args = parser.parse_args()
    train, _, test = groove_midi.load_data(args.data, num_bars=2, hop_bars=1)
    print(table(train, test))


def table(train: GrooveWindows, test: GrooveWindows) -> str:
    """The Markdown table of all predictors."""
    known, real = split_grooves(train.arrays()), split_grooves(test.arrays())
    rows = {
        "quantized + mean velocity": quantized(known, real),
        "mean per cell": mean_per_cell(known, real),
        f"ridge regression on the hits ({RIDGE:g})": ridge(known, real),
        "nearest neighbour, 1": neighbours(known, real, 1),
        f"nearest neighbours, {NEIGHBOURS}": neighbours(known, real, NEIGHBOURS),
    }
    lines = [
        f"{len(test):,} windows, {int(real.hits.sum()):,} hits",
        "",
        "| predictor | " + " | ".join(title for title, _, _ in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for name, (velocities, offsets) in rows.items():
        print(name, file=sys.stderr)
        system = np.concatenate([real.hits, velocities, offsets], axis=-1)
        lines.append(row(name, scores(test, system)))
    floor = distribution_scores(
        count_groove(test.arrays()), count_groove(train.arrays())
    )
    lines.append(row("train against test (floor)", floor))
    return "\n".join(lines)


def scores(test: GrooveWindows, system: np.ndarray) -> dict[str, float]:
    real = test.arrays()
    return {
        **reconstruction_scores(count_reconstruction(real, system, test.tempo)),
        **distribution_scores(count_groove(real), count_groove(system)),
    }


def row(name: str, values: dict[str, float]) -> str:
    cells = [
        f"{values[key]:.{digits}f}" if key in values else ""
        for _, key, digits in COLUMNS
    ]
    return f"| {name} | {' | '.join(cells)} |"


def quantized(known: GrooveArrays, real: GrooveArrays) -> Prediction:
    """On the grid, at the mean velocity of all hits."""
    velocity = known.velocities[known.hits].mean()
    return np.where(real.hits, velocity, 0.0), np.zeros(real.hits.shape)


def mean_per_cell(known: GrooveArrays, real: GrooveArrays) -> Prediction:
    """The mean of all hits on the same step and drum."""
    count = known.hits.sum(axis=0)
    overall = known.velocities[known.hits].mean()
    velocities, offsets = (
        np.where(
            count > 0,
            values.sum(axis=0, dtype=np.float64) / np.maximum(count, 1),
            fallback,
        )
        for values, fallback in ((known.velocities, overall), (known.offsets, 0.0))
    )
    return real.hits * velocities, real.hits * offsets


def ridge(known: GrooveArrays, real: GrooveArrays) -> Prediction:
    """Linear in all hits of the window; rests count with the target 0."""
    inputs = with_bias(known.hits)
    targets = np.hstack([flat(known.velocities), flat(known.offsets)])
    gram = inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1])
    weights = np.linalg.solve(gram, inputs.T @ targets)
    velocities, offsets = np.split(with_bias(real.hits) @ weights, 2, axis=1)
    shape = real.hits.shape
    return (
        real.hits * np.clip(velocities, 0.0, 1.0).reshape(shape),
        real.hits * np.clip(offsets, -1.0, 1.0).reshape(shape),
    )


def neighbours(known: GrooveArrays, real: GrooveArrays, count: int) -> Prediction:
    """The mean of the train windows with the most similar hits, where these hit.

    Where none of them does, as `quantized`.
    """
    train, test = flat(known.hits).astype("f4"), flat(real.hits).astype("f4")
    velocities, offsets = quantized(known, real)
    for start in range(0, len(test), BLOCK):
        here = slice(start, start + BLOCK)
        differing = train.sum(axis=1) - 2.0 * test[here] @ train.T
        nearest = np.argsort(differing, axis=1, kind="stable")[:, :count]
        hits = known.hits[nearest].sum(axis=1)
        for values, predicted in (
            (known.velocities, velocities),
            (known.offsets, offsets),
        ):
            means = values[nearest].sum(axis=1) / np.maximum(hits, 1)
            predicted[here] = np.where(hits > 0, means, predicted[here])
    return real.hits * velocities, real.hits * offsets


def flat(cells: np.ndarray) -> np.ndarray:
    return cells.reshape(len(cells), -1).astype(np.float64)


def with_bias(hits: np.ndarray) -> np.ndarray:
    return np.hstack([flat(hits), np.ones((len(hits), 1))])


if __name__ == "__main__":
    main()
