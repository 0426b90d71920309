"""Our reader of checkpoints against TensorFlow itself, where that is the backend."""

from pathlib import Path

import keras
import numpy as np
import pytest
from checkpoint_writers import SMALL, random_weights, with_training_state, write_bundle
from shared_data import shared_path

from keras_musicvae.errors import CheckpointError
from keras_musicvae.magenta.files import Folder
from keras_musicvae.magenta.tf_checkpoint import read_tf_checkpoint

if keras.backend.backend() != "tensorflow":
    pytest.skip("compared once, on TensorFlow", allow_module_level=True)
import tensorflow as tf

GOLDEN = [
    "groovae_2bar_hits_control_reduced",
    "groovae_2bar_tap_reduced",
    "groovae_4bar_reduced",
    "hierdec_groovae_4bar_reduced",
]
NUMBER_TYPES = ("float32", "float64", "int32", "int64")


def read(path: Path, prefix: str = "model.ckpt-7") -> dict:
    return read_tf_checkpoint(Folder(path), prefix)


@pytest.mark.parametrize("step", [7, 10])
@pytest.mark.parametrize("name", GOLDEN)
def test_golden_checkpoints_read_as_tensorflow_reads_them(name, step):
    folder = shared_path(f"golden/models/{name}")
    reader = tf.train.load_checkpoint(str(folder / f"model.ckpt-{step}"))
    variables = read(folder, f"model.ckpt-{step}")
    assert set(variables) == set(reader.get_variable_to_shape_map())
    for variable, array in variables.items():
        expected = reader.get_tensor(variable)
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


def test_tensorflows_writer_of_every_number_type(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {
        f"a/{dtype}": tf.cast(tf.constant(rng.integers(0, 2, (3, 5))), dtype)
        for dtype in NUMBER_TYPES
    }
    tensors["scalar"] = tf.constant(2.5)
    tensors["large"] = tf.constant(rng.normal(size=(300, 257)).astype(np.float32))
    prefix = tmp_path / "model.ckpt-7"
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )
    variables = read(tmp_path)
    assert set(variables) == set(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(variables[name], tensor.numpy())


def test_tensorflow_reads_what_the_tests_write(tmp_path):
    prefix = tmp_path / "model.ckpt-7"
    write_bundle(prefix, with_training_state(random_weights(SMALL)))
    reader = tf.train.load_checkpoint(str(prefix))
    for name, array in read(tmp_path).items():
        np.testing.assert_array_equal(array, reader.get_tensor(name))


def test_partitioned_and_string_variables_are_refused_by_name(tmp_path):
    for name, tensor, slices in (
        ("halves", tf.zeros((2, 4)), "4 4 0,2:-"),
        ("words", tf.constant(["a"]), ""),
    ):
        tf.raw_ops.SaveV2(
            prefix=str(tmp_path / "model.ckpt-7"),
            tensor_names=[name],
            shape_and_slices=[slices],
            tensors=[tensor],
        )
        with pytest.raises(CheckpointError, match=name):
            read(tmp_path)


def test_object_checkpoints_of_tensorflow_2_are_refused(tmp_path):
    tf.train.Checkpoint(x=tf.Variable(1.0)).write(str(tmp_path / "model.ckpt-7"))
    with pytest.raises(CheckpointError, match="holds strings"):
        read(tmp_path)
