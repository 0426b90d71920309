"""What augmentation may change, and what it must leave."""

import numpy as np
import pytest
from array_windows import ArrayWindows, grooves_alone

from keras_musicvae.grooves.examples import Examples
from keras_musicvae.training.augmentation import SHARE, augmented
from keras_musicvae.training.batches import WindowBatches

BARS, STEPS = 4, 64


@pytest.fixture
def grooves():
    rng = np.random.default_rng(3)
    hits = rng.random((400, STEPS, 9)) < 0.2
    velocities = hits * rng.uniform(0.05, 1.0, hits.shape)
    offsets = hits * rng.uniform(-1.0, 1.0, hits.shape)
    return np.concatenate([hits, velocities, offsets], axis=-1).astype(np.float32)


@pytest.fixture
def changed(grooves):
    return augmented(Examples(grooves, BARS), np.random.default_rng(7)).grooves


def test_hits_move_by_whole_bars_only(grooves, changed):
    turns = []
    for before, after in zip(grooves[..., :9], changed[..., :9], strict=True):
        fits = [
            turn
            for turn in range(BARS)
            if np.array_equal(np.roll(before, -16 * turn, axis=0), after)
        ]
        assert fits
        turns.append(fits[0])
    assert set(turns) == set(range(BARS))


def test_windows_say_in_which_bar_they_begin(grooves):
    examples = Examples(grooves, BARS, start_bar=[5] * len(grooves))
    after = augmented(examples, np.random.default_rng(7))
    for before, turned, start in zip(
        grooves[..., :9], after.grooves[..., :9], after.start_bar, strict=True
    ):
        expected = np.roll(before, -16 * (start - 5), axis=0)
        np.testing.assert_array_equal(expected, turned)
    assert set(after.start_bar) == {5, 6, 7, 8}


def test_values_stay_in_range_and_rests_stay_silent(grooves, changed):
    hits, velocities, offsets = np.split(changed, 3, axis=-1)
    assert velocities.min() >= 0 and velocities.max() <= 1
    assert np.abs(offsets).max() <= 1
    assert not velocities[hits == 0].any() and not offsets[hits == 0].any()
    assert velocities[hits == 1].min() > 0
    assert changed.dtype == np.float32


def test_about_half_of_the_windows_are_as_played(grooves, changed):
    same = (grooves == changed).all(axis=(1, 2)).mean()
    assert same == pytest.approx(1 - SHARE, abs=0.08)


def test_louder_strokes_stay_louder(grooves, changed):
    # In one window all velocities go through one rising curve.
    first = next(
        i
        for i in range(len(grooves))
        if np.array_equal(grooves[i, :, :9], changed[i, :, :9])
        and not np.array_equal(grooves[i], changed[i])
    )
    played = grooves[first, :, :9] == 1
    before, after = grooves[first, :, 9:18][played], changed[first, :, 9:18][played]
    assert np.array_equal(np.argsort(before), np.argsort(after))
    exponents = np.log(after) / np.log(before)
    np.testing.assert_allclose(exponents, exponents[0], rtol=1e-3)


def test_a_resumed_run_gets_the_same_windows(grooves):
    def batches(**arguments):
        windows = ArrayWindows(grooves, BARS)
        return WindowBatches(
            windows, grooves_alone, 50, seed=1, augment=True, **arguments
        )

    straight = batches()
    straight.on_epoch_end()
    resumed = batches(epoch=1)
    for index in (3, 0):
        np.testing.assert_array_equal(
            *(b[index][0]["grooves"] for b in (straight, resumed))
        )
    first, second = (each[0][0]["grooves"] for each in (batches(), straight))
    assert not np.array_equal(first, second)


def test_windows_are_as_played_unless_asked(grooves):
    windows = ArrayWindows(grooves, BARS)
    batch = WindowBatches(windows, grooves_alone, 400, seed=1)[0][0]
    np.testing.assert_array_equal(batch["grooves"], grooves)
