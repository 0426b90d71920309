"""Makes `groove_debug`, the tiny preset of tests and doctests, anew.

Its weights are random numbers from NumPy, the same on every machine and backend, with
biases that make it hit about as often as a drummer. It is complete (a conductor, two
layers in the note decoder) and knows nothing about music.

    python tools/make_debug_preset.py
"""

import os
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from build_preset import build, register

from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.presets.preset_io import save_preset
from keras_musicvae.presets.registry import PACKAGED_PRESETS

NAME = "groove_debug"
SEED = 20190513
# Logits of a hit per drum: kick, snare and closed hi-hat often, the others seldom.
HIT_BIASES = (-1.0, -1.5, 0.0, -4.0, -4.0, -4.0, -3.0, -4.0, -3.0)
# Above Glorot's limits, so that z, step and drum make a difference without training.
GAIN, HIT_GAIN = 3.0, 10.0


def make_model() -> MusicVAE:
    """A 2-bar hierarchical model of a few thousand parameters."""
    model = MusicVAE(
        num_bars=2,
        encoder_units=(8,),
        latent_dim=8,
        conductor_units=(8,),
        decoder_units=(12, 12),
        free_bits=6.0,
        name="music_vae",
        preprocessor=GrooveConverter(num_bars=2),
    )
    random = np.random.default_rng(SEED)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if len(shape) == 2:
            limit = GAIN * np.sqrt(6.0 / sum(shape))
            weight.assign(random.uniform(-limit, limit, shape).astype("float32"))
        elif weight.dtype == "float32":
            weight.assign(np.zeros(shape, "float32"))
    output = model.decoder.note_decoder.output_projection
    kernel, bias = (keras.ops.convert_to_numpy(part).copy() for part in output.weights)
    kernel[:, : len(HIT_BIASES)] *= HIT_GAIN / GAIN
    bias[: len(HIT_BIASES)] = HIT_BIASES
    output.set_weights([kernel, bias])
    return model


def main() -> int:
    """Builds and registers the preset."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1557705600")
    with tempfile.TemporaryDirectory() as folder:
        source = save_preset(
            make_model(),
            Path(folder) / "debug",
            training={"dataset": "none: random weights", "seed": SEED},
        )
        entry = build(
            source,
            NAME,
            PACKAGED_PRESETS / NAME,
            description="A tiny model with random weights, for tests and examples.",
            purpose="tests and doctests: random rhythms, no music",
            license="Apache-2.0",
        )
    register(NAME, entry)
    print(f"{NAME}: {entry['metadata']['size']} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
