"""A small model and small windows, for tests of the whole evaluation."""

from functools import cache

import numpy as np
from evaluation.synthetic import random_grooves

from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.groove import Groove, join_grooves

CONVERTER = GrooveConverter(num_bars=2)
OPTIONS = {"samples": 12, "pairs": 3, "repeats": 20, "batch_size": 8}


def small_windows(files: int = 5, bars: int = 4, *, seed: int = 0) -> GrooveWindows:
    """Windows of two bars, without overlap, of random grooves."""
    grooves = []
    for file in range(files):
        parts = random_grooves(bars // 2, seed=100 * seed + file)
        tempo = 90.0 + 10.0 * file
        grooves.append(join_grooves([as_groove(part, tempo) for part in parts]))
    return GrooveWindows.from_grooves(grooves, CONVERTER, hop_bars=2, split="test")


def as_groove(array: np.ndarray, tempo: float) -> Groove:
    return CONVERTER.to_groove(array, tempo=tempo)


@cache
def small_model(**config):
    """One model per configuration, so that it is compiled once; not to be changed."""
    from keras_musicvae.models.music_vae import MusicVAE

    settings = {
        "num_bars": 2,
        "encoder_units": (8,),
        "latent_dim": 6,
        "conductor_units": (8,),
        "decoder_units": (8,),
        "preprocessor": None,
    }
    return lively(MusicVAE(**(settings | config)))


def lively(model):
    """New weights hit nothing and say nothing of z; these do."""
    generator = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(generator.normal(0.0, 2.0, weight.shape))
    return model


@cache
def small_evaluation(name: str = "small", flat: bool = False):
    """Evaluated once for all tests; not to be changed."""
    from keras_musicvae.evaluation.evaluate import evaluate_model

    config = {"conductor_units": None} if flat else {}
    return evaluate_model(
        small_model(**config),
        small_windows(),
        training=small_windows(seed=1),
        name=name,
        **OPTIONS,
    )
