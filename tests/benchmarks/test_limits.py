"""The counts under the limit, against the model itself and by hand."""

import pytest

from benchmarks import limits
from benchmarks.tasks import (
    FLAT,
    FULL,
    TINY,
    Layer,
    ModelSize,
    Task,
    layers,
    make_weights,
)


@pytest.mark.parametrize("size", [FULL, FLAT, TINY, ModelSize(2, 8, 4, (6,), (5,))])
def test_weights_are_those_of_the_contenders(size):
    counted = sum(layer.weights for layer in layers(size))
    assert counted == sum(w.size for w in make_weights(size).values())


def test_the_full_size_has_the_originals_weights():
    assert sum(layer.weights for layer in layers(FLAT)) == 4_085_019
    assert sum(layer.weights for layer in layers(FULL)) == 5_137_691


def test_operations_of_a_layer_by_hand():
    lstm = Layer("lstm", inputs=3, units=5, steps=7, rows=2)
    # 4 gates of 5 units, each a sum over 3 inputs and 5 units, at 14 steps.
    assert lstm.operations == 2 * (4 * 5) * (3 + 5) * 14
    dense = Layer("dense", inputs=3, units=5, steps=7, recurrent=False)
    assert dense.operations == 2 * 3 * 5 * 7


def test_operations_grow_with_the_bars_and_not_with_the_conductor():
    two, four = (ModelSize(bars, conductor_units=()) for bars in (2, 4))
    ratio = limits.train_operations(four) / limits.train_operations(two)
    assert 1.99 < ratio <= 2.0  # the latent does not grow
    extra = limits.train_operations(FULL) / limits.train_operations(FLAT)
    assert 1.0 < extra < 1.05


def test_the_serial_chain_is_shorter_with_bars_side_by_side():
    # Encoder 64 steps, then notes 64 and one more for the second layer.
    assert limits.serial_steps(FLAT) == {512: 3 * 64, 256: 3 * 65}
    # Conductor 4 and one more, notes 16 and one more.
    assert limits.serial_steps(FULL) == {512: 3 * 64, 256: 3 * (5 + 17)}


def test_floors_follow_the_rates():
    task = Task("train", 128)
    rates = {"matrix_flops": 1e11, "copy_bytes": 1e10}
    floors = limits.floors(task, rates)
    assert floors["operations"] == pytest.approx(
        128 * limits.train_operations(FULL) / 1e11
    )
    assert "chain" not in floors  # nothing is known of a step's latency
    rates |= {"step_seconds_256": 1e-5, "step_seconds_512": 2e-5}
    assert limits.floors(task, rates)["chain"] == pytest.approx(192 * 2e-5 + 66 * 1e-5)


def test_bfloat16_moves_fewer_bytes():
    whole = limits.train_bytes(Task("train", 128))
    half = limits.train_bytes(Task("train", 128, precision="bfloat16"))
    assert 0.5 < half / whole < 1.0
