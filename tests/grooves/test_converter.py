"""The converter and its configuration."""

import json

import numpy as np
import pytest
from grooves.strategies import grooves
from hypothesis import given, settings

from keras_musicvae.errors import ConfigError, GrooveError, TooShortError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.frames import frames_to_groove
from keras_musicvae.grooves.groove import Groove


@given(grooves())
@settings(max_examples=50, deadline=None)
def test_to_array_and_back(groove):
    converter = GrooveConverter(
        groove.num_bars,
        time_signature=groove.time_signature,
        steps_per_quarter=groove.steps_per_quarter,
    )
    array = converter.to_array(groove)
    assert array.shape == (converter.num_steps, 27)
    assert array.dtype == np.float32
    back = converter.to_groove(array, groove.tempo)
    np.testing.assert_array_equal(back.hits, groove.hits)
    np.testing.assert_array_equal(back.velocities, groove.velocities)
    np.testing.assert_array_equal(back.offsets, groove.offsets)


def groove(bars=4, time_signature=(4, 4), grid=4):
    hits = np.ones((bars * time_signature[0] * 4 * grid // time_signature[1], 9))
    return Groove(
        hits, hits, hits * 0, time_signature=time_signature, steps_per_quarter=grid
    )


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (groove(3), TooShortError, r"4 bars, the groove has 3; .*short=\"loop\""),
        (groove(5), GrooveError, r"the groove has 5; .*groove\.bars"),
        (groove(4, (3, 4)), GrooveError, "takes 4/4, the groove is in 3/4"),
        (groove(4, grid=8), GrooveError, "steps_per_quarter=4"),
    ],
)
def test_grooves_that_do_not_fit(wrong, error, message):
    with pytest.raises(error, match=message):
        GrooveConverter().to_array(wrong)


def test_time_signatures_of_the_same_bar_fit():
    assert GrooveConverter().to_array(groove(4, (2, 2))).shape == (64, 27)


def test_values_out_of_range_are_clipped():
    frames = np.zeros((16, 27))
    frames[0, [0, 9, 18]] = 0.51, 1.7, -3
    frames[1, [0, 9, 18]] = 0.5, 1, 1  # a hit is more than one half
    result = frames_to_groove(frames)
    assert result.num_hits == 1
    assert result.velocities[0, 0] == 1
    assert result.offsets[0, 0] == -0.5


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((16, 26)), r"\(steps, 27\)"),
        (np.zeros((1, 16, 27)), r"\(steps, 27\)"),
        (np.full((16, 27), np.nan), "NaN or infinity"),
        (np.full((16, 27), np.inf), "NaN or infinity"),
        (np.zeros((15, 27)), "whole bars"),
        ([["x"] * 27] * 16, "must be numbers"),
        ([[10**400] * 27] * 16, "must be numbers"),
    ],
)
def test_impossible_frames(frames, message):
    with pytest.raises(GrooveError, match=message):
        frames_to_groove(frames)


def test_windows_of_a_long_groove():
    cut = GrooveConverter(2).windows(groove(5), hop_bars=1)
    assert cut.arrays().shape == (4, 32, 27)


def test_configuration():
    converter = GrooveConverter(
        2,
        time_signature=(6, 8),
        steps_per_quarter=12,
        task="infill",
        conditions={"style": ["funk", "rock"]},
    )
    config = json.loads(json.dumps(converter.get_config()))
    again = GrooveConverter.from_config(config)
    assert again == converter
    assert again.num_steps == 72
    assert again.task.name == "infill" and again.condition_dim == 2
    assert again.changed(task="generate").task.name == "generate"
    assert again != GrooveConverter()
    assert "task='infill'" in repr(again)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_bars": 0}, "num_bars must be"),
        ({"num_bars": True}, "num_bars must be"),
        ({"num_bars": "4"}, "num_bars must be"),
        ({"num_bars": 1_025}, "num_bars must be"),
        ({"time_signature": [float("inf"), 4]}, "pair of integers"),
        ({"steps_per_quarter": 0}, "steps_per_quarter must be"),
        ({"drum_map": 10**400}, "in full"),
        ({"drum_map": "kit.json"}, "in full"),
        ({"time_signature": [4]}, "pair of integers"),
        ({"time_signature": [4, 5]}, "a time signature is"),
        ({"steps_per_quarter": 1000}, "steps_per_quarter must be"),
        ({"task": "sing"}, "generate, humanize, tap2drum, infill"),
        ({"conditions": {"mood": []}}, "A condition is one of style"),
        ({"colour": 1}, "not a converter's configuration"),
    ],
)
def test_impossible_configurations(config, message):
    with pytest.raises(ConfigError, match=message):
        GrooveConverter.from_config(config)
