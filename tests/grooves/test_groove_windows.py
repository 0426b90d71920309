"""Windows of a groove, and the account of what they leave out."""

import numpy as np
import pytest

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.windows import cut_windows, same_time_signature


def groove(bars, time_signature=(4, 4), grid=4):
    """One hit in each bar, early on its downbeat; its velocity names the bar."""
    steps = time_signature[0] * 4 * grid // time_signature[1]
    hits = np.zeros((bars * steps, 9), bool)
    hits[::steps, 0] = True
    bar = np.repeat(np.arange(bars), steps)[:, None]
    return Groove(
        hits,
        hits * (bar + 1) / 100,
        hits * 0.25,
        time_signature=time_signature,
        steps_per_quarter=grid,
    )


def bars_of(cut):
    """The bars that each window holds."""
    velocities = cut.arrays()[:, :, 9].reshape(len(cut), cut.num_bars, -1)[:, :, 0]
    return np.rint(velocities * 100).astype(int).tolist()


def test_windows_side_by_side():
    cut = cut_windows(groove(6), 2)
    assert bars_of(cut) == [[1, 2], [3, 4], [5, 6]]
    assert cut.arrays().shape == (3, 32, 27)
    assert cut.start_steps.tolist() == [0, 32, 64]
    assert (cut.bars_left_out, cut.hits_left_out, cut.reason) == (0, 0, "")


def test_hits_early_on_a_windows_downbeat_are_in_it():
    windows = cut_windows(groove(4), 1).arrays()
    assert (windows[:, 0, 0] == 1).all()
    assert (windows[:, 0, 18] == 0.5).all()


def test_hop_of_one_bar():
    cut = cut_windows(groove(4), 2, hop_bars=1)
    assert bars_of(cut) == [[1, 2], [2, 3], [3, 4]]


def test_a_hop_larger_than_the_window_leaves_bars_out():
    cut = cut_windows(groove(5), 1, hop_bars=2)
    assert bars_of(cut) == [[1], [3], [5]]
    assert cut.bars_left_out == 2


def test_the_tail():
    cut = cut_windows(groove(7), 4)
    assert bars_of(cut) == [[1, 2, 3, 4]]
    assert (cut.bars_left_out, cut.hits_left_out) == (3, 3)
    assert cut.reason == "3 of 7 bars are in no window"
    cut = cut_windows(groove(7), 4, tail="keep")
    assert bars_of(cut) == [[1, 2, 3, 4], [4, 5, 6, 7]]
    assert (cut.bars_left_out, cut.reason) == (0, "")
    assert len(cut_windows(groove(8), 4, tail="keep")) == 2


def test_a_short_groove():
    cut = cut_windows(groove(3), 4)
    assert len(cut) == 0
    assert cut.arrays().shape == (0, 64, 27)
    assert (cut.bars_left_out, cut.hits_left_out) == (3, 3)
    assert cut.reason == "3 bars, fewer than 4"

    cut = cut_windows(groove(3), 4, short="pad")
    assert bars_of(cut) == [[1, 2, 3, 0]]
    assert (cut.bars_left_out, cut.reason) == (0, "3 bars, padded to 4")
    assert cut.frames.shape == (64, 27)

    cut = cut_windows(groove(3), 8, short="loop")
    assert bars_of(cut) == [[1, 2, 3, 1, 2, 3, 1, 2]]
    assert cut.reason == "3 bars, looped to 8"


def test_another_time_signature_or_grid_gives_no_window():
    cut = cut_windows(groove(4, (3, 4)), 4)
    assert (len(cut), cut.bars_left_out) == (0, 4)
    assert cut.reason == "time signature 3/4, not 4/4"
    cut = cut_windows(groove(4, (3, 4)), 4, time_signature=None)
    assert cut.arrays().shape == (1, 48, 27)
    cut = cut_windows(groove(4, grid=12), 4)
    assert cut.reason == "12 steps per quarter, not 4"
    assert len(cut_windows(groove(4, grid=12), 4, steps_per_quarter=12)) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((4, 4), (4, 4), True),
        ((4, 4), (2, 2), True),
        ((8, 8), (4, 4), True),
        ((3, 4), (6, 8), False),
        ((6, 8), (6, 8), True),
        ((4, 4), (3, 4), False),
        ((4, 4), (8, 4), False),
    ],
)
def test_same_time_signature(one, other, same):
    assert same_time_signature(one, other) is same


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_bars": 0}, "num_bars must be"),
        ({"num_bars": 1.5}, "num_bars must be"),
        ({"num_bars": 1, "hop_bars": 0}, "hop_bars must be"),
        ({"num_bars": 10**400}, "num_bars must be an integer from 1 to 1,024"),
        ({"num_bars": 1, "hop_bars": 1_025}, "hop_bars must be"),
        ({"num_bars": 1, "short": "drop"}, "short must be one of skip, pad, loop"),
        ({"num_bars": 1, "tail": "pad"}, "tail must be one of skip, keep"),
    ],
)
def test_impossible_settings(arguments, message):
    with pytest.raises(ConfigError, match=message):
        cut_windows(groove(2), **arguments)
