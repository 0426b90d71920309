"""Training that a backend would do otherwise than it should is refused."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.backends import native
from keras_musicvae.errors import TrainingError

BACKEND = keras.backend.backend()


def tiny():
    return MusicVAE(
        num_bars=1, encoder_units=(4,), latent_dim=2, decoder_units=(4,), seed=1
    )


@pytest.mark.skipif(BACKEND != "torch", reason="`torch.compile`")
def test_torch_compile_is_refused_at_compile():
    with pytest.raises(TrainingError, match="jit_compile=False"):
        tiny().compile(jit_compile=True)


@pytest.mark.skipif(BACKEND != "torch", reason="`torch.distributed`")
def test_torch_processes_that_would_train_apart(monkeypatch):
    import torch

    model = tiny()
    model.compile()
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(TrainingError, match=r"`torch.distributed` has 2"):
        model.fit(np.zeros((2, 16, 27), "float32"))
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 1)
    native.check_training(model)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="`tf.distribute`")
def test_tensorflow_replicas_that_would_draw_alike(monkeypatch):
    class TwoReplicas:
        num_replicas_in_sync = 2

    model = tiny()
    monkeypatch.setattr(type(model), "distribute_strategy", TwoReplicas())
    with pytest.raises(TrainingError, match="2 replicas"):
        model.compile()


TWO_DEVICES = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import keras, numpy as np
from keras_musicvae import MusicVAE

def losses():
    model = MusicVAE(num_bars=1, encoder_units=(4,), latent_dim=2, dropout=0.5,
                     conductor_units=None, decoder_units=(4,))
    x = np.random.default_rng(0).random((4, 16, 27))
    return model.fit(x, batch_size=2, shuffle=False, verbose=0).history["loss"]

one = losses()
devices = keras.distribution.list_devices()
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
np.testing.assert_allclose(losses(), one, rtol=1e-5)
print(len(devices), "devices agree")
"""


@pytest.mark.skipif(BACKEND != "jax", reason="`keras.distribution`")
def test_jax_trains_on_two_devices_as_on_one():
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True
    )
    assert "2 devices agree" in done.stdout, done.stderr
