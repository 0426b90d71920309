"""Sets that are bad on purpose are called bad; real grooves are not."""

from dataclasses import replace

import numpy as np
import pytest
from evaluation.small import SETTINGS, small_reference
from evaluation.synthetic import drummers

from keras_musicvae.evaluation.evaluate import measure_halves, measure_set, outside
from keras_musicvae.evaluation.sets import GrooveSet


def made_of(real, change):
    """The set after a change of its (hits, velocities, offsets), its files unknown."""
    parts = [part.copy() for part in np.split(real.grooves, 3, axis=-1)]
    return GrooveSet("bad", np.concatenate(change(*parts), axis=-1))


def bars_shuffled(hits, velocities, offsets):
    """Each window is made of bars of four windows."""
    generator = np.random.default_rng(0)
    sources = np.stack([generator.permutation(len(hits)) for _ in range(4)], axis=1)
    return [
        part.reshape(len(part), 4, 16, 9)[sources, np.arange(4)].reshape(part.shape)
        for part in (hits, velocities, offsets)
    ]


def velocities_shuffled(hits, velocities, offsets):
    """Each drum's velocities are dealt anew among its hits."""
    generator = np.random.default_rng(0)
    for drum in range(9):
        struck = hits[..., drum] > 0.5
        velocities[..., drum][struck] = generator.permutation(
            velocities[..., drum][struck]
        )
    return hits, velocities, offsets


def softer(hits, velocities, offsets):
    """127 becomes 120."""
    velocities[np.rint(velocities * 127) == 127] = 120 / 127
    return hits, velocities, offsets


def two_cells_changed(hits, velocities, offsets):
    """Two cells of each window change."""
    generator = np.random.default_rng(0)
    flat = [part.reshape(len(part), -1) for part in (hits, velocities, offsets)]
    for row in range(len(hits)):
        cells = generator.choice(flat[0].shape[1], 2, replace=False)
        flat[0][row, cells] = 1 - flat[0][row, cells]
        flat[1][row, cells] = 0.5 * flat[0][row, cells]
        flat[2][row, cells] = 0.0
    return hits, velocities, offsets


def timing_mirrored(hits, velocities, offsets):
    """Late becomes early."""
    return hits, velocities, -offsets


@pytest.fixture(scope="module")
def halves():
    from keras_musicvae.evaluation import classifier, evaluate

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "_BOOSTING", {"max_iter": 15, "max_leaf_nodes": 6})
        patch.setattr(evaluate, "TESTED_HALVES", 2)
        return measure_halves(small_reference(), SETTINGS)


def caught(system, halves):
    reference = small_reference()
    column = measure_set(system, reference, SETTINGS)
    return {name for _, name in outside(column, reference, halves)}


@pytest.mark.parametrize(
    ("change", "by"),
    [
        (bars_shuffled, "alike_1_2"),
        (velocities_shuffled, "accents_kept"),
        (softer, "velocity_kl_midi"),
        (two_cells_changed, "within_2"),
        (timing_mirrored, "swing"),
    ],
)
@pytest.mark.parametrize("of_training", [False, True])
def test_a_bad_set_is_caught(change, by, of_training, halves, quick):
    reference = small_reference()
    copied = change is two_cells_changed  # only training can be copied
    source = reference.training if of_training or copied else reference.real
    assert by in caught(made_of(source, change), halves)


def test_other_drummers_are_not_caught(halves, quick):
    assert not caught(replace(drummers(24, seed=2), files=None), halves)


def test_a_half_of_the_reference_is_not_caught(halves, quick):
    real = small_reference().real
    assert not caught(replace(real[real.labels % 2 == 0], files=None), halves)


def test_drummers_of_the_training_set_do_not_copy_themselves(halves, quick):
    assert not caught(small_reference().drummers, halves)
