"""Tasks: what is known of grooves."""

import numpy as np
import pytest

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.drum_maps import DRUMS
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.tasks import TASKS, find_task


def examples(number=1, num_bars=2):
    rng = np.random.default_rng(4)
    hits = rng.random((number, 16 * num_bars, 9)) < 0.4
    hits[:, 3] = False
    parts = [hits, hits * rng.random(hits.shape), hits * rng.uniform(-1, 1, hits.shape)]
    return Examples(np.concatenate(parts, axis=-1).astype("float32"), num_bars)


def known_of(name, windows):
    known = TASKS[name].known(windows, np.random.default_rng(1))
    assert known.shape == (*windows.grooves.shape[:2], 54)
    assert known.dtype == np.float32
    values, mask = np.split(known, 2, axis=-1)
    assert set(np.unique(mask)) <= {0, 1}
    assert not values[mask == 0].any()
    return values, mask


@pytest.mark.parametrize("name", [name for name in TASKS if name != "generate"])
def test_every_task(name):
    windows = examples(50)
    before = windows.grooves.copy()
    values, mask = known_of(name, windows)
    np.testing.assert_array_equal(windows.grooves, before)
    assert 0 < mask.mean() < 1
    if TASKS[name].kept:
        np.testing.assert_array_equal(values[mask > 0], before[mask > 0])


def test_humanize_knows_hits_and_rests():
    windows = examples()
    values, mask = known_of("humanize", windows)
    np.testing.assert_array_equal(values[..., :9], windows.grooves[..., :9])
    assert mask[..., :9].all() and not mask[..., 9:].any()


def test_tap2drum_knows_the_timing_of_the_loudest():
    windows = examples()
    (values,), _ = known_of("tap2drum", windows)
    (played,) = windows.grooves
    loudest = played[:, 9:18].argmax(1)
    struck = played[:, :9].any(1)
    np.testing.assert_array_equal(values[:, 3] == 1, struck)
    steps = np.flatnonzero(struck)
    np.testing.assert_array_equal(values[steps, 21], played[steps, 18 + loudest[steps]])
    values[:, [3, 21]] = 0
    assert not values.any()


@pytest.mark.parametrize("drum", DRUMS)
def test_add_a_drum_knows_the_others(drum):
    _, mask = known_of(f"add_{drum}", examples())
    gone = DRUMS.index(drum) + np.array([0, 9, 18])
    assert not mask[..., gone].any()
    assert np.delete(mask, gone, axis=-1).all()


def test_infill_leaves_whole_drums_bars_or_runs_of_steps():
    windows = examples(300, num_bars=4)
    _, mask = known_of("infill", windows)
    cells = mask.reshape(300, 4, 16, 3, 9)
    assert (cells == cells[:, :, :, :1]).all()  # a cell is known whole or not at all
    unknown = ~cells[..., 0, :].astype(bool)
    assert unknown.any(axis=(1, 2, 3)).all()
    drums = (unknown.all(axis=(1, 2)) | ~unknown.any(axis=(1, 2))).all(axis=1)
    bars = (unknown.all(axis=(2, 3)) | ~unknown.any(axis=(2, 3))).all(axis=1)
    steps = unknown.reshape(300, 64, 9)
    runs = np.abs(np.diff(steps.all(axis=2).astype(int), axis=1)).sum(axis=1) <= 2
    assert (drums | bars | runs).all()
    assert drums.mean() > 0.2 and bars.mean() > 0.2 and runs.mean() > 0.2


def test_continue_knows_the_first_bars():
    _, mask = known_of("continue", examples(100, num_bars=4))
    known = mask.reshape(100, 4, -1).mean(axis=2)
    assert set(known.sum(axis=1)) == {1, 2, 3}
    assert (np.diff(known, axis=1) <= 0).all()
    _, half = known_of("continue", examples(1, num_bars=1))
    assert half[0, :8].all() and not half[0, 8:].any()


def test_unknown_tasks_are_refused():
    with pytest.raises(ConfigError, match="generate, humanize, tap2drum, infill"):
        find_task("sing")
    with pytest.raises(ConfigError, match="knows nothing"):
        TASKS["generate"].known(examples())
