import keras
import numpy as np
import pytest
from checkpoint_writers import ARCHITECTURES, SMALL, random_weights

from keras_musicvae.errors import CheckpointError
from keras_musicvae.magenta.architecture import MagentaArchitecture
from keras_musicvae.magenta.layout import (
    architecture_of,
    export_magenta_variables,
    load_magenta_weights,
    lstm_from_magenta,
    lstm_to_magenta,
)
from keras_musicvae.models.music_vae import MusicVAE


def model_of(architecture: MagentaArchitecture) -> MusicVAE:
    return MusicVAE(
        num_bars=2,
        steps_per_bar=4,
        encoder_units=architecture.encoder_units,
        hierarchical_encoder=architecture.hierarchical_encoder,
        latent_dim=architecture.latent_dim,
        conductor_units=architecture.conductor_units or None,
        conductor_autoregressive=architecture.autoregressive_conductor,
        decoder_units=architecture.decoder_units,
        known="magenta_hits" if architecture.control_dim else "nowhere",
        preprocessor=None,
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_a_converted_lstm_computes_what_the_original_computes():
    rng = np.random.default_rng(0)
    inputs, units = 5, 3
    kernel = rng.normal(size=(inputs + units, 4 * units))
    bias = rng.normal(size=4 * units)
    x, h, c = rng.normal(size=inputs), rng.normal(size=units), rng.normal(size=units)

    # TensorFlow 1's LSTMBlockCell.
    i, g, f, o = np.split(np.concatenate([x, h]) @ kernel + bias, 4)
    c_expected = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    h_expected = sigmoid(o) * np.tanh(c_expected)

    layer = keras.layers.LSTM(units, return_state=True)
    layer.build((None, None, inputs))
    layer.set_weights(lstm_from_magenta(kernel, bias))
    state = [h[None].astype("float32"), c[None].astype("float32")]
    _, h_ours, c_ours = layer(x[None, None].astype("float32"), initial_state=state)
    to_numpy = keras.ops.convert_to_numpy
    np.testing.assert_allclose(to_numpy(h_ours)[0], h_expected, atol=1e-6)
    np.testing.assert_allclose(to_numpy(c_ours)[0], c_expected, atol=1e-6)


def test_the_layouts_are_inverse_to_each_other():
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(8, 12)), rng.normal(size=12)
    for forget_bias in (0.0, 1.0):
        keras_arrays = lstm_from_magenta(kernel, bias, forget_bias=forget_bias)
        assert [array.shape for array in keras_arrays] == [(5, 12), (3, 12), (12,)]
        again = lstm_to_magenta(*keras_arrays, forget_bias=forget_bias)
        np.testing.assert_array_equal(again[0], kernel)
        np.testing.assert_allclose(again[1], bias, atol=1e-15)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_go_into_a_model_and_come_out_again(name):
    architecture = ARCHITECTURES[name]
    model = model_of(architecture)
    assert architecture_of(model) == architecture
    weights = random_weights(architecture)
    assert sum(array.size for array in weights.values()) == sum(
        int(np.prod(variable.shape)) for variable in model.trainable_variables
    )
    load_magenta_weights(model, {**weights, "global_step": 7})
    exported = export_magenta_variables(model)
    assert list(exported) == list(weights)
    for variable, array in exported.items():
        np.testing.assert_allclose(array, weights[variable], atol=1e-7)


def test_gradients_are_exported_without_the_forget_bias():
    model = model_of(SMALL)
    gradients = [np.full(v.shape, 2.0, "float32") for v in model.trainable_variables]
    exported = export_magenta_variables(model, gradients)
    assert {name: array.shape for name, array in exported.items()} == SMALL.variables
    assert all((array == 2.0).all() for array in exported.values())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda w: w.pop("encoder/mu/bias"), "lacks .*encoder/mu/bias"),
        (lambda w: w.update({"encoder/mu/bias": np.zeros(3)}), "encoder/mu/bias"),
        (lambda w: w["encoder/mu/bias"].fill(np.nan), "not finite"),
    ],
)
def test_a_bad_checkpoint_leaves_the_model_as_it_was(change, match):
    model = model_of(SMALL)
    before = export_magenta_variables(model)
    weights = random_weights(SMALL)
    change(weights)
    with pytest.raises(CheckpointError, match=match):
        load_magenta_weights(model, weights)
    for name, array in export_magenta_variables(model).items():
        np.testing.assert_array_equal(array, before[name])
