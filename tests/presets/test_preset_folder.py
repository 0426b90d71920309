import pytest
from preset_examples import edit_json

from keras_musicvae.errors import (
    ChecksumError,
    ForeignPresetError,
    PresetFormatError,
    TruncatedPresetError,
)
from keras_musicvae.presets.folder import (
    MAX_JSON_BYTES,
    PresetFolder,
    parse_json,
)
from keras_musicvae.presets.verification import verify


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"[1, 2]", "must be a JSON object"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b'{"a": \xff}', "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not valid JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ],
)
def test_json_that_is_refused(content, message):
    with pytest.raises(PresetFormatError, match=message):
        parse_json(content, "`x.json`")


def test_json_that_is_cut_off():
    with pytest.raises(TruncatedPresetError, match="after 8 bytes"):
        parse_json(b'{"a": [1', "`x.json`")


def test_json_that_is_too_large(preset):
    with (preset / "config.json").open("ab") as file:
        file.write(b" " * MAX_JSON_BYTES)
    with pytest.raises(PresetFormatError, match="too large"):
        PresetFolder(preset, "x").read_json("config.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(sha256={"config.json": "ABC"}), "SHA-256 of 64"),
        (lambda m: m.update(sha256={"../config.json": "0" * 64}), "plain file name"),
        (lambda m: m.update(sha256=[]), "object"),
        (lambda m: m.update(size={"config.json": -1}), "integer from 0"),
        (lambda m: m.update(format_version=0), "integer from 1"),
        (lambda m: m.update(format_version="2"), "integer from 1"),
        (lambda m: m.update(parameter_count=10**12), "parameter_count"),
        (lambda m: m.pop("size"), "lacks the key `size`"),
    ],
)
def test_metadata_that_is_refused(preset, change, message):
    edit_json(preset, "metadata.json", change)
    with pytest.raises(PresetFormatError, match=message):
        _ = PresetFolder(preset, "x").metadata


def test_metadata_of_somebody_else(preset):
    edit_json(preset, "metadata.json", lambda m: m.pop("keras_musicvae_version"))
    with pytest.raises(ForeignPresetError, match="not written by keras_musicvae"):
        _ = PresetFolder(preset, "x").metadata


def test_metadata_may_say_more(preset):
    edit_json(preset, "metadata.json", lambda m: m.update(author="me"))
    assert PresetFolder(preset, "x").metadata["author"] == "me"


def test_pins_take_precedence_over_the_metadata(preset):
    """Whoever changes a file and its hash in the metadata is found out by the pins."""
    pins = dict(PresetFolder(preset, "x").digests)
    edit_json(preset, "config.json", lambda c: c["config"].update(free_bits=1.0))
    PresetFolder(preset, "x").read_json("config.json")
    with pytest.raises(ChecksumError, match=pins["config.json"]):
        PresetFolder(preset, "x", pins).read_json("config.json")
    with pytest.raises(ChecksumError, match=r"`metadata.json`"):
        _ = PresetFolder(preset, "x", {"metadata.json": "0" * 64}).metadata


def test_file_without_a_hash(preset):
    edit_json(preset, "metadata.json", lambda m: m["sha256"].pop("config.json"))
    with pytest.raises(PresetFormatError, match=r"has no SHA-256 of `config.json`"):
        PresetFolder(preset, "x").read_json("config.json")


def test_verify_a_good_preset(saved_preset):
    result = dict(verify(PresetFolder(saved_preset, "x")))
    assert set(result) == {path.name for path in saved_preset.iterdir()}
    assert set(result.values()) == {None}


def test_verify_finds_each_bad_file(preset):
    (preset / "README.md").write_text("other")
    (preset / "model.weights.h5").unlink()
    (preset / "run.py").write_text("")
    result = dict(verify(PresetFolder(preset, "x")))
    assert result["config.json"] is None
    bad = {name for name, problem in result.items() if problem}
    assert bad == {"README.md", "model.weights.h5", "run.py"}


def test_verify_a_clone_from_a_hub(preset):
    (preset / "README.md").unlink()
    (preset / ".gitattributes").write_text("*.h5 filter=lfs")
    assert set(dict(verify(PresetFolder(preset, "x"))).values()) == {None}
    pins = {"README.md": "0" * 64}
    result = dict(verify(PresetFolder(preset, "x", pins)))
    assert [name for name, problem in result.items() if problem] == ["README.md"]
