"""What a preset's samples are like when they are drawn from other priors.

    python tools/priors.py groove_4bar data/groove_4bar docs/results/priors.md

By this table the reach of `models/prior.py` was chosen. Samples at temperature 1 are
measured against the validation windows; the last line is these windows themselves.
"""

import argparse
from pathlib import Path

import numpy as np

from keras_musicvae import MusicVAE
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.evaluation.distributions import (
    count_set,
    distance_figures,
    playing_figures,
)
from keras_musicvae.evaluation.neighbours import copy_figures, nearest_hit_patterns
from keras_musicvae.evaluation.sets import GrooveSet, set_of_windows
from keras_musicvae.evaluation.system import System
from keras_musicvae.files import replacing
from keras_musicvae.models.prior import NEIGHBOURS
from keras_musicvae.models.random import Draws, Purpose

# How far a sample goes towards its neighbours, in multiples of their distance.
REACHES = (0.5, 0.75, 1.0, 1.5, 2.0)
COLUMNS = {
    "changes": "bars change, cells per hit",
    "nearest": "nearest training groove, cells per hit",
    "copied": "copied",
    "timing_kl": "timing KL",
    "velocity_kl": "velocity KL",
    "hits_per_bar": "hits per bar",
}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, help="Markdown file to write")
    parser.add_argument("--num-samples", type=int, default=1024, help="samples of each")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model = MusicVAE.from_preset(args.preset)
    windows = GrooveWindows.load(args.data)
    test = set_of_windows(windows.canonical("validation"), "validation")
    training = windows.split("train").arrays()
    lines = [
        "| prior | " + " | ".join(COLUMNS.values()) + " |",
        "| --- |" + " ---: |" * len(COLUMNS),
    ]
    for name, latents in priors(model, args.num_samples, args.seed).items():
        played = System(model).decode(latents, temperature=1.0, seed=args.seed)
        lines.append(_line(name, measure(played, test, training)))
        print(lines[-1], flush=True)
    lines.append(_line("validation windows", measure(test.grooves, test, training)))
    with replacing(args.out) as path:
        path.write_text("\n".join(lines) + "\n")


def priors(model: MusicVAE, number: int, seed: int) -> dict[str, np.ndarray]:
    """Latents by the name of what they are drawn from, with the noise of `sample`."""
    normal = Draws(seed).normal(Purpose.LATENTS, (number, model.latent_dim))
    uniform = Draws(seed).uniform(Purpose.COMPONENTS, (number,))
    grooves = np.asarray(model.prior.get_weights()[0])
    spread = np.cov(grooves.T) + 1e-6 * np.eye(model.latent_dim)
    gaussian = normal @ np.linalg.cholesky(spread).T + model.prior.centre
    towards = {
        f"towards {NEIGHBOURS} neighbours, {reach:g} times as far as they lie apart": (
            model.prior.draw(np.float32(reach) * normal, uniform)
        )
        for reach in REACHES
    }
    return {
        "N(0, I)": normal,
        "one Gaussian": gaussian.astype(np.float32),
        "the grooves themselves": model.prior.draw(0.0 * normal, uniform),
        **towards,
    }


def measure(
    played: np.ndarray, test: GrooveSet, training: np.ndarray
) -> dict[str, float]:
    """The figures of `COLUMNS`."""
    real, given = count_set(test), count_set(GrooveSet("played", played))
    ones = np.ones(len(given))
    distances = distance_figures(real, given, np.ones(len(real)), ones)
    playing = playing_figures(given, ones)
    cells, _ = nearest_hit_patterns(played, training)
    copies = copy_figures(cells, given.cells.sum(axis=1), ones)
    return {
        "changes": float(playing["bar_changes"]),
        "nearest": float(copies["nearest_per_hit"]),
        "copied": float(copies["within_0"]),
        **{name: float(distances[name]) for name in ("timing_kl", "velocity_kl")},
        "hits_per_bar": float(playing["density"]),
    }


def _line(name: str, figures: dict[str, float]) -> str:
    cells = (
        f"{figures[column]:.{1 if column == 'hits_per_bar' else 3}f}"
        for column in COLUMNS
    )
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
