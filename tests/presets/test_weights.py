"""Weights files of strangers: each is refused before a number of it is used."""

import contextlib
import warnings

import h5py
import keras
import ml_dtypes
import numpy as np
import pytest
from preset_examples import assert_same_weights, tiny_model, values

from keras_musicvae.errors import PresetFormatError, TruncatedPresetError
from keras_musicvae.presets.weights import (
    check_weights,
    largest_weight,
    load_weights,
    save_weights,
)

BIAS = "decoder/note_decoder/output_projection/vars/1"


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "model.weights.h5"
    save_weights(model, path)
    with h5py.File(path) as file:
        assert file[BIAS].shape == (27,)
    return path


def refused(model, path, message):
    with pytest.raises(PresetFormatError, match=message) as caught:
        check_weights(model, path, "`model.weights.h5` of preset 'x'")
    assert "preset 'x'" in str(caught.value)


def test_good_file(model, path):
    check_weights(model, path, "x")
    other = tiny_model(seed=3)
    load_weights(other, path, "x")
    assert_same_weights(model, other)


def test_other_precision_is_accepted(model, path, tmp_path):
    with h5py.File(path, "r+") as file:
        for dtype, name in (("float16", BIAS), ("float64", BIAS[:-1] + "0")):
            data = file[name][()].astype(dtype)
            del file[name]
            file[name] = data
    check_weights(model, path, "x")


def test_bfloat16_is_stored_as_keras_does(tmp_path):
    def dense(dtype, seed):
        initializer = keras.initializers.GlorotUniform(seed=seed)
        layer = keras.layers.Dense(3, kernel_initializer=initializer, dtype=dtype)
        return keras.Sequential([keras.Input((2,)), layer])

    small, path = dense("bfloat16", 1), tmp_path / "model.weights.h5"
    save_weights(small, path)
    for other in (dense("float32", 2), dense("bfloat16", 3)):
        load_weights(other, path, "x")
        for a, b in zip(values(small), values(other), strict=True):
            np.testing.assert_array_equal(a.astype("float32"), b.astype("float32"))


def test_missing_variable(model, path):
    with h5py.File(path, "r+") as file:
        del file[BIAS]
    refused(model, path, rf"lacks the variable `{BIAS}`.*1 of \d+")


def test_unknown_variable(model, path):
    with h5py.File(path, "r+") as file:
        file["decoder/extra/vars/0"] = np.zeros(3, "float32")
    refused(model, path, "contains 'decoder/extra/vars/0'")


@pytest.mark.parametrize("shape", [(28,), (27, 1), ()])
def test_wrong_shape(model, path, shape):
    with h5py.File(path, "r+") as file:
        del file[BIAS]
        file[BIAS] = np.zeros(shape, "float32")
    refused(model, path, r"must have the shape \(27,\)")


@pytest.mark.parametrize(
    "data",
    [
        np.zeros(27, "int32"),
        np.zeros(27, "complex64"),
        np.array([b"x"] * 27, dtype="S4"),
        np.zeros(27, dtype=[("a", "f4")]),
        np.zeros(27, "V2"),
    ],
)
def test_wrong_kind(model, path, data):
    with h5py.File(path, "r+") as file:
        del file[BIAS]
        file[BIAS] = data
    refused(model, path, "must be one of float32")


def test_objects_and_references(model, path):
    for dtype in (h5py.string_dtype(), h5py.ref_dtype, h5py.vlen_dtype(np.int32)):
        with h5py.File(path, "r+") as file:
            del file[BIAS]
            file.create_dataset(BIAS, (27,), dtype=dtype)
        refused(model, path, "must be one of float32")


@pytest.mark.parametrize(
    "link", [h5py.SoftLink("/vars/0"), h5py.ExternalLink("/etc/passwd", "/x")]
)
def test_links(model, path, link):
    with h5py.File(path, "r+") as file:
        del file[BIAS]
        file[BIAS] = link
    refused(model, path, f"link to elsewhere.*{type(link).__name__}")


def test_circle_of_hard_links(model, path):
    with h5py.File(path, "r+") as file:
        file["decoder/self"] = file["decoder"]
    refused(model, path, "more than|contains")


def test_many_empty_groups(model, path):
    with h5py.File(path, "r+") as file:
        for number in range(1000):
            file.create_group(f"g{number}")
    refused(model, path, "groups and arrays|too large")


def test_array_in_another_file(model, path, tmp_path):
    with h5py.File(path, "r+") as file:
        del file[BIAS]
        file.create_dataset(
            BIAS, (27,), "float32", external=[("/etc/hostname", 0, 108)]
        )
    refused(model, path, "in another file")


def test_virtual_array(model, path, tmp_path):
    layout = h5py.VirtualLayout((27,), "float32")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (27,))
    with h5py.File(path, "r+") as file:
        del file[BIAS]
        file.create_virtual_dataset(BIAS, layout)
    refused(model, path, "virtual")


@pytest.mark.parametrize("options", [{"chunks": (9,)}, {"compression": "gzip"}])
def test_filters_and_chunks(model, path, options):
    with h5py.File(path, "r+") as file:
        del file[BIAS]
        file.create_dataset(BIAS, (27,), "float32", **options)
    refused(model, path, "in pieces, filtered")


def test_array_without_storage(model, path):
    with h5py.File(path, "r+") as file:
        del file[BIAS]
        file.create_dataset(BIAS, (27,), "float32")  # nothing written: no bytes
    refused(model, path, "not all of its numbers")


def test_numbers_that_are_not_finite(model, path):
    for bad in (np.nan, np.inf):
        with h5py.File(path, "r+") as file:
            file[BIAS][3] = bad
        refused(model, path, "not finite")


def test_too_large(model, path):
    with path.open("ab") as file:
        file.truncate(1 << 28)
    refused(model, path, "too large")


def test_truncated(model, path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(TruncatedPresetError, match="cut off"):
        check_weights(model, path, "x")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04K\x01."])
def test_not_hdf5(model, path, content):
    path.write_bytes(content)
    refused(model, path, "is not an HDF5 file")


def test_git_lfs_pointer(model, path):
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    refused(model, path, "git lfs pull")


def test_every_damaged_file_is_refused_or_harmless(model, path):
    """Bytes overwritten at many places: an error of ours or a good model, no crash."""
    content = path.read_bytes()
    random = np.random.default_rng(0)
    refusals = 0
    for _ in range(60):
        damaged = bytearray(content)
        at = int(random.integers(8, len(content) - 8))
        damaged[at : at + 8] = random.bytes(8)
        path.write_bytes(damaged)
        try:
            check_weights(model, path, "x")
        except PresetFormatError:
            refusals += 1
    assert refusals


def test_names_in_the_file_are_pinned(path):
    """Attribute names of the layers are file format: renaming one breaks presets."""
    lstm = {f"cell/vars/{number}" for number in range(3)}  # kernel, recurrent, bias
    dense = {f"vars/{number}" for number in range(2)}
    layers = {
        "encoder/forward_layers/lstm": lstm,
        "encoder/backward_layers/lstm": lstm,
        "latent/mean": dense,
        "latent/stddev": dense,
        "decoder/initial_state/dense": dense,
        "decoder/cells/lstm": lstm,
        "decoder/note_decoder/initial_state/dense": dense,
        "decoder/note_decoder/cells/lstm": lstm,
        "decoder/note_decoder/output_projection": dense,
    }
    expected = {"vars/0"}  # the counter of steps
    expected |= {f"{layer}/{part}" for layer, parts in layers.items() for part in parts}
    found = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.append(name) if isinstance(item, h5py.Dataset) else None
            )
        )
    assert set(found) == expected


def replaced(path, data, name=BIAS, **attributes):
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = data
        file[name].attrs.update(attributes)


BFLOAT16 = np.zeros(27, ml_dtypes.bfloat16)


@pytest.mark.parametrize("value", [np.nan, np.inf, -3e38, 1e30, -1.1e6])
@pytest.mark.parametrize("dtype", ["float32", ">f4", "float64", "bfloat16", "float16"])
def test_numbers_that_cannot_be_computed_with(model, path, value, dtype):
    if dtype == "float16":
        value = np.inf * np.sign(value)
    if dtype == "bfloat16":
        data = BFLOAT16.copy()
        data[3] = value
        replaced(path, data.view("V2"), dtype="bfloat16")
    else:
        data = np.zeros(27, dtype)
        data[3] = value
        replaced(path, data)
    refused(model, path, "not finite or beyond 1e")


def test_a_number_beyond_the_model_s_type():
    assert largest_weight(np.dtype("float16")) == 65504
    assert largest_weight(np.dtype(ml_dtypes.bfloat16)) == 1e6


@pytest.mark.parametrize("dtype", [">f4", ">f8", "<f2", ">f2"])
def test_any_byte_order_gives_the_numbers(path, dtype):
    numbers = np.arange(27, dtype=dtype)
    replaced(path, numbers)
    other = tiny_model(seed=3)
    load_weights(other, path, "x")
    bias = other.decoder.note_decoder.output_projection.bias
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(bias), np.arange(27))


@pytest.mark.parametrize(
    "attribute", [3, [b"bfloat16"] * 2, np.zeros((0, 3)), h5py.Empty("f4"), b"bfloat32"]
)
def test_odd_attributes_of_opaque_numbers(model, path, attribute):
    replaced(path, BFLOAT16.view("V2"), dtype=attribute)
    with pytest.raises(PresetFormatError):
        check_weights(model, path, "x")


@pytest.mark.parametrize("seed", range(30))
def test_flipped_bytes_load_or_are_refused(model, path, seed):
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    for place in rng.integers(len(content) if seed % 2 else 3000, size=1 + seed % 4):
        content[place] = rng.integers(256)
    path.write_bytes(content)
    with contextlib.suppress(PresetFormatError):
        check_weights(model, path, "x")


@pytest.mark.parametrize("value", [np.nan, np.inf, 2e6])
def test_what_would_be_refused_is_not_saved(tmp_path, value):
    model = tiny_model()
    bias = model.decoder.note_decoder.output_projection.bias
    bias.assign(np.full(27, value, "float32"))
    with pytest.raises(PresetFormatError, match="not finite or beyond"):
        model.save_to_preset(tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_a_quantized_model_is_not_saved(tmp_path, mode):
    model = tiny_model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LSTM cells stay as they are
        keras.Model.quantize(model, mode)  # MusicVAE itself refuses
    with pytest.raises(PresetFormatError, match="quantized"):
        model.save_to_preset(tmp_path / "x")
    assert not list(tmp_path.iterdir())
