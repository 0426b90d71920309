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


@pytest.mark.skipif(BACKEND != "torch", reason="`torchrun`")
def test_torchrun_without_a_process_group_would_train_apart(monkeypatch):
    model = tiny()
    model.compile()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="torchrun has started 2 processes"):
        model.fit(np.zeros((2, 16, 27), "float32"))
    monkeypatch.setenv("WORLD_SIZE", "1")
    native.check_training(model)
