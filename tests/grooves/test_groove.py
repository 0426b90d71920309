"""The `Groove` itself: what it accepts, its sizes, parts and joins."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from keras_musicvae import audio, plots
from keras_musicvae.errors import DrumMapError, GrooveError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_maps import ADDICTIVE_DRUMS, GENERAL_MIDI, ROLAND_TD11
from keras_musicvae.grooves.groove import Groove, bar_steps, join_grooves
from keras_musicvae.grooves.midi import groove_to_midi


def groove(bars=1, steps=16, **options):
    hits = np.zeros((bars * steps, 9), bool)
    hits[::4, 0] = hits[4::8, 1] = True
    return Groove(hits, hits * 0.5, hits * 0.25, **options)


def test_sizes():
    four = groove(bars=4, tempo=96, name="verse")
    assert (four.num_steps, four.num_bars, four.steps_per_bar) == (64, 4, 16)
    assert four.num_hits == 16 + 8
    assert four.num_quarters == 16
    assert four.duration == 10.0
    assert repr(four) == "Groove('verse', 4 bars of 4/4, 24 hits, 96 bpm)"


def test_duration_and_tempo_follow_the_changes():
    changing = groove(bars=2, tempo=60, tempo_changes=((2, 120), (6, 240)))
    assert changing.duration == 2 + 4 / 2 + 2 / 4
    assert [changing.tempo_at(quarter) for quarter in (0, 1.9, 2, 7)] == [
        60,
        60,
        120,
        240,
    ]
    second = changing.bars(1)
    assert (second.tempo, second.tempo_changes) == (120, ((2.0, 240.0),))
    assert changing.bars(0, 1).duration + second.duration == changing.duration
    assert changing.with_tempo(60).duration == 8


def test_a_change_that_changes_nothing_is_none():
    assert groove(tempo=100, tempo_changes=((1, 100), (2, 90))).tempo_changes == (
        (2.0, 90.0),
    )


def test_values_where_there_is_no_hit_are_zero():
    hits = np.zeros((16, 9), bool)
    hits[3, 4] = True
    result = Groove(hits, np.full((16, 9), 0.7), np.full((16, 9), -0.2))
    assert result.velocities.sum() == np.float32(0.7)
    assert result.offsets[3, 4] == np.float32(-0.2)
    assert np.count_nonzero(result.offsets) == 1


def test_arrays_are_copies_and_read_only():
    hits = np.zeros((16, 9), bool)
    velocities = np.zeros((16, 9), np.float32)
    result = Groove(hits, velocities, velocities)
    hits[0, 0] = True
    velocities[0, 0] = 1
    assert not result.hits.any()
    for array in (result.hits, result.velocities, result.offsets):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


ZEROS = np.zeros((16, 9))
ONES = np.ones((16, 9))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros((16, 8)),) * 3, {}, r"shape \(steps, 9\).*\(16, 8\)"),
        ((np.zeros((0, 9)),) * 3, {}, "at least one"),
        ((np.zeros((17, 9)),) * 3, {}, "whole bars of 16 steps.*17 steps"),
        ((ONES, np.zeros((8, 9)), ZEROS), {}, "velocities must have the shape"),
        ((ONES, ONES * 1.1, ZEROS), {}, "velocities must be from 0.0 to 1.0"),
        ((ONES, ONES * np.nan, ZEROS), {}, "velocities must be"),
        (([[1], [1, 2]], ONES, ZEROS), {}, "hits must be an array of booleans"),
        ((ONES * np.nan, ONES, ZEROS), {}, "hits must be an array of booleans"),
        ((ONES.astype("U1"), ONES, ZEROS), {}, "hits must be an array of booleans"),
        ((None, ONES, ZEROS), {}, "hits must be an array of booleans"),
        ((ONES, ONES * 1j, ZEROS), {}, "velocities must be an array of numbers"),
        ((ONES, ONES, ZEROS.astype("M8[s]")), {}, "offsets must be an array of"),
        ((ONES, ONES, ONES * 0.6), {}, "offsets must be from -0.5 to 0.5"),
        ((ONES, ONES, ZEROS), {"tempo": 0}, "a tempo must be from 3.576"),
        ((ONES, ONES, ZEROS), {"tempo": float("nan")}, "a tempo must be"),
        ((ONES, ONES, ZEROS), {"tempo": "fast"}, "a tempo must be"),
        ((ONES, ONES, ZEROS), {"time_signature": (4, 3)}, "a time signature is"),
        ((ONES, ONES, ZEROS), {"time_signature": (0, 4)}, "a time signature is"),
        (
            (ONES, ONES, ZEROS),
            {"time_signature": "4/4"},
            "time_signature must be a pair",
        ),
        ((ONES, ONES, ZEROS), {"steps_per_quarter": 0}, "steps_per_quarter must be"),
        ((ONES, ONES, ZEROS), {"steps_per_quarter": 4.0}, "steps_per_quarter must be"),
        ((ONES, ONES, ZEROS), {"tempo_changes": ((0, 90),)}, "in order"),
        ((ONES, ONES, ZEROS), {"tempo_changes": ((4, 90),)}, "before the end"),
        ((ONES, ONES, ZEROS), {"tempo_changes": ((2, 90), (1, 80))}, "in order"),
        ((ONES, ONES, ZEROS), {"pitches": ONES * 36}, "pitch 36 does not play drum 1"),
        ((ONES, ONES, ZEROS), {"pitches": ONES * 200}, "pitches must be from 0 to 127"),
        ((ONES, ONES, ZEROS), {"name": 5}, "name must be text. Received: 5"),
    ],
)
def test_impossible_grooves(arguments, options, message):
    with pytest.raises(GrooveError, match=message):
        Groove(*arguments, **options)


@pytest.mark.parametrize("wrong", [None, "beat.mid", 5, [], [groove()]])
@pytest.mark.parametrize(
    "use",
    [
        groove_to_midi,
        audio.render,
        lambda value: plots.save_plot(value, "beat.png"),
        plots.plot_groove,
        GrooveConverter().to_array,
        GrooveConverter().windows,
        lambda value: join_grooves([groove(), value]),
        lambda value: plots.plot_grooves([groove(), value]),
    ],
)
def test_what_is_no_groove(use, wrong):
    with pytest.raises(GrooveError, match=r"A Groove is needed\. Received: \w+$"):
        use(wrong)


def test_the_drum_map_of_a_groove():
    assert Groove(ONES, ONES, ZEROS, drum_map="general_midi").drum_map == GENERAL_MIDI
    for wrong in ("x", 5, None, {"36": "kick"}):
        with pytest.raises(DrumMapError, match="drum map"):
            Groove(ONES, ONES, ZEROS, drum_map=wrong)
    general = groove().struck_pitches("general_midi")
    np.testing.assert_array_equal(general, groove().struck_pitches(GENERAL_MIDI))
    with pytest.raises(DrumMapError, match="a drum map is"):
        groove().struck_pitches(5)


@pytest.mark.parametrize("span", [(-1, 2), (0, 0), (2, 1), (0, 3)])
def test_bars_that_are_not_there(span):
    with pytest.raises(GrooveError, match="0 <= start < stop <= 2"):
        groove(bars=2).bars(*span)


def test_equality():
    one = groove(tempo=100)
    assert one == groove(tempo=100, name="another name")
    assert one != groove(tempo=101)
    assert one != groove(tempo=100, time_signature=(2, 2))
    assert one != groove(bars=2, tempo=100)
    assert one != "groove"
    usual = np.where(one.hits, ROLAND_TD11.written_pitches, 0)
    assert one == groove(tempo=100, pitches=usual)
    rimshots = np.where(usual == 38, 40, usual)
    assert one != groove(tempo=100, pitches=rimshots)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_struck_pitches_in_another_map():
    hits = np.zeros((16, 9), bool)
    hits[0, 1] = hits[1, 1] = hits[2, 2] = True
    pitches = np.zeros((16, 9), np.uint8)
    pitches[0, 1], pitches[2, 2] = 37, 44  # cross-stick, pedal hi-hat
    result = Groove(hits, hits, hits * 0, pitches=pitches)
    for drum_map, expected in (
        (None, [37, 38, 44]),
        (GENERAL_MIDI, [37, 38, 44]),
        (ADDICTIVE_DRUMS, [42, 38, 48]),
    ):
        struck = result.struck_pitches(drum_map)
        assert struck[[0, 1, 2], [1, 1, 2]].tolist() == expected
        assert np.count_nonzero(struck) == 3


def test_join():
    first = groove(bars=1, tempo=100)
    second = groove(bars=2, tempo=80, tempo_changes=((4, 90),))
    joined = join_grooves([first, second, second], name="song")
    assert joined.num_bars == 5
    assert joined.name == "song"
    assert joined.tempo_changes == ((4, 80), (8, 90), (12, 80), (16, 90))
    assert joined.bars(1, 3) == second
    assert joined.duration == pytest.approx(first.duration + 2 * second.duration)


def test_join_translates_articulations_to_the_first_map():
    hits = np.zeros((16, 9), bool)
    hits[0, 2] = True
    pedal = np.where(hits, 48, 0)
    second = Groove(hits, hits, hits * 0, pitches=pedal, drum_map=ADDICTIVE_DRUMS)
    joined = join_grooves([groove(), second])
    assert joined.drum_map is ROLAND_TD11
    assert joined.struck_pitches()[16, 2] == 44


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "at least one"),
        (
            [groove(), groove(steps=12, time_signature=(3, 4))],
            "must share time_signature",
        ),
        ([groove(), groove(steps_per_quarter=8, bars=2)], "must share time_signature"),
    ],
)
def test_grooves_that_cannot_be_joined(parts, message):
    with pytest.raises(GrooveError, match=message):
        join_grooves(parts)


def test_bar_steps():
    assert bar_steps((4, 4), 4) == 16
    assert bar_steps((5, 8), 4) == 10
    assert bar_steps((6, 8), 12) == 36
    with pytest.raises(GrooveError, match="use steps_per_quarter=8"):
        bar_steps((7, 16), 6)


def test_save_needs_a_known_suffix(tmp_path):
    with pytest.raises(GrooveError, match=r"\.mid, \.wav or \.png.*song\.mp3"):
        groove().save(tmp_path / "song.mp3")
    groove().save(tmp_path / "song.MID")
    assert (tmp_path / "song.MID").stat().st_size > 50


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))],  # noqa: S301
)
def test_copies_are_read_only_too(copied):
    original = Groove(*[np.full((16, 9), 0.5)] * 3, drum_map=GENERAL_MIDI)
    assert original.num_hits == 144  # cached
    assert original.drum_map.drum_table.any()
    again = copied(replace(original, pitches=original.struck_pitches()))
    assert again == original
    arrays = (again.hits, again.velocities, again.offsets, again.pitches)
    tables = (again.drum_map.drum_table, again.drum_map.written_pitches)
    for array in (*arrays, *tables):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    "time_signature",
    [(float("inf"), 4), (4.5, 4), (10**400, 4), (4, 10**5000), ("4", "4"), 4, (4,)],
    ids=range(7),
)
def test_impossible_time_signatures(time_signature):
    with pytest.raises(GrooveError, match=r"time.signature") as caught:
        Groove(*[np.zeros((16, 9))] * 3, time_signature=time_signature)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "tempo", [10**400, -(10**400), 10**5000, "fast", None], ids=range(5)
)
def test_impossible_tempos(tempo):
    with pytest.raises(GrooveError, match="a tempo must be from"):
        Groove(*[np.zeros((16, 9))] * 3, tempo=tempo)
    with pytest.raises(GrooveError, match="a tempo must be from"):
        Groove(*[np.zeros((16, 9))] * 3, tempo_changes=((1.0, tempo),))
