"""The converter, its variants and its configuration."""

import json

import numpy as np
import pytest
from grooves.strategies import grooves
from hypothesis import given, settings

from keras_musicvae.errors import ConfigError, GrooveError, TooShortError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_maps import DRUMS
from keras_musicvae.grooves.frames import frames_to_groove, groove_to_frames
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.variants import (
    apply_variant,
    drop_drums,
    hits_control,
    humanize,
    note_dropout,
    tap2drum,
)


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
        variant="infill",
        drums=("kick", "crash"),
    )
    config = json.loads(json.dumps(converter.get_config()))
    again = GrooveConverter.from_config(config)
    assert again == converter
    assert again.num_steps == 72
    assert again.drums == ("kick", "crash")
    assert again != GrooveConverter()
    assert "variant='infill'" in repr(again)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_bars": 0}, "num_bars must be"),
        ({"num_bars": True}, "num_bars must be"),
        ({"num_bars": "4"}, "num_bars must be"),
        ({"time_signature": [4]}, "pair of integers"),
        ({"time_signature": [4, 5]}, "a time signature is"),
        ({"steps_per_quarter": 1000}, "steps_per_quarter must be"),
        ({"variant": "sing"}, "humanize, tap2drum, infill, hits_control"),
        ({"drums": ["gong"]}, "drums must be a list of kick"),
        ({"drums": "kick"}, "drums must be a list"),
        ({"colour": 1}, "not a converter's configuration"),
    ],
)
def test_impossible_configurations(config, message):
    with pytest.raises(ConfigError, match=message):
        GrooveConverter.from_config(config)


# --- Variants -----------------------------------------------------------------


def frames(bars=1):
    generator = np.random.default_rng(4)
    hits = generator.random((bars * 16, 9)) < 0.4
    hits[3] = False
    return groove_to_frames(
        Groove(
            hits,
            generator.uniform(0.1, 1, hits.shape),
            generator.uniform(-0.5, 0.5, hits.shape),
        )
    )


def test_variants_leave_their_argument_alone():
    original = frames()
    kept = original.copy()
    for variant in (None, "humanize", "tap2drum", "hits_control"):
        apply_variant(variant, original)[:] = 7
    drop_drums(original, ["kick"])[:] = 7
    note_dropout(original, 1.0, np.random.default_rng(0))[:] = 7
    np.testing.assert_array_equal(original, kept)


def test_humanize():
    result = humanize(frames())
    np.testing.assert_array_equal(result[:, :9], frames()[:, :9])
    assert not result[:, 9:].any()


def test_tap2drum():
    performance = frames()
    result = tap2drum(performance)
    loudest = performance[:, 9:18].argmax(1)
    played = performance[:, :9].any(1)
    np.testing.assert_array_equal(result[:, 3] == 1, played)
    steps = np.flatnonzero(played)
    np.testing.assert_array_equal(
        result[steps, 21], performance[steps, 18 + loudest[steps]]
    )
    result[:, [3, 21]] = 0
    assert not result.any()


def test_drop_any_drums():
    result = drop_drums(frames(), ["kick", "ride"])
    gone = [
        DRUMS.index(drum) + part for drum in ("kick", "ride") for part in (0, 9, 18)
    ]
    assert not result[:, gone].any()
    kept = np.setdiff1d(np.arange(27), gone)
    np.testing.assert_array_equal(result[:, kept], frames()[:, kept])


def test_hits_control():
    control = hits_control(frames()[None])
    assert control.shape == (1, 16, 9)
    assert control.dtype == bool
    np.testing.assert_array_equal(control[0], frames()[:, :9] == 1)


def test_variants_of_batches():
    batch = np.stack([frames(), frames()[::-1]])
    for variant in ("humanize", "tap2drum", "infill"):
        result = apply_variant(variant, batch, drums=["snare"])
        for one, row in zip(batch, result, strict=True):
            np.testing.assert_array_equal(
                apply_variant(variant, one, drums=["snare"]), row
            )


def test_note_dropout_takes_quiet_notes_and_whole_cells():
    batch = np.zeros((4000, 16, 27), np.float32)
    batch[..., 0] = batch[..., 1] = batch[..., 18:20] = 1
    batch[..., 9], batch[..., 10] = 0.1, 1.0
    result = note_dropout(batch, 0.5, np.random.default_rng(1))
    dropped = 1 - result[..., :2].mean((0, 1))
    # On average half the largest rate, times max(0.2, 1 - velocity).
    np.testing.assert_allclose(dropped, [0.25 * 0.9, 0.25 * 0.2], atol=0.01)
    gone = result[..., :9] == 0
    assert not result[..., 9:18][gone].any()
    assert not result[..., 18:][gone].any()
    # Each sequence has a rate of its own.
    rates = 1 - result[..., 0].mean(1)
    assert rates.std() > 0.1
    np.testing.assert_array_equal(
        note_dropout(batch, 0, np.random.default_rng(1)), batch
    )
    with pytest.raises(ConfigError, match="max_rate"):
        note_dropout(batch, 1.5, np.random.default_rng(1))
