"""Trains the original's configuration as the original was trained, and compares.

    python tools/original_run.py data/groove_4bar --out original_run.json

Magenta's own code (groovae_4bar: flat decoder, batch 64, dropout 0.7, Adam with a
decaying rate, 1,343 steps, 86,000 windows) reached the figures in `ORIGINAL` on the 526
test windows. The same course with this package has to end near them. An hour on one
core, twenty minutes on two; interrupted, it begins anew. With `--preset DIR` the model
is kept, so that `keras-musicvae evaluate DIR` gives the original a column.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_musicvae import MusicVAE
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.evaluation.evaluate import Settings
from keras_musicvae.evaluation.model import measure_model, sample_sets
from keras_musicvae.evaluation.sets import set_of_windows
from keras_musicvae.files import replacing
from keras_musicvae.training.batches import WindowBatches
from keras_musicvae.training.recipe import PRECISIONS
from keras_musicvae.training.run import hardware

STEPS, BATCH_SIZE = 1343, 64
# Of Magenta's code, one run: (section, figure) -> value.
ORIGINAL = {
    ("loss", "reconstruction"): 147.14,
    ("loss", "kl_bits"): 46.8,
    ("loss", "original_total"): 147.28,
    ("free_running", "f1"): 0.578,
    ("free_running", "timing_mae_ms"): 17.96,
    ("free_running", "velocity_mae"): 0.208,
    ("samples", "hits_per_bar"): 19.3,  # of 1,000
}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="preprocessed windows")
    parser.add_argument("--out", type=Path, required=True, help="JSON to write")
    parser.add_argument("--preset", type=Path, help="folder to keep the model in")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    args = parser.parse_args()
    windows = GrooveWindows.load(args.data)
    model = original_model(args.seed, PRECISIONS[args.precision])
    model.preprocessor = windows.converter
    model.fit(
        Repeated(windows.split("train"), model, args.steps, seed=args.seed),
        shuffle=False,
        verbose=1,  # one long epoch: a bar, not a line at its end
    )
    if args.preset:
        dataset = "{name}, fingerprint {fingerprint}".format(**windows.info["source"])
        model.save_to_preset(args.preset, training={"dataset": dataset})
    real = set_of_windows(windows.canonical("test"), "test")
    result = measure_model(model, real, settings=Settings(repeats=200))
    samples = sample_sets(
        model, real, name="original", num_samples=1000, temperatures=(1.0,)
    )[0]
    hits = float((samples.grooves[..., :9] > 0.5).sum())
    figures = {**result.figures, "samples": {"hits_per_bar": hits / 1000 / 4}}
    record = {
        "seed": args.seed,
        "steps": args.steps,
        "windows": args.steps * BATCH_SIZE,
        "precision": args.precision,
        "backend": keras.backend.backend(),
        "hardware": hardware(),
        "figures": {
            f"{section}.{name}": {
                "original": value,
                "ours": round(figures[section][name], 4),
                "interval": result.intervals.get(section, {}).get(name),
            }
            for (section, name), value in ORIGINAL.items()
        },
    }
    with replacing(args.out) as path:
        path.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


def original_model(seed: int, dtype: str = "float32") -> MusicVAE:
    """groovae_4bar, compiled with the original's optimizer, its weights drawn alike."""
    model = MusicVAE(conductor_units=None, dropout=0.7, seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.LSTM):
            # One Glorot-uniform matrix for inputs and state, as in its LSTM cells.
            inputs, gates = layer.cell.kernel.shape
            units = gates // 4
            limit = np.sqrt(6.0 / (inputs + units + gates))
            joint = rng.uniform(-limit, limit, (inputs + units, gates))
            layer.cell.kernel.assign(joint[:inputs].astype("float32"))
            layer.cell.recurrent_kernel.assign(joint[inputs:].astype("float32"))
    model.compile()
    return model


class Repeated(WindowBatches):
    """A number of steps as one epoch, over as many passes as it takes."""

    def __init__(
        self, windows: GrooveWindows, model: MusicVAE, steps: int, *, seed: int
    ) -> None:
        self.steps = steps
        super().__init__(windows, model.to_batch, BATCH_SIZE, seed=seed)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Any]:
        epoch, index = divmod(index, len(self.windows) // BATCH_SIZE)
        while self.epoch < epoch:
            super().on_epoch_end()
        return super().__getitem__(index)

    def on_epoch_end(self) -> None:
        """The passes are counted where batches are taken."""


if __name__ == "__main__":
    main()
