import json

import keras
import numpy as np
import numpy_magenta
import pytest
from checkpoint_writers import (
    ARCHITECTURES,
    HITS_CONTROL,
    SMALL,
    random_weights,
    with_training_state,
    write_bundle,
    write_tfjs,
)
from shared_data import shared_path

from keras_musicvae.errors import CheckpointError, ConfigError
from keras_musicvae.models.music_vae import MusicVAE

GOLDEN = {
    "groovae_2bar_hits_control_reduced": 2,
    "groovae_2bar_tap_reduced": 2,
    "groovae_4bar_reduced": 4,
    "hierdec_groovae_4bar_reduced": 4,
}


@pytest.fixture
def small(tmp_path):
    write_bundle(tmp_path / "model.ckpt-7", with_training_state(random_weights(SMALL)))
    return tmp_path


def outputs_of(model: MusicVAE, batch: dict) -> dict:
    tensors = model(batch)
    return {name: keras.ops.convert_to_numpy(x) for name, x in tensors.items()}


def random_grooves(num_steps: int, number: int = 3) -> np.ndarray:
    rng = np.random.default_rng(1)
    hits = (rng.random((number, num_steps, 9)) < 0.3).astype(np.float32)
    velocities = hits * rng.random(hits.shape)
    offsets = hits * rng.uniform(-1, 1, hits.shape)
    return np.concatenate([hits, velocities, offsets], -1).astype(np.float32)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_checkpoints_compute_what_magenta_computed(name):
    folder = shared_path(f"golden/models/{name}")
    golden = np.load(folder / "golden.npz")
    task = "tap2drum" if "tap" in name else None
    model = MusicVAE.from_magenta(
        folder / "model.ckpt-7", num_bars=GOLDEN[name], task=task
    )
    batch = {
        "grooves": golden["output_sequence"],
        "lengths": golden["sequence_length"],
        "noise": golden["eps"],
    }
    if model.known_path.is_read:
        batch["known"] = np.tile(golden["input_sequence"], 2)
    outputs = outputs_of(model, batch)
    for ours, theirs in (
        ("z_mean", "mu"),
        ("z_stddev", "sigma"),
        ("outputs", "teacher_rnn_output"),
    ):
        np.testing.assert_allclose(
            outputs[ours], golden[theirs], rtol=1e-5, atol=1e-6, err_msg=theirs
        )


@pytest.mark.parametrize("name", GOLDEN)
def test_the_oracle_of_the_next_test_is_magenta(name):
    folder = shared_path(f"golden/models/{name}")
    golden = np.load(folder / "golden.npz")
    variables = load_variables(folder / "model.ckpt-7")
    complete = golden["sequence_length"] == golden["sequence_length"].max()
    x, target = golden["input_sequence"][complete], golden["output_sequence"][complete]
    controls = None
    if "control_sequence" in golden:
        controls = golden["control_sequence"][complete]
        x = np.concatenate([x, controls], axis=-1)
    mu, sigma = numpy_magenta.encode(variables, x, GOLDEN[name])
    np.testing.assert_allclose(mu, golden["mu"][complete], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sigma, golden["sigma"][complete], rtol=1e-5)
    outputs = numpy_magenta.decode(
        variables, golden["z"][complete], target, GOLDEN[name], controls
    )
    expected = golden["teacher_rnn_output"][complete]
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_computes_what_magentas_graph_computes(tmp_path, name):
    weights = random_weights(ARCHITECTURES[name])
    write_bundle(tmp_path / "model.ckpt-7", with_training_state(weights))
    model = MusicVAE.from_magenta(tmp_path, num_bars=2)
    grooves = random_grooves(32)
    batch = {"grooves": grooves, "noise": np.ones((3, 4), np.float32)}
    x = grooves
    controls = None
    if ARCHITECTURES[name].control_dim:
        controls = grooves[..., :9]
        batch["known"] = np.tile(grooves, 2)
        x = np.concatenate([grooves, controls], axis=-1)
    outputs = outputs_of(model, batch)
    mu, sigma = numpy_magenta.encode(weights, x, 2)
    expected = numpy_magenta.decode(weights, mu + sigma, grooves, 2, controls)
    np.testing.assert_allclose(outputs["z_mean"], mu, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs["z_stddev"], sigma, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs["outputs"], expected, rtol=1e-4, atol=1e-5)


def test_the_window_must_be_given_where_nothing_tells_it(small):
    with pytest.raises(CheckpointError, match="num_bars=4"):
        MusicVAE.from_magenta(small)
    assert MusicVAE.from_magenta(small, num_bars=3).num_steps == 48


def test_the_preprocessor_is_the_originals_unless_chosen(small, tmp_path):
    original = MusicVAE.from_magenta(small, num_bars=2).preprocessor
    assert (original.num_bars, original.steps_per_bar) == (2, 16)
    assert (original.task.name, original.drum_map.name) == ("generate", "magenta")
    chosen = MusicVAE.from_magenta(
        small, num_bars=2, task="tap2drum", drum_map="roland_td11"
    ).preprocessor
    assert (chosen.task.name, chosen.drum_map.name) == ("tap2drum", "roland_td11")
    write_tfjs(
        tmp_path / "js",
        random_weights(SMALL),
        converter={"numSteps": 32, "humanize": True},
    )
    browser = MusicVAE.from_magenta(tmp_path / "js")
    assert (browser.num_bars, browser.preprocessor.task.name) == (2, "humanize")
    arrays = MusicVAE.from_magenta(small, num_bars=2, preprocessor=None)
    assert arrays.preprocessor is None


def test_released_names_bring_their_task(small, tmp_path):
    folder = tmp_path / "groovae_2bar_add_closed_hh"
    folder.mkdir()
    for path in small.glob("model.ckpt-7*"):
        path.rename(folder / path.name)
    preprocessor = MusicVAE.from_magenta(folder).preprocessor
    assert preprocessor.task.name == "add_closed_hihat"


def test_hits_as_controls_are_the_task_humanize(small, tmp_path):
    folder = tmp_path / "controls"
    write_bundle(folder / "model.ckpt-7", random_weights(HITS_CONTROL))
    model = MusicVAE.from_magenta(folder, num_bars=2)
    assert model.architecture.known == "magenta_hits"
    assert model.preprocessor.task.name == "humanize"
    with pytest.raises(ConfigError, match="reads the hits of each step"):
        MusicVAE.from_magenta(folder, num_bars=2, task="tap2drum")
    model = MusicVAE.from_magenta(small, num_bars=2, task="humanize")
    assert model.architecture.known == "magenta_inputs"


def test_what_a_checkpoint_does_not_hold_can_be_chosen(small):
    model = MusicVAE.from_magenta(small, num_bars=2, dropout=0.7, free_bits=12.0)
    assert (model.dropout, model.free_bits) == (0.7, 12.0)
    with pytest.raises(ConfigError, match="latent_dim"):
        MusicVAE.from_magenta(small, num_bars=2, latent_dim=8)
    with pytest.raises(ConfigError, match="num_bars"):
        MusicVAE.from_magenta(small, num_bars=0)


def test_quantised_browser_weights_stay_close(tmp_path):
    weights = random_weights(SMALL)
    batch = {"grooves": random_grooves(64)}
    results = {}
    for quantise in (None, "uint16", "uint8"):
        write_tfjs(tmp_path / str(quantise), weights, quantise=quantise)
        model = MusicVAE.from_magenta(tmp_path / str(quantise))
        results[quantise] = outputs_of(model, batch)["outputs"]
    errors = [
        np.abs(results[quantise] - results[None]).max()
        for quantise in ("uint16", "uint8")
    ]
    assert 0 < errors[0] < 1e-3 < errors[1] < 0.3


def load_variables(prefix):
    from keras_musicvae.magenta.checkpoint import read_checkpoint

    return read_checkpoint(prefix).weights


def test_golden_info_agrees_with_what_was_found():
    folder = shared_path("golden/models/hierdec_groovae_4bar_reduced")
    info = json.loads((folder / "info.json").read_text())
    model = MusicVAE.from_magenta(folder, num_bars=4)
    assert list(model.encoder_units) == info["hparams"]["enc_rnn_size"]
    assert list(model.conductor_units) == info["hparams"]["dec_rnn_size"]
    # All weights, besides our own counter of steps.
    assert model.count_params() == info["n_params"] + 1
