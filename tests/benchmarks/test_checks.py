"""A contender that computes something else is refused before it is timed."""

from functools import cache

import keras
import numpy as np
import pytest

from benchmarks import limits
from benchmarks.checks import DifferentFunctionError, check, differences
from benchmarks.contenders import NATIVE, OURS, STOCK, contender_class
from benchmarks.tasks import TINY, ModelSize, Task, make_inputs, make_weights
from keras_musicvae import MusicVAE

FLAT_TINY = ModelSize(2, 16, 8, (), (12, 12))
BACKEND = keras.backend.backend()


def outputs(name, task, weights=None):
    weights = weights or make_weights(task.size)
    cls = contender_class(name, BACKEND)
    return cls(task, weights, make_inputs(task)).outputs()


@cache
def expected(task):
    """Our side, compiled once for all that is compared with it."""
    return outputs(OURS, task)


@pytest.mark.parametrize("size", [TINY, FLAT_TINY], ids=["hierarchical", "flat"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("train", NATIVE),
        ("train", STOCK),
        ("encode", NATIVE),
        ("sample", NATIVE),
    ],
)
def test_contenders_compute_the_same_function(size, kind, name):
    task = Task(kind, 3, size)
    assert check(outputs(name, task), expected(task), "float32")


def test_gates_in_another_order_are_noticed():
    task = Task("encode", 3, TINY)
    weights = make_weights(TINY)
    i, f, g, o = np.split(weights["encoder/forward/kernel"], 4, axis=1)
    weights["encoder/forward/kernel"] = np.concatenate([f, i, g, o], axis=1)
    with pytest.raises(DifferentFunctionError, match="differs by"):
        check(outputs(NATIVE, task, weights), expected(task), "float32")


def test_differences_are_relative_to_the_norm():
    expected = {"loss": np.float32(200.0), "gradient/a": np.array([3.0, 4.0])}
    given = {"loss": np.float32(201.0), "gradient/a": np.array([3.0, 4.5])}
    found = differences(given, expected)
    assert found["loss"] == pytest.approx(0.005)
    assert found["gradient/a"] == pytest.approx(0.1)


def test_a_gradient_without_digits_is_measured_by_the_others():
    expected = {"gradient/a": np.array([1.0]), "gradient/b": np.array([0.0])}
    given = {"gradient/a": np.array([1.0]), "gradient/b": np.array([1e-9])}
    assert check(given, expected, "float32")["gradient"] == pytest.approx(1e-6)


def test_other_hits_are_counted_by_groove():
    expected = {"grooves": np.zeros((4, 8, 27), "float32")}
    given = {"grooves": np.zeros((4, 8, 27), "float32")}
    given["grooves"][1, 2, 3] = 1.0
    given["grooves"][2, 2, 20] = 0.5  # an offset: the hits are the same
    assert differences(given, expected)["grooves"] == 0.25
    with pytest.raises(DifferentFunctionError, match="grooves differs"):
        check(given, expected, "float32")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loss": np.float32("nan")}, "differs by nan"),
        ({"loss": np.zeros(2)}, "shape"),
        ({"losses": np.float32(1.0)}, "Only one"),
    ],
)
def test_what_cannot_be_compared_is_refused(given, message):
    with pytest.raises(DifferentFunctionError, match=message):
        check(given, {"loss": np.float32(1.0)}, "float32")


def test_weights_are_those_of_the_model():
    model = MusicVAE(
        num_bars=2,
        encoder_units=(16,),
        latent_dim=8,
        conductor_units=(12, 12),
        decoder_units=(12, 12),
    )
    counted = sum(layer.weights for layer in limits.layers(TINY))
    assert counted == sum(np.prod(v.shape) for v in model.trainable_variables)
