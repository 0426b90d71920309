"""What augmentation may change, and what it must leave."""

import numpy as np
import pytest
from array_windows import ArrayWindows, grooves_alone

from keras_musicvae.grooves.conditions import CONDITIONS
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
def examples(grooves):
    starts = [None, *range(1, len(grooves))]
    tempo = [120.0] * len(grooves)
    return Examples(grooves, BARS, tempo=tempo, start_bar=starts)


@pytest.fixture
def varied(examples):
    return augmented(examples, np.random.default_rng(7))


@pytest.fixture
def changed(varied):
    return varied.grooves


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


def test_the_bar_of_the_phrase_turns_with_the_bars(examples, varied):
    assert varied.start_bar[0] is None and varied.tempo == examples.tempo
    phrases = CONDITIONS["phrase"].values(varied)
    for row in range(1, len(examples)):
        # Bars of a window have all places in a phrase: the first says how they lie.
        before, after = (
            np.split(each.grooves[row, :, :9], BARS) for each in (examples, varied)
        )
        first = int(phrases[row]) - 1  # the place in the phrase of the first bar
        for place in range(BARS):
            was = (first + place - row) % BARS
            assert np.array_equal(after[place], before[was])


def test_windows_that_do_not_say_where_they_begin(grooves):
    varied = augmented(Examples(grooves, BARS), np.random.default_rng(7))
    assert list(varied.start_bar) == []


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
