import json
import re
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from preset_examples import (
    TINY,
    assert_same_weights,
    edit_json,
    rehash,
    tiny_model,
    tiny_preset,
    values,
)

from keras_musicvae.errors import (
    ChecksumError,
    ConfigError,
    ForeignPresetError,
    FuturePresetError,
    OutputError,
    PathError,
    PresetFileError,
    PresetFormatError,
    TruncatedPresetError,
)
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_map import DrumMap
from keras_musicvae.grooves.drum_maps import DRUMS
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.presets.folder import PRESET_FILES
from keras_musicvae.presets.preset_io import load_preset, save_preset
from keras_musicvae.presets.weights import load_weights as read_weights


def test_round_trip_gives_the_same_model(tmp_path):
    model = tiny_model(free_bits=12.5, dropout=0.25, seed=7)
    model.step.assign(41)
    folder = save_preset(model, tmp_path / "deep" / "preset")
    loaded = load_preset(MusicVAE, folder)
    assert_same_weights(model, loaded)
    assert int(loaded.step) == 41
    ours, theirs = model.get_config(), loaded.get_config()
    assert ours.pop("name").startswith(theirs.pop("name"))
    assert ours == theirs


@pytest.mark.parametrize(
    "changes",
    [
        {"conductor_units": None},
        {
            "encoder_units": (6, 3),
            "decoder_units": (4, 5),
            "condition_dim": 2,
            "preprocessor": None,
        },
        {"hierarchical_encoder": True, "conductor_autoregressive": True},
        {"heads": "chained", "lookback": 1, "prior_units": 4},
    ],
)
def test_every_architecture_survives(tmp_path, changes):
    model = tiny_model(**changes)
    assert_same_weights(
        model, load_preset(MusicVAE, save_preset(model, tmp_path / "preset"))
    )


def test_optimizer_stays_behind(tmp_path):
    def training(model):
        model.compile()
        model.optimizer.build(model.trainable_variables)  # as `fit` does
        return model

    model = training(tiny_model())
    folder = save_preset(model, tmp_path / "preset")
    with h5py.File(folder / "model.weights.h5") as file:
        assert not [name for name in file if "optim" in name or "tracker" in name]
    assert_same_weights(model, load_preset(MusicVAE, folder))
    # A model that is being trained may take the weights of a preset too.
    other = training(tiny_model(seed=4))
    read_weights(other, folder / "model.weights.h5", "x")
    assert_same_weights(model, other)


def test_files_have_the_keys_of_kerashub(saved_preset):
    config = json.loads((saved_preset / "config.json").read_text())
    assert list(config) == ["module", "class_name", "config", "registered_name"]
    assert config["registered_name"] == "keras_musicvae>MusicVAE"
    assert list(config["config"])[:3] == ["name", "trainable", "dtype"]
    assert "preprocessor" not in config["config"]
    metadata = json.loads((saved_preset / "metadata.json").read_text())
    assert list(metadata)[:5] == [
        "keras_version",
        "keras_musicvae_version",
        "parameter_count",
        "date_saved",
        "tasks",
    ]
    assert metadata["format_version"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d", metadata["date_saved"])
    assert metadata["parameter_count"] == tiny_model().count_params()
    others = {path.name for path in saved_preset.iterdir()} - {"metadata.json"}
    assert others <= set(PRESET_FILES)
    assert set(metadata["sha256"]) == set(metadata["size"]) == others


def test_keras_itself_loads_the_weights(saved_preset):
    model = tiny_model(seed=5)
    model.load_weights(saved_preset / "model.weights.h5")
    assert_same_weights(model, load_preset(MusicVAE, saved_preset))


def test_saving_is_reproducible(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first = tiny_preset(tmp_path / "a" / "preset")
    tiny_model()  # Keras counts names up in between
    second = tiny_preset(tmp_path / "b" / "preset")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name
    metadata = json.loads((first / "metadata.json").read_text())
    assert metadata["date_saved"] == "2023-11-14@22:13:20"


def test_arguments_replace_saved_ones(saved_preset):
    model = load_preset(MusicVAE, saved_preset, dropout=0.5, free_bits=3.0)
    assert (model.dropout, model.free_bits) == (0.5, 3.0)
    model = load_preset(MusicVAE, saved_preset, load_weights=False, latent_dim=9)
    assert model.latent_dim == 9
    with pytest.raises(ConfigError, match="latent_dim"):
        load_preset(MusicVAE, saved_preset, latent_dim=0)
    with pytest.raises(PresetFormatError, match=r"replaced latent_dim.*load_weights"):
        load_preset(MusicVAE, saved_preset, latent_dim=9)


def test_load_weights_false_needs_no_weights(preset):
    (preset / "model.weights.h5").unlink()
    model = load_preset(MusicVAE, preset, load_weights=False)
    assert model.latent_dim == TINY["latent_dim"]
    with pytest.raises(PresetFileError, match=r"`model.weights.h5` doesn't exist"):
        load_preset(MusicVAE, preset)


@pytest.mark.parametrize("kind", [str, Path])
def test_home_folder_is_expanded(saved_preset, monkeypatch, kind):
    monkeypatch.setenv("HOME", str(saved_preset.parent))
    assert load_preset(MusicVAE, kind("~/tiny")).num_bars == 2
    folder = save_preset(tiny_model(), kind("~/saved"))
    assert folder == saved_preset.parent / "saved"


def test_dtype_follows_the_call_and_else_the_policy(tmp_path, saved_preset):
    assert load_preset(MusicVAE, saved_preset).dtype_policy.name == "float32"
    model = load_preset(MusicVAE, saved_preset, dtype="mixed_bfloat16")
    assert model.dtype_policy.name == "mixed_bfloat16"
    folder = save_preset(model, tmp_path / "mixed")
    assert load_preset(MusicVAE, folder).dtype_policy.name == "float32"
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        policy = load_preset(MusicVAE, saved_preset).dtype_policy
    finally:
        keras.config.set_dtype_policy("float32")
    assert policy.name == "mixed_bfloat16"


def test_a_preset_can_be_replaced_and_other_files_cannot(tmp_path):
    folder = tiny_preset(tmp_path / "preset")
    model = tiny_model(latent_dim=3)
    save_preset(model, folder)
    assert load_preset(MusicVAE, folder).latent_dim == 3
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        save_preset(model, folder)
    assert (folder / "notes.txt").read_text() == "mine"
    with pytest.raises(OutputError, match=r"Not a directory\. Choose another folder"):
        save_preset(model, folder / "notes.txt")


def test_failed_saving_leaves_the_old_preset(tmp_path, monkeypatch):
    folder = tiny_preset(tmp_path / "preset")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keras_musicvae.presets.preset_io.save_weights", fail)
    with pytest.raises(OutputError, match="No space left"):
        save_preset(tiny_model(latent_dim=3), folder)
    with pytest.raises(OutputError, match="No space left"):
        save_preset(tiny_model(), tmp_path / "new")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["preset"]


def test_larger_than_a_shard_is_refused(tmp_path):
    with pytest.raises(PresetFormatError, match="max_shard_size"):
        save_preset(tiny_model(), tmp_path / "preset", max_shard_size=1e-9)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_missing_file(preset, name):
    (preset / name).unlink()
    with pytest.raises(PresetFileError, match=f"`{name}` doesn't exist in preset dir"):
        load_preset(MusicVAE, preset)


def test_missing_metadata(preset):
    (preset / "metadata.json").unlink()
    with pytest.raises(PresetFileError, match=r"`metadata.json` doesn't exist"):
        load_preset(MusicVAE, preset)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_tampered_file(preset, name):
    content = bytearray((preset / name).read_bytes())
    content[len(content) // 2] ^= 1
    (preset / name).write_bytes(content)
    with pytest.raises(ChecksumError, match=r"SHA-256 must be [0-9a-f]{64}"):
        load_preset(MusicVAE, preset)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "metadata.json"])
def test_truncated_file(preset, name):
    content = (preset / name).read_bytes()
    (preset / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(TruncatedPresetError, match="cut off"):
        load_preset(MusicVAE, preset)


def test_future_preset(preset):
    def change(metadata):
        metadata["format_version"] = 2
        metadata["keras_musicvae_version"] = "9.0"

    edit_json(preset, "metadata.json", change)
    with pytest.raises(FuturePresetError, match=r"format 2.*'9\.0'.*--upgrade"):
        load_preset(MusicVAE, preset)


def test_foreign_kerashub_preset(tmp_path):
    config = {
        "module": "keras_hub.src.models.bert.bert_backbone",
        "class_name": "BertBackbone",
        "config": {"name": "bert_backbone", "vocabulary_size": 30522},
        "registered_name": "keras_hub>BertBackbone",
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ForeignPresetError, match="load it with `keras_hub`"):
        load_preset(MusicVAE, tmp_path)
    metadata = {"keras_version": "3.15.1", "keras_hub_version": "0.29.0", "tasks": []}
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ForeignPresetError, match="KerasHub"):
        load_preset(MusicVAE, tmp_path)


@pytest.mark.parametrize("document", [{}, {"model_type": "bert", "hidden_size": 768}])
def test_foreign_json(tmp_path, document):
    (tmp_path / "config.json").write_text(json.dumps(document))
    with pytest.raises(ForeignPresetError, match="Unrecognized format"):
        load_preset(MusicVAE, tmp_path)


def test_type_that_nobody_registered(preset):
    edit_json(
        preset, "config.json", lambda c: c.update(registered_name="evil>SystemCall")
    )
    with pytest.raises(ForeignPresetError, match="register_keras_serializable"):
        load_preset(MusicVAE, preset)


def test_type_that_is_no_music_vae(preset):
    edit_json(
        preset, "config.json", lambda c: c.update(registered_name="keras_musicvae>LSTM")
    )
    with pytest.raises(ForeignPresetError, match="not a subclass of calling class"):
        load_preset(MusicVAE, preset)


def test_registered_subclass_is_rebuilt_as_itself(tmp_path):
    @keras.saving.register_keras_serializable(package="preset_tests")
    class LoudVAE(MusicVAE):
        pass

    folder = save_preset(LoudVAE(**TINY), tmp_path / "preset")
    assert type(load_preset(MusicVAE, folder)) is LoudVAE
    plain = tiny_preset(tmp_path / "plain")
    with pytest.raises(ForeignPresetError, match="MusicVAE"):
        load_preset(LoudVAE, plain)


@pytest.mark.parametrize("place", ["module", "dtype"])
def test_nothing_that_a_file_names_is_imported(preset, tmp_path, monkeypatch, place):
    """A module that a preset names must not run, however well the hashes fit."""
    (tmp_path / "evil_module.py").write_text("raise SystemExit('was imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def change(config):
        if place == "module":
            config["module"] = "evil_module"
        else:
            config["config"]["dtype"]["module"] = "evil_module"

    edit_json(preset, "config.json", change)
    if place == "module":  # not even looked at: the class is found by its name
        assert type(load_preset(MusicVAE, preset)) is MusicVAE
    else:
        with pytest.raises(PresetFormatError, match="dtype"):
            load_preset(MusicVAE, preset)
    assert "evil_module" not in sys.modules


def test_older_preset_without_a_new_argument(preset):
    edit_json(preset, "config.json", lambda c: c["config"].pop("encoder_skip"))
    assert load_preset(MusicVAE, preset).encoder_skip is False


def test_card_says_what_the_model_is(tmp_path):
    folder = save_preset(
        tiny_model(),
        tmp_path / "groove_2bar",
        description="Two bars of rock.",
        training={"dataset": "Groove MIDI Dataset v1.0.0", "command": "a | b"},
        evaluation={"total loss": 141.0123456},
        license="Apache-2.0",
    )
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: keras\nlicense: ")
    for part in (
        "# groove_2bar",
        "Two bars of rock.",
        "141.012",
        "CC BY 4.0",
        r"a \| b",
    ):
        assert part in card
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["training"]["dataset"] == "Groove MIDI Dataset v1.0.0"


def test_numbers_of_numpy_in_the_metadata(tmp_path):
    about = {"loss": np.float32(1.5), "steps": np.int64(3), "curve": np.arange(2.0)}
    folder = save_preset(tiny_model(), tmp_path / "preset", training=about)
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["training"] == {"loss": 1.5, "steps": 3, "curve": [0.0, 1.0]}


@pytest.mark.parametrize("value", [float("nan"), object(), "x" * (1 << 20)])
def test_metadata_that_json_cannot_hold(tmp_path, value):
    with pytest.raises(PresetFormatError, match="`training`"):
        save_preset(tiny_model(), tmp_path / "preset", training={"loss": value})
    assert not list(tmp_path.iterdir())


def test_swapped_weights_of_another_preset(preset, tmp_path):
    other = tiny_preset(tmp_path / "other", latent_dim=8)
    (preset / "model.weights.h5").write_bytes((other / "model.weights.h5").read_bytes())
    rehash(preset, "model.weights.h5")
    with pytest.raises(PresetFormatError, match="must have the shape"):
        load_preset(MusicVAE, preset)


def test_weights_are_untouched_when_refused(saved_preset, tmp_path):
    model = tiny_model(latent_dim=8)
    before = values(model)
    with pytest.raises(PresetFormatError):
        read_weights(model, saved_preset / "model.weights.h5", "there")
    for a, b in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_preprocessor_travels_with_the_model(tmp_path):
    converter = GrooveConverter(num_bars=2, task="humanize")
    folder = tmp_path / "preset"
    MusicVAE(**TINY, preprocessor=converter).save_to_preset(folder)
    document = json.loads((folder / "preprocessor.json").read_text())
    assert list(document) == ["module", "class_name", "config", "registered_name"]
    assert document["registered_name"] == "keras_musicvae>GrooveConverter"
    assert MusicVAE.from_preset(folder).preprocessor == converter
    assert MusicVAE.from_preset(folder, preprocessor=None).preprocessor is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["config"].update(num_bars=4), "for another model: its `num_bars`"),
        (lambda d: d["config"].update(steps_per_quarter=8), "`steps_per_bar` is 32"),
        (lambda d: d["config"].update(num_bars=-1), "not allowed"),
        (lambda d: d["config"].update(time_signature=[4, 0]), "not allowed"),
        (lambda d: d["config"].update(time_signature="4/4"), "not allowed"),
        (
            lambda d: d["config"].update(time_signature=[10**400, 4]),
            "not allowed|for another",
        ),
        (lambda d: d["config"].update(steps_per_quarter="4"), "not allowed"),
        (lambda d: d["config"].update(task="os.system"), "not allowed"),
        (lambda d: d["config"].update(drums={"a": 1}), "not allowed"),
        (lambda d: d["config"].update(command="rm"), "not allowed"),
        (lambda d: d.update(config=[]), "not allowed"),
        (lambda d: d.update(registered_name="evil>Converter"), "must hold a"),
        (lambda d: d.update(extra=1), "Unrecognized format"),
    ],
)
def test_preprocessor_that_is_refused(tmp_path, change, message):
    folder = tmp_path / "preset"
    save_preset(MusicVAE(**TINY, preprocessor=GrooveConverter(num_bars=2)), folder)
    edit_json(folder, "preprocessor.json", change)
    with pytest.raises(PresetFormatError, match=message):
        load_preset(MusicVAE, folder)


def test_preprocessor_that_is_announced_and_missing(tmp_path):
    folder = tmp_path / "preset"
    save_preset(MusicVAE(**TINY, preprocessor=GrooveConverter(num_bars=2)), folder)
    (folder / "preprocessor.json").unlink()
    with pytest.raises(PresetFileError, match=r"`preprocessor.json` doesn't exist"):
        load_preset(MusicVAE, folder)


def test_class_methods(saved_preset, tmp_path):
    assert "groove_debug" in MusicVAE.presets
    assert MusicVAE.presets["groove_debug"]["metadata"]["bars"] == 2
    model = MusicVAE.from_preset("groove_debug")
    assert model.preprocessor == GrooveConverter(num_bars=2)
    model.save_to_preset(tmp_path / "mine", description="x")
    assert_same_weights(model, MusicVAE.from_preset(tmp_path / "mine"))
    assert MusicVAE.from_preset("groove_debug", load_weights=False).latent_dim == 8


@pytest.mark.parametrize("text", ["1e999", "-1e999", "9" * 400, "1" + "0" * 310])
@pytest.mark.parametrize("name", ["beta", "num_bars", "encoder_units"])
def test_numbers_beyond_any_type(preset, name, text):
    edit_json(preset, "config.json", lambda c: c["config"].update({name: "HERE"}))
    path = preset / "config.json"
    path.write_text(path.read_text().replace('"HERE"', text))
    rehash(preset, "config.json")
    with pytest.raises(PresetFormatError, match=name):
        load_preset(MusicVAE, preset)


def drum_map_of_mine() -> DrumMap:
    drums = {drum: [60 + number] for number, drum in enumerate(DRUMS)}
    return DrumMap.from_config({"name": "mine", "drums": drums})


def test_a_drum_map_of_one_s_own_travels_with_the_preset(tmp_path):
    converter = GrooveConverter(2, drum_map=drum_map_of_mine())
    folder = save_preset(tiny_model(preprocessor=converter), tmp_path / "x")
    loaded = load_preset(MusicVAE, folder).preprocessor
    assert loaded == converter
    assert loaded.drum_map.drum_of(63) == 3


@pytest.mark.parametrize(
    "drum_map",
    [
        "/etc/passwd",
        "map.json",
        {"name": "x"},
        {"name": "x", "drums": {drum: [1e999] for drum in DRUMS}},
        {"name": "x", "drums": {drum: list(range(128)) for drum in DRUMS}},
        {"name": "x" * 500_000, "drums": {drum: {} for drum in DRUMS}},
        {"name": 3, "drums": [[[[]]]]},
        ["general_midi"],
    ],
)
def test_drum_maps_of_strangers(preset, drum_map):
    def change(document):
        document["config"]["drum_map"] = drum_map

    edit_json(preset, "preprocessor.json", change)
    with pytest.raises(PresetFormatError) as caught:
        load_preset(MusicVAE, preset)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("path", "error"),
    [("a\0b", PathError), ("\ud800", PathError), ("x" * 5000, OutputError)],
)
def test_paths_that_no_preset_can_have(path, error):
    with pytest.raises(error):
        tiny_model().save_to_preset(path)


@pytest.mark.parametrize("argument", ["name", "description", "license"])
@pytest.mark.parametrize("value", [5, "\ud800"])
def test_words_that_no_card_can_hold(tmp_path, argument, value):
    with pytest.raises(PresetFormatError, match=f"`{argument}` must be text"):
        tiny_model().save_to_preset(tmp_path / "preset", **{argument: value})
    assert not (tmp_path / "preset").exists()
