"""A model small enough to train in a test, and grooves to train it on."""

import numpy as np
import pytest

from keras_musicvae import MusicVAE


@pytest.fixture
def tiny():
    """Builds a tiny model; keyword arguments replace the defaults."""

    def build(**arguments):
        defaults = {
            "num_bars": 2,
            "steps_per_bar": 4,
            "encoder_units": (6,),
            "latent_dim": 3,
            "conductor_units": (4,),
            "decoder_units": (5,),
            "free_bits": 0.0,
            "seed": 1,
            "preprocessor": None,
        }
        return MusicVAE(**{**defaults, **arguments})

    return build


@pytest.fixture
def grooves():
    """(16, 8, 27): eight steps."""
    rng = np.random.default_rng(0)
    hits = rng.random((16, 8, 9)) < 0.3
    velocities = hits * rng.random(hits.shape)
    offsets = hits * rng.uniform(-1, 1, hits.shape)
    return np.concatenate([hits, velocities, offsets], -1).astype("float32")
