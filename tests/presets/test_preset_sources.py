from pathlib import Path

import keras
import numpy as np
import pytest

from keras_musicvae.errors import (
    PresetFileError,
    PresetFormatError,
    UnknownPresetError,
)
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.presets import registry
from keras_musicvae.presets.sources import find_preset
from keras_musicvae.presets.verification import verify


@pytest.mark.parametrize("name", registry.presets())
def test_published_preset_is_whole(name):
    folder = find_preset(name)
    assert folder.label == name
    result = dict(verify(folder))
    assert set(result) == set(registry.presets()[name]["sha256"])
    assert [problem for problem in result.values() if problem] == []


@pytest.mark.parametrize("name", registry.presets())
def test_registry_tells_the_truth(name):
    about = registry.presets()[name]["metadata"]
    folder = find_preset(name)
    config = folder.read_json("config.json")["config"]
    assert about["bars"] == config["num_bars"]
    assert about["params"] == folder.metadata["parameter_count"]
    assert about["license"] == folder.metadata["license"]
    files = registry.presets()[name]["sha256"]
    assert about["size"] == sum((folder.path / f).stat().st_size for f in files)
    assert about["purpose"] and about["description"]
    card = (folder.path / "README.md").read_text(encoding="utf-8")
    assert f"# {name}" in card and about["description"] in card


def test_forward_pass_of_the_debug_preset_is_stable():
    """The same numbers in every version and on every backend."""
    random = np.random.default_rng(0)
    grooves = random.random((2, 32, 27)).astype("float32")
    grooves[..., :9] = grooves[..., :9] > 0.7
    result = MusicVAE.from_preset("groove_debug")(grooves)
    expected = {
        "z_mean": [-0.9636924, -0.0208356, 0.4004742, 1.6066020],
        "z_stddev": [0.4643486, 0.3755807, 1.0449613, 0.4738310],
    }
    for name, numbers in expected.items():
        found = keras.ops.convert_to_numpy(result[name])[1, :4]
        np.testing.assert_allclose(found, numbers, rtol=1e-5, atol=1e-6)
    outputs = keras.ops.convert_to_numpy(result["outputs"])[1, -1, :4]
    numbers = [0.412912, -3.049328, -1.677475, -2.931549]
    np.testing.assert_allclose(outputs, numbers, rtol=1e-5, atol=1e-6)


def test_registry_is_a_copy():
    registry.presets()["groove_debug"]["metadata"].clear()
    assert registry.presets()["groove_debug"]["metadata"]


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("groove_debg", "groove_debug"),
        ("Groove-Debug", "groove_debug"),
        ("debug", "groove_debug"),
    ],
)
def test_unknown_name_gets_the_closest(name, closest):
    with pytest.raises(UnknownPresetError) as caught:
        find_preset(name, caller="GrooveVAE")
    text = str(caught.value)
    assert f"Did you mean {closest!r}?" in text
    for part in (
        "Unknown preset identifier. ",
        "1) a built-in preset identifier like",
        "5) a path to a local preset directory like",
        "Use `print(GrooveVAE.presets.keys())`",
    ):
        assert part in text
    assert text.splitlines()[-1] == f"Received: preset={name!r}"


@pytest.mark.parametrize("name", ["clowntown", "gs://bucket/x", "s3://bucket/x"])
def test_unknown_name_without_a_close_one(name):
    with pytest.raises(UnknownPresetError) as caught:
        find_preset(name)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("preset", [None, 3, b"groove_debug", "", "a\0b", ["x"]])
def test_identifier_must_be_a_string_or_a_path(preset):
    with pytest.raises(PresetFormatError, match="must be a string"):
        find_preset(preset)


@pytest.mark.parametrize(
    "preset", ["./nothing", "runs/first/preset", "~/nothing", "../x", Path("nothing")]
)
def test_folder_that_is_not_there(preset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PresetFileError, match="doesn't exist"):
        find_preset(preset)


@pytest.mark.parametrize("preset", ["~nobody-of-this-name/x", "x" * 5000])
def test_path_that_cannot_be(preset):
    with pytest.raises(PresetFileError, match="cannot be read") as caught:
        find_preset(preset)
    assert len(str(caught.value)) < 600


def test_file_instead_of_a_folder(saved_preset):
    with pytest.raises(PresetFileError, match="a preset is a folder") as caught:
        find_preset(saved_preset / "config.json")
    assert str(saved_preset) in str(caught.value)


def test_published_name_precedes_a_folder(tmp_path, monkeypatch):
    (tmp_path / "groove_debug").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_preset("groove_debug").pins
    assert not find_preset("./groove_debug").pins
    assert not find_preset(Path("groove_debug")).pins


@pytest.mark.parametrize("pin", ["sha256=abc", "md5=0", "sha256=" + "g" * 64])
def test_malformed_pin(pin):
    with pytest.raises(PresetFormatError, match="64 hexadecimal digits"):
        find_preset(f"hf://org/model#{pin}")


def test_published_preset_elsewhere_is_fetched_by_its_pins(
    saved_preset, tmp_path, monkeypatch
):
    """A registry entry with a handle: the web server is not trusted, the pins are."""
    from folder_server import serve_folder

    from keras_musicvae.presets.folder import PRESET_FILES, PresetFolder

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = PresetFolder(saved_preset, "x")
    digests = {name: folder.sha256(name) for name in PRESET_FILES if folder.has(name)}
    with serve_folder(saved_preset) as server:
        entry = {"handle": server.url, "sha256": digests, "metadata": {}}
        monkeypatch.setattr(registry, "_registry", lambda: {"far_away": entry})
        found = find_preset("far_away")
    assert found.pins == digests
    assert found.read_json("config.json")
    assert found.path != saved_preset
