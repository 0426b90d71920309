import json
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from checkpoint_writers import SMALL, random_weights, write_tfjs

from keras_musicvae.errors import CheckpointError
from keras_musicvae.magenta.files import Archive, Folder
from keras_musicvae.magenta.tfjs import (
    find_tfjs,
    read_tfjs,
    read_tfjs_config,
    shard_paths,
)

SECONDS = 3.0  # measured: below 1 on an idle machine; tests also run on busy ones
OUTSIDE = r"leads out|is not a file name"


def fails(folder: Path, match: str) -> None:
    start = time.process_time()
    with pytest.raises(CheckpointError, match=match):
        read_tfjs(Folder(folder))
    assert time.process_time() - start < SECONDS


def write_manifest(folder: Path, weights: list, data: bytes, **group) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "shard").write_bytes(data)
    manifest = [{"paths": ["shard"], "weights": weights} | group]
    (folder / "weights_manifest.json").write_text(json.dumps(manifest))


def weight(**changes) -> dict:
    return {"name": "w", "dtype": "float32", "shape": [2]} | changes


def test_float32_comes_back_exactly_over_shard_borders(tmp_path):
    weights = random_weights(SMALL)
    write_tfjs(tmp_path, weights, shard_bytes=1001)
    assert len(list(tmp_path.glob("group1-shard*"))) > 3
    variables = read_tfjs(Folder(tmp_path))
    assert list(variables) == list(weights)
    for name, array in variables.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, weights[name])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_quantised_weights_are_within_half_a_level(tmp_path, dtype):
    weights = random_weights(SMALL)
    write_tfjs(tmp_path, weights, quantise=dtype)
    for name, array in read_tfjs(Folder(tmp_path)).items():
        level = np.ptp(weights[name]) / np.iinfo(dtype).max
        assert array.dtype == np.float32
        assert np.abs(array - weights[name]).max() <= level * 0.51


def test_dequantisation_is_that_of_tensorflow_js(tmp_path):
    # io_utils.ts: Float32Array.from(quantized, v => v * scale + min), in doubles.
    entry = weight(shape=[3], quantization={"dtype": "uint8", "scale": 0.1, "min": -1})
    write_manifest(tmp_path, [entry], bytes([0, 7, 255]))
    expected = np.array([0 * 0.1 - 1, 7 * 0.1 - 1, 255 * 0.1 - 1], np.float32)
    np.testing.assert_array_equal(read_tfjs(Folder(tmp_path))["w"], expected)


def test_half_precision_weights(tmp_path):
    weights = random_weights(SMALL)
    write_tfjs(tmp_path, weights, quantise="float16")
    for name, array in read_tfjs(Folder(tmp_path)).items():
        np.testing.assert_array_equal(array, weights[name].astype(np.float16))


def test_reads_a_folder_inside_an_archive(tmp_path):
    weights = random_weights(SMALL)
    write_tfjs(tmp_path / "model", weights)
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as archive:
        archive.add(tmp_path / "model", "a/model")
    files = Archive(tmp_path / "x.tgz")
    folder = find_tfjs(files)
    assert folder == "a/model"
    assert read_tfjs_config(files, folder) == {"numSteps": 64}
    for name, array in read_tfjs(files, folder).items():
        np.testing.assert_array_equal(array, weights[name])


def test_the_config_is_optional_and_must_be_for_grooves(tmp_path):
    write_tfjs(tmp_path, {}, converter={"numSteps": 32, "tapify": True})
    config = tmp_path / "config.json"
    assert read_tfjs_config(Folder(tmp_path)) == {"numSteps": 32, "tapify": True}
    for text, match in (
        ('{"type": "MusicRNN", "dataConverter": {}}', "MusicVAE"),
        ("[]", "MusicVAE"),
        ('{"type": "MusicVAE"}', "MusicVAE"),
        (
            '{"type": "MusicVAE", "dataConverter": {"type": "MelodyConverter"}}',
            "MelodyConverter",
        ),
        ("{", "JSON"),
    ):
        config.write_text(text)
        with pytest.raises(CheckpointError, match=match):
            read_tfjs_config(Folder(tmp_path))
    config.unlink()
    assert read_tfjs_config(Folder(tmp_path)) == {}


@pytest.mark.parametrize(
    "path",
    ["../secret", "/etc/passwd", "a/../../b", "..", ".", "", "a\\b", "C:x", "a\0", 7],
)
def test_paths_of_the_manifest_stay_in_the_folder(tmp_path, path):
    (tmp_path / "secret").write_bytes(bytes(8))
    folder = tmp_path / "model"
    write_manifest(folder, [weight()], bytes(8), paths=[path])
    fails(folder, OUTSIDE)
    with pytest.raises(CheckpointError, match=OUTSIDE):
        shard_paths((folder / "weights_manifest.json").read_bytes(), "x")


def test_truncated_and_oversized_shards_are_found(tmp_path):
    write_tfjs(tmp_path, random_weights(SMALL), shard_bytes=1001)
    shard = max(tmp_path.glob("group1-shard*"))
    data = shard.read_bytes()
    for content in (data[:-1], b"", data + b"\0"):
        shard.write_bytes(content)
        fails(tmp_path, "truncated or not its own")
    os.truncate(shard, 10 << 30)
    fails(tmp_path, "at most")
    shard.unlink()
    fails(tmp_path, "missing")


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        (weight(dtype="string"), "type 'string'"),
        (weight(dtype="complex64"), "type"),
        (weight(dtype=["float32"]), "damaged"),
        (weight(shape=[-2]), "shape"),
        (weight(shape=[2.0]), "shape"),
        (weight(shape=[True]), "shape"),
        (weight(shape=2), "shape"),
        (weight(shape=[1] * 9), "shape"),
        (weight(shape=[2**31 - 1] * 8), "announces"),
        (weight(name=3), "name"),
        ({"name": "w"}, "'dtype' is missing"),
        (7, "damaged"),
        (weight(quantization=3), "damaged"),
        (weight(quantization={"dtype": "uint32", "scale": 1, "min": 0}), "uint32"),
        (weight(quantization={"dtype": "uint8"}), "'scale' is missing"),
        (
            weight(quantization={"dtype": "uint8", "scale": "1", "min": 0}),
            "quantisation",
        ),
        (
            weight(quantization={"dtype": "uint8", "scale": 1, "min": float("nan")}),
            "NaN is not a number",
        ),
        (weight(dtype="int32", quantization={"dtype": "uint8"}), "int32"),
    ],
)
def test_impossible_weights_are_refused(tmp_path, entry, match):
    write_manifest(tmp_path, [entry], bytes(8))
    fails(tmp_path, match)


def test_a_name_that_occurs_twice_is_refused(tmp_path):
    write_manifest(tmp_path, [weight(), weight()], bytes(16))
    fails(tmp_path, "twice")


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "[" * 100_000, '[{"paths": 3, "weights": []}]', "\xff"]
)
def test_malformed_manifests_are_refused(tmp_path, text):
    (tmp_path / "weights_manifest.json").write_text(text, encoding="latin-1")
    fails(tmp_path, "JSON|damaged")


def test_mutated_manifests_end_in_an_error_or_the_same_names(tmp_path):
    write_tfjs(tmp_path, random_weights(SMALL), quantise="uint8")
    manifest = tmp_path / "weights_manifest.json"
    data = manifest.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        manifest.write_bytes(damaged)
        start = time.process_time()
        try:
            read_tfjs(Folder(tmp_path))
        except CheckpointError:
            refused += 1
        assert time.process_time() - start < SECONDS
    assert refused > 150  # the rest changed a name, a scale or a minimum
