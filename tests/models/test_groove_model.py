"""What `fit` and the other methods of Keras take, and what they refuse."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.backends import native
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import (
    ConfigError,
    GrooveError,
    TrainingError,
)
from keras_musicvae.grooves.groove import join_grooves

GROOVES = np.random.default_rng(0).random((4, 32, 27)).astype("float32")


def tiny(**kwargs):
    return MusicVAE(
        num_bars=2,
        encoder_units=(4,),
        latent_dim=3,
        conductor_units=None,
        decoder_units=(4,),
        **kwargs,
    )


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]


def loss(model, x, **kwargs):
    return model.evaluate(x, verbose=0, return_dict=True, **kwargs)["loss"]


def test_fit_takes_music_and_needs_no_compile(tmp_path):
    """The same steps from files, grooves and arrays."""
    grooves = tiny().sample(2, seed=1)
    paths = [tmp_path / f"{i}.mid" for i in range(2)]
    for groove, path in zip(grooves, paths, strict=True):
        groove.save(path)
    arrays = np.stack([tiny().preprocessor.to_array(groove) for groove in grooves])
    from_arrays = tiny()
    expected = from_arrays.fit(arrays, shuffle=False, verbose=0).history["loss"]
    for music in (grooves, paths, [str(paths[0]), grooves[1]]):
        history = tiny().fit(music, shuffle=False, verbose=0, validation_data=music)
        # A file keeps velocities of 1 to 127 and times in ticks.
        assert history.history["loss"] == pytest.approx(expected, rel=1e-2)
        assert np.isfinite(history.history["val_loss"]).all()
    assert tiny().predict(grooves, verbose=0)["outputs"].shape == (2, 32, 27)
    with pytest.raises(GrooveError, match="Without a preprocessor"):
        tiny(preprocessor=None).fit(str(paths[0]))


def test_fit_leaves_silent_windows_of_music_out():
    groove = tiny().sample(1, seed=1)[0]
    silence = replace(groove, hits=np.zeros_like(groove.hits), pitches=None)
    music = join_grooves([groove, silence, silence, groove])
    assert loss(tiny(), music) == loss(tiny(), [groove, groove])
    assert len(tiny().predict(music, verbose=0)["z_mean"]) == 4
    with pytest.raises(GrooveError, match="with a hit"):
        tiny().fit(silence, verbose=0)


def test_fit_takes_groove_windows():
    model = tiny()
    windows = GrooveWindows.from_grooves(model.sample(2, seed=1), model.preprocessor)
    expected = tiny().fit(windows.arrays(), shuffle=False, verbose=0).history["loss"]
    history = model.fit(windows, shuffle=False, verbose=0, validation_data=windows)
    assert history.history["loss"] == expected
    assert loss(model, windows) == pytest.approx(history.history["val_loss"][0])


def test_sample_weights_weigh_without_a_target():
    half = np.array([2, 2, 0, 0])
    assert loss(tiny(), GROOVES, sample_weight=half) == pytest.approx(
        loss(tiny(), GROOVES[:2]), rel=1e-4
    )
    nothing = np.zeros(4)
    history = (
        tiny()
        .fit(GROOVES, sample_weight=nothing, validation_split=0.5, verbose=0)
        .history
    )
    assert history["loss"] == history["val_loss"] == [0.0]
    history = (
        tiny().fit(GROOVES, validation_data=(GROOVES, None, nothing), verbose=0).history
    )
    assert history["loss"][0] > 0.0 == history["val_loss"][0]
    model = tiny()
    before = weights(model)
    model.train_on_batch(GROOVES, sample_weight=nothing.astype(int))
    np.testing.assert_equal(weights(model), before)


@pytest.mark.parametrize(
    "arguments",
    [{"y": GROOVES[::-1]}, {"y": np.arange(4)}, {"class_weight": {0: 1.0}}],
    ids=str,
)
def test_what_would_be_ignored_is_refused(arguments):
    with pytest.raises(TrainingError, match="must be left out"):
        tiny().fit(GROOVES, **arguments)


def test_an_autoencoder_may_be_given_its_input_as_target():
    assert tiny().fit(GROOVES, GROOVES, verbose=0).history["loss"][0] > 0


# JAX itself says that it takes float32, unless its own `jax_enable_x64` is on.
jax_takes_float32 = pytest.mark.filterwarnings("ignore:Explicitly requested dtype")


@jax_takes_float32
@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
def test_fit_in_other_precisions(dtype):
    model = tiny(dtype=dtype)
    before = weights(model)
    assert np.isfinite(model.fit(GROOVES, verbose=0).history["loss"]).all()
    assert any((a != b).any() for a, b in zip(weights(model), before, strict=True))


@jax_takes_float32
def test_fit_where_floats_are_float64():
    keras.config.set_floatx("float64")
    try:
        assert np.isfinite(tiny().fit(GROOVES, verbose=0).history["loss"]).all()
    finally:
        keras.config.set_floatx("float32")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_in_half_precision_are_not_trained(dtype):
    """Keras's Adam would divide by zero, or stand still."""
    with pytest.raises(TrainingError, match=f"mixed_{dtype}"):
        tiny(dtype=dtype).fit(GROOVES)


def test_summary_shows_shapes():
    lines: list[str] = []
    tiny(plan_dim=2, prior_units=3).summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "?" not in text
    assert "(None, 8)" in text and "(None, 32, 27)" in text


def test_quantization_is_refused():
    with pytest.raises(ConfigError, match="bfloat16"):
        tiny().quantize("int8")


def exported(path, x):
    """What an exported model gives for grooves, one by one."""
    if native.EXPORT_FORMAT == "torch":
        torch = pytest.importorskip("torch")
        call = torch.export.load(path).module()
        rows = [call(torch.tensor(row[None]))["outputs"] for row in x]
        return np.concatenate([row.detach().numpy() for row in rows])
    module = pytest.importorskip("tensorflow").saved_model.load(path)
    return module.serve(x)["outputs"].numpy()


@pytest.mark.filterwarnings("ignore")
def test_export(tmp_path):
    if native.EXPORT_FORMAT == "tf_saved_model":
        pytest.importorskip("tensorflow")  # which JAX needs besides
    model = tiny()
    path = str(tmp_path / "model.pt2")
    model.export(path, verbose=False)
    expected = model.predict(GROOVES, verbose=0)["outputs"]
    np.testing.assert_allclose(exported(path, GROOVES), expected, atol=1e-5)
    with pytest.raises(ConfigError, match=f"must be '{native.EXPORT_FORMAT}'"):
        model.export(path, "openvino")
