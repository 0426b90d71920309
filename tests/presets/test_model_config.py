import json
import re

import pytest
from preset_examples import TINY, edit_json, rehash, tiny_model

from keras_musicvae import GrooveConverter
from keras_musicvae.errors import PresetFormatError
from keras_musicvae.models.config import Architecture
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.models.parameters import count_parameters
from keras_musicvae.presets.model_config import check_model_config
from keras_musicvae.presets.preset_io import load_preset


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"conductor_units": None},
        {"decoder_units": (4, 6), "preprocessor": GrooveConverter(2, task="infill")},
        {"hierarchical_encoder": True, "encoder_units": (3, 5)},
        {"conductor_units": (4, 3), "conductor_autoregressive": True},
        {"known": "magenta_hits", "preprocessor": None},
        {"known": "magenta_inputs", "preprocessor": None},
        {"num_bars": 4, "steps_per_bar": 8},
        {
            "encoder_skip": True,
            "plan_dim": 3,
            "known": "everywhere",
            "condition_dim": 3,
            "preprocessor": None,
        },
        {"conductor_units": None, "plan_dim": 5, "heads": "histogram"},
        {"prior_units": 3},
        {"prior_units": 3, "condition_dim": 2, "preprocessor": None},
        {"heads": "chained"},
        {"heads": "chained", "conductor_units": None, "lookback": 1, "plan_dim": 2},
        {"num_bars": 4, "steps_per_bar": 8, "lookback": 3},
    ],
)
def test_parameters_are_counted_without_building(changes):
    model = tiny_model(**changes)
    assert count_parameters(model.architecture) == model.count_params()


def test_parameters_of_the_originals():
    """The counts that `magenta_models.md` gives, and our counter of steps."""
    flat = Architecture(conductor_units=None)
    assert count_parameters(flat) == 4_085_019 + 1
    assert count_parameters(Architecture()) == 5_137_691 + 1


def test_a_checked_config_builds_the_same_model():
    config = json.loads(json.dumps(tiny_model().get_config()))
    config.pop("preprocessor")
    checked = check_model_config(config, "there")
    assert checked["encoder_units"] == list(TINY["encoder_units"])
    model = MusicVAE.from_config(checked)
    assert model.count_params() == count_parameters(model.architecture)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("latent_dim", 0, "latent_dim"),
        ("latent_dim", 10**9, "latent_dim"),
        ("latent_dim", "8", "latent_dim"),
        ("latent_dim", None, "latent_dim"),
        ("latent_dim", True, "latent_dim"),
        ("num_bars", 2.5, "num_bars"),
        ("num_bars", -(10**30), "num_bars"),
        ("encoder_units", [], "encoder_units"),
        ("encoder_units", [1] * 1000, "encoder_units"),
        ("encoder_units", {"a": 1}, "encoder_units"),
        ("encoder_units", [[8]], "encoder_units"),
        ("heads", "os.system", "heads"),
        ("heads", ["squared_error"], "heads"),
        ("dropout", 1.5, "dropout"),
        ("prior_units", 10**9, "prior_units"),
        ("seed", 10**400, "seed|too large"),
        ("name", "../../etc/passwd", "name"),
        ("name", "x" * 10_000, r"name.*\.\.\."),
        ("trainable", "yes", "trainable"),
        ("dtype", "complex64", "dtype"),
        ("dtype", {"class_name": "Evil"}, "dtype"),
        ("preprocessor", None, "doesn't know: 'preprocessor'"),
        ("__class__", "x", "doesn't know: '__class__'"),
        ("encoder_units", [8192] * 8, "parameters; at most 100,000,000"),
    ],
)
def test_what_is_not_allowed(preset, key, value, message):
    def change(document):
        document["config"][key] = value

    edit_json(preset, "config.json", change)
    with pytest.raises(PresetFormatError, match=message) as caught:
        load_preset(MusicVAE, preset)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("key", ["latent_dim", "free_bits"])
def test_number_beyond_every_type(preset, key):
    text = (preset / "config.json").read_text()
    text = re.sub(rf'"{key}": [0-9.]+', f'"{key}": 1e999', text)
    (preset / "config.json").write_text(text)
    rehash(preset, "config.json")
    with pytest.raises(PresetFormatError, match=f"{key}|too large"):
        load_preset(MusicVAE, preset)


def test_missing_key(preset):
    edit_json(preset, "config.json", lambda document: document["config"].pop("name"))
    with pytest.raises(PresetFormatError, match="lacks the key `name`"):
        load_preset(MusicVAE, preset)


@pytest.mark.parametrize("config", [None, [], "x", 3])
def test_config_that_is_no_object(preset, config):
    edit_json(preset, "config.json", lambda document: document.update(config=config))
    with pytest.raises(PresetFormatError, match="must be a JSON object"):
        load_preset(MusicVAE, preset)
