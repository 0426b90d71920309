"""Training that a backend would do otherwise than it should is refused."""

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
