"""read(write(groove)) == groove, for any groove, in four libraries."""

import io
import warnings
from dataclasses import replace

import mido
import numpy as np
import pytest
from grooves import midi_files as midi
from grooves.strategies import grooves, resolutions
from grooves.written import check_written, written
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_musicvae.errors import GrooveError, NoDrumsError
from keras_musicvae.grooves.groove import Groove, bar_steps, join_grooves
from keras_musicvae.grooves.midi import (
    DEFAULT_LIMITS,
    groove_to_midi,
    read_midi,
    write_midi,
)


def positions(groove):
    """When each hit sounds, in steps; a hit before the file is heard at its start."""
    steps, drums = np.nonzero(groove.hits)
    return np.maximum(steps - groove.offsets[steps, drums].astype(np.float64), 0)


def assert_same(groove: Groove, read: Groove, ticks_per_quarter: int) -> None:
    """Equal within half a tick and one velocity step; on a cell's border one tick."""
    np.testing.assert_array_equal(read.hits, groove.hits)
    np.testing.assert_array_equal(read.struck_pitches(), groove.struck_pitches())
    assert np.abs(read.velocities - groove.velocities).max() <= 1 / 127 + 1e-6
    ticks_per_step = ticks_per_quarter / groove.steps_per_quarter
    error = np.abs(positions(read) - positions(groove)) * ticks_per_step
    distance = 0.5 - np.abs(groove.offsets[np.nonzero(groove.hits)])
    on_border = distance * ticks_per_step <= 0.5 + 1e-3
    assert (error <= np.where(on_border, 1.0, 0.5) + 1e-4).all()
    assert read.time_signature == groove.time_signature
    assert read.tempo == pytest.approx(groove.tempo, rel=1e-5)
    # A change by less than a microsecond per quarter note is no change in a file.
    for (quarter, tempo), (time, bpm) in zip(
        read.tempo_changes, groove.tempo_changes, strict=True
    ):
        assert quarter == time
        assert tempo == pytest.approx(bpm, rel=1e-5)


@given(grooves(min_hits=0), resolutions())
@settings(max_examples=300, deadline=None)
def test_round_trip(groove, ticks_per_quarter):
    data = written(groove, ticks_per_quarter=ticks_per_quarter)
    check_written(groove, data)
    read = read_midi(
        data,
        steps_per_quarter=groove.steps_per_quarter,
        drum_map=groove.drum_map,
    )
    assert_same(groove, read, ticks_per_quarter)
    assert read.report.num_hits == groove.num_hits
    assert read.report.shared_cells == 0
    # What has been through a file once comes back exactly.
    again = read_midi(
        written(read, ticks_per_quarter=ticks_per_quarter),
        steps_per_quarter=groove.steps_per_quarter,
        drum_map=groove.drum_map,
    )
    assert again == read


@pytest.mark.parametrize("signature", [(4, 4), (7, 8), (3, 2)])
@pytest.mark.parametrize("bars", [1, 4, 5, 40])
def test_silence(bars, signature):
    steps = bars * bar_steps(signature, 4)
    silence = np.zeros((steps, 9))
    groove = Groove(
        silence,
        silence,
        silence,
        tempo=125,
        time_signature=signature,
        tempo_changes=((1.5, 100.0),),
        name="rest",
    )
    assert read_midi(written(groove)) == groove
    assert read_midi(groove.to_midi()) == groove


@pytest.mark.parametrize(
    "events",
    [
        midi.END,
        b"\x8f\x00\xff\x2f\x00",  # an end on a bar line, nothing says that it is meant
        midi.meta(6, b"end") + midi.END,  # a marker at the start
        midi.meta(6, b"end", 1920) + b"\x01\xff\x2f\x00",  # a marker before the end
    ],
)
def test_files_without_notes(events):
    with pytest.raises(NoDrumsError, match="holds no notes"):
        read_midi(midi.header() + midi.chunk(events))


def by_mido(data):
    file = mido.MidiFile(file=io.BytesIO(data))
    tick, found, opened = 0, [], {}
    for message in file.tracks[0]:
        tick += message.time
        if message.type == "note_on":
            opened[message.note] = tick, message.velocity
        elif message.type == "note_off":
            start, velocity = opened.pop(message.note)
            found.append((start, message.note, velocity, tick))
    tempo = next(m.tempo for m in file.tracks[0] if m.type == "set_tempo")
    return sorted(found), mido.tempo2bpm(tempo), tick


def by_pretty_midi(data):
    import pretty_midi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        file = pretty_midi.PrettyMIDI(io.BytesIO(data))
    (drums,) = file.instruments
    assert drums.is_drum
    found = [
        (file.time_to_tick(n.start), n.pitch, n.velocity, file.time_to_tick(n.end))
        for n in drums.notes
    ]
    return sorted(found), file.get_tempo_changes()[1][0]


def by_symusic(data):
    import symusic

    score = symusic.Score.from_midi(data)
    (drums,) = score.tracks
    assert drums.is_drum
    found = [(n.time, n.pitch, n.velocity, n.time + n.duration) for n in drums.notes]
    return sorted(found), score.tempos[0].qpm


@given(grooves(), resolutions())
@settings(max_examples=100, deadline=None)
def test_other_libraries_read_the_same(groove, ticks_per_quarter):
    data = written(groove, ticks_per_quarter=ticks_per_quarter)
    (part,) = groove_to_midi(groove, ticks_per_quarter=ticks_per_quarter).instruments
    ours = sorted((n.start, n.pitch, n.velocity, n.end) for n in part.notes)
    notes, tempo, end = by_mido(data)
    assert notes == ours
    assert tempo == pytest.approx(groove.tempo, rel=1e-4)
    assert end == round(groove.num_quarters * ticks_per_quarter)
    for reader in (by_pretty_midi, by_symusic):
        notes, tempo = reader(data)
        assert notes == ours, reader.__name__
        assert tempo == pytest.approx(groove.tempo, rel=1e-4)


@given(st.data(), resolutions())
@settings(max_examples=100, deadline=None)
def test_joined_grooves_have_clean_seams(data, ticks_per_quarter):
    first = data.draw(grooves())
    same = grooves(
        time_signature=first.time_signature,
        steps_per_quarter=first.steps_per_quarter,
        drum_map=first.drum_map,
    )
    parts = [first, *data.draw(st.lists(same, min_size=1, max_size=3))]
    joined = join_grooves(parts)
    assert joined.num_bars == sum(part.num_bars for part in parts)
    file = written(joined, ticks_per_quarter=ticks_per_quarter)
    check_written(joined, file)
    read = read_midi(
        file,
        steps_per_quarter=first.steps_per_quarter,
        drum_map=first.drum_map,
    )
    assert_same(joined, read, ticks_per_quarter)
    start = 0
    for part in parts:
        piece = read.bars(start, start + part.num_bars)
        np.testing.assert_array_equal(piece.hits, part.hits)
        assert piece.tempo == pytest.approx(part.tempo, rel=1e-5)
        assert piece.duration == pytest.approx(part.duration, rel=1e-4)
        start += part.num_bars


def one_hit(step, offset=0.0, bars=1, **options):
    hits = np.zeros((16 * bars, 9), bool)
    hits[step, 0] = True
    return Groove(hits, hits * 0.5, hits * offset, **options)


def test_hit_ahead_of_the_first_downbeat():
    groove = one_hit(0, 0.25)
    (note,) = groove_to_midi(groove).instruments[0].notes
    assert note.start == 0
    (note,) = groove_to_midi(groove, early="wrap").instruments[0].notes
    assert (note.start, note.end) == (1920 - 30, 1920)
    with pytest.raises(GrooveError, match="early must be one of"):
        groove_to_midi(groove, early="drop")


def test_an_early_hit_between_joined_grooves_is_before_the_seam():
    joined = join_grooves([one_hit(4), one_hit(0, 0.25)])
    assert [note.start for note in joined.to_midi().instruments[0].notes] == [480, 1890]


def test_empty_last_bars_survive():
    groove = one_hit(3, bars=4)
    assert read_midi(written(groove)).num_bars == 4


def test_a_drum_struck_twice_within_its_note_does_not_overlap():
    hits = np.zeros((16, 9), bool)
    hits[[4, 5], 1] = True
    offsets = np.zeros((16, 9))
    offsets[4, 1], offsets[5, 1] = -0.5, 0.5  # both on the border of the steps
    first, second = Groove(hits, hits * 0.5, offsets).to_midi().instruments[0].notes
    assert first.start < first.end <= second.start < second.end


@pytest.mark.parametrize("ticks", [3, 0, -480, 40_000, 4.5, "480"])
def test_impossible_resolutions(ticks):
    with pytest.raises(GrooveError, match="ticks_per_quarter must be"):
        groove_to_midi(one_hit(0), ticks_per_quarter=ticks)


def test_resolution_at_which_the_loop_ends_between_ticks():
    groove = Groove(
        np.ones((10, 9)), np.ones((10, 9)), np.zeros((10, 9)), time_signature=(5, 8)
    )
    with pytest.raises(GrooveError, match="does not end on a tick"):
        groove_to_midi(groove, ticks_per_quarter=25)


def test_write_is_atomic_and_replaces(tmp_path):
    path = tmp_path / "groove.mid"
    path.write_bytes(b"old")
    write_midi(one_hit(4), path)
    assert read_midi(path).num_hits == 1
    assert read_midi(path).name == "groove"
    assert [file.name for file in tmp_path.iterdir()] == ["groove.mid"]


def test_unwritable_folder(tmp_path):
    from keras_musicvae.errors import OutputError

    with pytest.raises(OutputError, match=r"Cannot write .*none/groove\.mid"):
        write_midi(one_hit(4), tmp_path / "none" / "groove.mid")


def test_miditoolkit_file_reads_as_the_written_one():
    groove = one_hit(9, -0.3, bars=2, tempo=96)
    assert read_midi(groove.to_midi()) == read_midi(written(groove))


@pytest.mark.parametrize("bars", [1, 3, 4, 5, 8, 64])
@pytest.mark.parametrize("step", [0, 15])
def test_a_groove_of_any_length_comes_back(bars, step):
    groove = one_hit(step, bars=bars)
    read = read_midi(written(groove))
    assert (read.num_bars, read.report.notice()) == (bars, "")
    assert read_midi(groove.to_midi()) == read


@pytest.mark.parametrize("step", [0, -1])
def test_a_wait_longer_than_one_event_can_wait(step):
    groove = one_hit(step, bars=2_100)
    data = written(groove, ticks_per_quarter=32_764)
    check_written(groove, data)
    read = read_midi(data)
    np.testing.assert_array_equal(read.hits, groove.hits)


def hits_of(number, **options):
    hits = np.zeros((-(-number // 144) * 16, 9), bool)
    hits.flat[:number] = True
    return Groove(hits, hits * 0.5, hits * 0.0, **options)


def changes(number):
    return tuple((quarter / 4, 100.0 + quarter % 2) for quarter in range(1, number))


@pytest.mark.parametrize(
    ("most", "more", "limit"),
    [
        (lambda: one_hit(0, tempo=1_000), lambda: one_hit(0, tempo=1_001), "bpm"),
        (lambda: one_hit(0, bars=5_000), lambda: one_hit(0, bars=5_001), "quarter"),
        (lambda: hits_of(50_000), lambda: hits_of(50_001), "hits"),
        (
            lambda: one_hit(0, bars=2_500, tempo_changes=changes(10_000)),
            lambda: one_hit(0, bars=2_501, tempo_changes=changes(10_001)),
            "tempos",
        ),
        (
            lambda: Groove(*[np.ones((128, 9)) * 0.5] * 3, time_signature=(32, 4)),
            lambda: Groove(*[np.ones((132, 9)) * 0.5] * 3, time_signature=(33, 4)),
            "in a bar",
        ),
    ],
)
def test_what_is_written_can_be_read_or_is_not_written(most, more, limit, tmp_path):
    largest = most()
    np.testing.assert_array_equal(read_midi(written(largest)).hits, largest.hits)
    with pytest.raises(GrooveError, match=limit):
        write_midi(more(), tmp_path / "more.mid")
    assert not list(tmp_path.iterdir())
    # With larger limits on both sides, it goes through.
    limits = replace(
        DEFAULT_LIMITS,
        max_tempo=1e4,
        max_quarters=40_000,
        max_notes=100_000,
        max_tempo_changes=20_000,
        max_bar_quarters=64,
    )
    write_midi(more(), tmp_path / "more.mid", limits=limits)
    read = read_midi(tmp_path / "more.mid", limits=limits)
    np.testing.assert_array_equal(read.hits, more().hits)
