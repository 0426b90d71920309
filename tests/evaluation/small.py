"""A small model, small windows and a small evaluation, for tests."""

from functools import cache

import numpy as np
from evaluation.synthetic import drummers, random_grooves

from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.evaluation.evaluate import Reference, Settings
from keras_musicvae.evaluation.sets import GrooveSet, set_of_windows
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.groove import Groove, join_grooves

CONVERTER = GrooveConverter(num_bars=2)
SETTINGS = Settings(repeats=20)


def small_windows(files: int = 5, bars: int = 4, *, seed: int = 0) -> GrooveWindows:
    """Windows of two bars, without overlap, of random grooves."""
    grooves = []
    for file in range(files):
        parts = random_grooves(bars // 2, seed=100 * seed + file)
        tempo = 90.0 + 10.0 * file
        grooves.append(join_grooves([as_groove(part, tempo) for part in parts]))
    return GrooveWindows.from_grooves(grooves, CONVERTER, hop_bars=2, split="test")


def small_set() -> GrooveSet:
    return set_of_windows(small_windows(), "test")


def as_groove(array: np.ndarray, tempo: float) -> Groove:
    return CONVERTER.to_groove(array, tempo=tempo)


@cache
def small_reference() -> Reference:
    """Synthetic drummers: 24 files as the reference, 24 others as training."""
    training = drummers(24, seed=1)
    return Reference(
        real=drummers(24, seed=0),
        training=training,
        drummers=training,
        file_names=[f"{i}.mid" for i in range(24)],
        start_bars=np.arange(len(training)),
        about={"split": "test", "windows": 144, "files": 24, "num_bars": 4, "hits": 1},
    )


@cache
def small_model(**config):
    """One model per configuration, so that it is compiled once; not to be changed."""
    from keras_musicvae.models.music_vae import MusicVAE

    settings = {
        "num_bars": 2,
        "encoder_units": (8,),
        "latent_dim": 6,
        "conductor_units": (8,),
        "preprocessor": None,
        "decoder_units": (8,),
    }
    return lively(MusicVAE(**(settings | config)))


def lively(model):
    """New weights hit nothing and say nothing of z; these do."""
    generator = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(generator.normal(0.0, 2.0, weight.shape))
    return model


@cache
def small_measures():
    """Measured once for all tests; not to be changed."""
    from keras_musicvae.evaluation.model import measure_model

    return measure_model(
        small_model(),
        small_set(),
        name="small",
        settings=SETTINGS,
        pairs=3,
        batch_size=8,
    )
