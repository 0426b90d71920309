"""A stranger adds a task and a condition: one entry each, and everything works."""

import numpy as np
import pytest

from keras_musicvae import GrooveConverter, MusicVAE
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.grooves.conditions import (
    CONDITIONS,
    NumberCondition,
    fit_conditions,
    register_condition,
)
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.tasks import TASKS, Task, register_task
from keras_musicvae.training.batches import WindowBatches


def kick_and_snare(examples, generator):
    mask = np.zeros(examples.grooves.shape, bool)
    for drum in (0, 1):
        mask[..., drum::9] = True
    return examples.grooves, mask


def hats_per_bar(examples):
    return examples.grooves[..., 2].sum(axis=1) / examples.num_bars


@pytest.fixture
def strangers():
    register_task(Task("beat", "Kick and snare are known.", kick_and_snare))
    register_condition(NumberCondition("hats", "Hi-hats per bar.", hats_per_bar))
    yield
    del TASKS["beat"], CONDITIONS["hats"]


def grooves(number):
    rng = np.random.default_rng(0)
    return [
        Groove(
            rng.random((64, 9)) < 0.3, rng.random((64, 9)), rng.random((64, 9)) - 0.5
        )
        for _ in range(number)
    ]


def test_a_strangers_task_and_condition(strangers, tmp_path):
    windows = GrooveWindows.from_grooves(grooves(8), GrooveConverter(2))
    vocabularies = fit_conditions(["hats"], windows.examples())
    converter = GrooveConverter(2, task="beat", conditions=vocabularies)
    model = MusicVAE(
        encoder_units=(8,),
        latent_dim=4,
        conductor_units=(8,),
        decoder_units=(8,),
        heads="histogram",
        preprocessor=converter,
    )
    model.compile()
    history = model.fit(
        WindowBatches(windows, model.to_batch, 8, seed=0),
        validation_data=(model.to_batch(windows.examples()),),
        verbose=0,
    )
    assert np.isfinite(history.history["val_loss"]).all()
    model.save_to_preset(tmp_path / "preset")
    model = MusicVAE.from_preset(tmp_path / "preset")
    assert model.preprocessor == converter
    music = grooves(1)[0]
    known = [0, 1]
    for groove in (
        *model.reconstruct(music, seed=0),
        *model.sample(2, known=music, condition={"hats": 12}, seed=0),
    ):
        np.testing.assert_array_equal(groove.hits[:, known], music.hits[:, known])
        np.testing.assert_array_equal(
            groove.velocities[:, known], music.velocities[:, known]
        )
        np.testing.assert_array_equal(groove.offsets[:, known], music.offsets[:, known])
        assert groove.num_bars == 4
    few, many = (
        model.sample(1, known=music, condition={"hats": hats}, seed=0, temperature=0)
        for hats in (0, 1e4)
    )
    assert (few[0].hits != many[0].hits).any()
