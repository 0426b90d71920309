"""The ONNX graphs: what onnxruntime computes is what the model computes."""

import json

import numpy as np
import pytest
from small_studio import small_model

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.frames import HITS
from keras_musicvae.models.music_vae import MusicVAE

onnxruntime = pytest.importorskip("onnxruntime")

KINDS = {
    "hierarchical": {},
    "flat, two layers": {
        "hierarchical_encoder": False,
        "encoder_units": (7, 5),
        "decoder_units": (9, 8),
        "lookback": 0,
    },
    "without conditions and flow": {"conditions": {}, "prior_units": 0},
}


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def exported(request, tmp_path_factory):
    model = small_model(**request.param)
    folder = tmp_path_factory.mktemp("onnx")
    names = [path.name for path in model.export_onnx(folder)]
    sessions = {
        name.removesuffix(".onnx"): onnxruntime.InferenceSession(folder / name)
        for name in names
        if name.endswith(".onnx")
    }
    return model, sessions, json.loads((folder / "graphs.json").read_text())


def arrays(model, number=5):
    random = np.random.default_rng(3)
    shape = (number, model.num_steps, 27)
    given = {}
    if model.condition_dim:
        condition = random.normal(size=(number, model.condition_dim))
        given["condition"] = condition.astype(np.float32)
    z = random.normal(size=(number, model.latent_dim)).astype(np.float32)
    noise = random.uniform(1e-3, 1 - 1e-3, shape).astype(np.float32)
    return z, noise, given


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_sampler_plays_what_the_model_plays(exported, temperature):
    model, sessions, _ = exported
    z, noise, given = arrays(model)
    scale = np.array(temperature, np.float32)
    inputs = {"z": z, "noise": noise, "temperature": scale, **given}
    (grooves,) = sessions["sampler"].run(None, inputs)
    expected = model.inference.decode(z, noise, temperature, given)
    assert expected[..., HITS].sum() > 20
    np.testing.assert_array_equal(grooves[..., HITS], expected[..., HITS])
    np.testing.assert_allclose(grooves, expected, atol=1e-4)


def test_the_encoder_finds_what_the_model_finds(exported):
    model, sessions, _ = exported
    z, noise, given = arrays(model)
    grooves = model.inference.decode(z, noise, 1.0, given)
    found = sessions["encoder"].run(None, {"grooves": grooves, **given})
    expected = model.inference.encode({"grooves": grooves, **given})
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_prior_draws_what_the_model_draws(exported):
    model, sessions, _ = exported
    z, _, given = arrays(model)
    if not model.prior_units:
        assert "prior" not in sessions
        return
    base = np.zeros_like(given["condition"])
    (drawn,) = sessions["prior"].run(None, {"noise": z, "base": base, **given})
    expected = model.prior.draw(z, given["condition"], base)
    np.testing.assert_allclose(drawn, expected, rtol=1e-4, atol=1e-4)


def test_graphs_json_says_what_the_graphs_read_and_give(exported):
    model, sessions, about = exported
    for name, session in sessions.items():
        for part, values in (
            ("inputs", session.get_inputs()),
            ("outputs", session.get_outputs()),
        ):
            assert about[name][part] == {value.name: value.shape for value in values}
    assert about["preprocessor"] == model.preprocessor.get_config()


def test_weights_in_half_precision_take_half(tmp_path):
    model = small_model(decoder_units=(96,))
    sizes = {}
    for dtype in ("float32", "float16"):
        model.export_onnx(tmp_path / dtype, dtype=dtype)
        sizes[dtype] = (tmp_path / dtype / "sampler.onnx").stat().st_size
    assert sizes["float16"] < 0.75 * sizes["float32"]
    session = onnxruntime.InferenceSession(tmp_path / "float16" / "sampler.onnx")
    z, noise, given = arrays(model)
    scale = np.array(1.0, np.float32)
    inputs = {"z": z, "noise": noise, "temperature": scale, **given}
    (grooves,) = session.run(None, inputs)
    expected = model.inference.decode(z, noise, 1.0, given)
    assert (grooves[..., HITS] == expected[..., HITS]).mean() > 0.9


def test_other_models_and_dtypes_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="conductor_units=None can be exported"):
        MusicVAE(num_bars=2, latent_dim=4).export_onnx(tmp_path)
    with pytest.raises(ConfigError, match="`dtype` must be one of float16, float32"):
        small_model().export_onnx(tmp_path, dtype="int8")
    assert not list(tmp_path.iterdir())
