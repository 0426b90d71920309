"""Adam by the backend's own kernel is Keras's Adam, step for step.

The kernels read memory as it lies, so gradients come from a real backward pass here,
some of them transposed.
"""

from importlib import import_module

import keras
import numpy as np
import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.backends.optimizers import is_plain_adam

BACKEND = keras.backend.backend()
pytestmark = pytest.mark.skipif(
    BACKEND == "jax", reason="XLA makes the kernel by itself"
)


def trained(optimizer):
    """Weights and optimizer variables after a few steps; the dead units have no
    gradient, the first steps are clipped."""
    model = MusicVAE(
        num_bars=2,
        encoder_units=(8,),
        latent_dim=4,
        conductor_units=(6,),
        decoder_units=(6, 6),
        gradient_clip_norm=20.0,
    )
    model.compile(optimizer)
    rng = np.random.default_rng(0)
    grooves = rng.random((12, 32, 27)).astype("float32")
    model.fit(grooves, batch_size=4, epochs=2, shuffle=False, verbose=0)
    variables = [*model.trainable_variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def adam(**kwargs):
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, 2, 0.5)
    return keras.optimizers.Adam(schedule, epsilon=1e-8, **kwargs)


def test_same_weights_and_moments_as_keras(monkeypatch):
    fused = trained(adam())
    module = import_module(f"keras_musicvae.backends.{BACKEND}")
    monkeypatch.setattr(module, "is_plain_adam", lambda *_: False)
    for ours, theirs in zip(fused, trained(adam()), strict=True):
        # A step is 1e-2: what is left is rounding, in units with hardly a gradient.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=5e-6)


@pytest.mark.parametrize("name", ["_momentums", "_velocities", "_get_variable_index"])
def test_without_a_private_name_keras_takes_over(name, monkeypatch):
    """As in a version of Keras that calls it otherwise."""
    optimizer = adam()
    optimizer.build([])
    assert is_plain_adam(optimizer, [])
    if name in vars(optimizer):
        delattr(optimizer, name)
    else:
        owner = next(cls for cls in type(optimizer).__mro__ if name in vars(cls))
        monkeypatch.delattr(owner, name)
    assert not is_plain_adam(optimizer, [])


@pytest.mark.skipif(BACKEND != "torch", reason="`torch.lstm`")
def test_kerass_loop_takes_over_where_torch_lstm_is_gone(monkeypatch):
    import torch

    fused = trained(adam())
    monkeypatch.delattr(torch, "lstm")
    for ours, theirs in zip(fused, trained(adam()), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "extras",
    [
        {"amsgrad": True},
        {"clipvalue": 0.5},
        {"clipnorm": 0.5},
        {"use_ema": True},
        {"weight_decay": 0.1},
        {"gradient_accumulation_steps": 2},
        {"loss_scale_factor": 2.0},
    ],
    ids=str,
)
def test_what_the_kernel_cannot_do_is_left_to_keras(extras):
    optimizer = adam(**extras)
    optimizer.build([])
    assert not is_plain_adam(optimizer, [])


def test_other_optimizers_are_left_to_keras():
    class Changed(keras.optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            pass

    for cls in (keras.optimizers.SGD, keras.optimizers.Nadam, Changed):
        optimizer = cls(1e-3)
        optimizer.build([])
        assert not is_plain_adam(optimizer, [])
    plain = adam()
    assert not is_plain_adam(plain, [])  # its moments do not exist yet
    plain.build([])
    assert is_plain_adam(plain, [])
