"""What reading keeps, counts, follows and refuses."""

import json

import miditoolkit
import numpy as np
import pytest
from grooves import midi_files as midi

from keras_musicvae.errors import (
    DrumMapError,
    GrooveError,
    MidiError,
    NoDrumsError,
    SeveralTimeSignaturesError,
    UnknownPitchError,
)
from keras_musicvae.grooves.drum_maps import DRUMS
from keras_musicvae.grooves.midi import read_midi, read_midi_parts


def cells(groove):
    """(step, drum, offset in steps) of every hit."""
    steps, drums = np.nonzero(groove.hits)
    offsets = groove.offsets[steps, drums]
    return [
        (step, DRUMS[drum], pytest.approx(offset, abs=1e-6))
        for step, drum, offset in zip(
            steps.tolist(), drums.tolist(), offsets.tolist(), strict=True
        )
    ]


# --- The grid -----------------------------------------------------------------


def test_cells_and_offsets():
    groove = read_midi(midi.file(midi.notes(0, 110, 250, 420)))
    assert cells(groove) == [
        (0, "kick", 0.0),
        (1, "kick", 1 / 12),  # ten ticks early
        (2, "kick", -1 / 12),  # ten ticks late
        (4, "kick", 0.5),  # an exact half goes up
    ]
    assert groove.velocities[0, 0] == np.float32(100 / 127)


@pytest.mark.parametrize("grid", [6, 12])
def test_triplets_fall_on_a_finer_grid(grid):
    data = midi.file(midi.notes(0, 160, 320))
    groove = read_midi(data, steps_per_quarter=grid)
    assert cells(groove) == [
        (0, "kick", 0.0),
        (grid // 3, "kick", 0.0),
        (2 * grid // 3, "kick", 0.0),
    ]
    assert groove.num_steps == 4 * grid
    assert [offset for *_, offset in cells(read_midi(data))] == [0.0, -1 / 3, 1 / 3]


def test_a_flam_is_counted_and_a_finer_grid_keeps_it():
    data = midi.file(midi.notes(440, pitch=38, velocity=40) + midi.note(38, 110, 30))
    groove = read_midi(data)
    assert groove.num_hits == 1
    assert groove.velocities[4, 1] == np.float32(110 / 127)  # the loudest wins
    assert groove.report.num_notes == 2
    assert groove.report.shared_cells == 1
    assert groove.report.share_kept == 0.5
    assert "1 share a step with a louder hit" in str(groove.report)
    assert read_midi(data, steps_per_quarter=12).report.shared_cells == 0


def test_on_a_tie_the_note_that_ends_first_wins():
    # 38 starts first and ends last; 40 is struck while it sounds.
    events = (
        midi.number(470)
        + b"\x99\x26\x5a"  # 38 on
        + b"\x05\x99\x28\x5a"  # 40 on, five ticks later
        + b"\x05\x89\x28\x40"  # 40 off
        + b"\x05\x89\x26\x40"  # 38 off
    )
    groove = read_midi(midi.file(events))
    assert groove.pitches[4, 1] == 40


# --- Length -------------------------------------------------------------------


def test_length_is_to_the_end_of_the_last_hits_bar():
    assert read_midi(midi.file(midi.notes(0, 1920))).num_bars == 2
    # Late in the bar, it is the next bar's downbeat.
    assert read_midi(midi.file(midi.notes(0, 1900))).num_bars == 2


def test_an_end_on_a_bar_line_keeps_empty_last_bars():
    notes = midi.notes(0, length=1)
    loop = midi.header() + midi.chunk(notes + midi.number(7679) + b"\xff\x2f\x00")
    assert read_midi(loop).num_bars == 4
    recording = midi.header() + midi.chunk(notes + midi.number(7700) + b"\xff\x2f\x00")
    assert read_midi(recording).num_bars == 1


def test_the_end_of_another_track_is_not_the_end_of_the_drums():
    melody = midi.notes(0, channel=1) + midi.meta(1, b"the end", 7680 - 1)
    assert read_midi(midi.file(melody, midi.notes(0))).num_bars == 1
    # A tempo change after the drums' last event still lies in their last bar.
    slower = midi.tempo(100) + midi.tempo(50, 960)
    assert read_midi(midi.file(slower, midi.notes(0))).duration == 1.2 + 2.4


def test_a_pick_up_and_a_hit_early_on_the_second_downbeat():
    groove = read_midi(midi.file(midi.notes(1680, 1900)))
    assert cells(groove) == [(14, "kick", 0.0), (16, "kick", 1 / 6)]
    second = groove.bars(1, 2)
    assert cells(second) == [(0, "kick", 1 / 6)]


# --- Tempo --------------------------------------------------------------------


def test_tempo_changes_are_followed():
    events = midi.tempo(120) + midi.notes(0, 1900) + midi.tempo(60, 19)
    groove = read_midi(midi.file(events + midi.note(38, delta=10)))
    assert groove.tempo == 120
    assert groove.tempo_changes == ((4.0, 60.0),)
    # Offsets are parts of a step at the local tempo, whichever it is.
    assert cells(groove)[1:] == [(16, "kick", 1 / 6), (16, "snare", -1 / 12)]
    assert groove.duration == 2.0 + 4.0
    assert groove.bars(1, 2).tempo == 60


def test_first_tempo_after_the_start():
    groove = read_midi(midi.file(midi.note() + midi.tempo(96, 420) + midi.note()))
    assert groove.tempo == 120
    assert groove.tempo_changes == ((1.0, 96.0),)


def test_equal_and_repeated_tempos_are_one():
    events = midi.tempo(100) + midi.tempo(100, 10) + midi.tempo(96, 20) * 2
    groove = read_midi(midi.file(events + midi.note(delta=30)))
    assert groove.tempo == 100
    assert len(groove.tempo_changes) == 1


def test_tempo_in_a_later_track():
    groove = read_midi(midi.file(midi.notes(0, 960), midi.tempo(80)))
    assert groove.tempo == 80


def test_odd_tempo_is_that_of_the_file_not_a_rounded_one():
    groove = read_midi(midi.file(midi.meta(0x51, (434782).to_bytes(3)) + midi.note()))
    assert groove.tempo == pytest.approx(138.00019, abs=1e-5)


# --- Time signature -------------------------------------------------------------


@pytest.mark.parametrize(
    ("time_signature", "steps"),
    [
        ((3, 4), 12),
        ((6, 8), 12),
        ((5, 4), 20),
        ((5, 8), 10),
        ((7, 8), 14),
        ((7, 16), 7),
        ((2, 2), 16),
    ],
)
def test_any_time_signature(time_signature, steps):
    events = midi.time_signature(*time_signature) + midi.notes(0, steps * 120)
    groove = read_midi(midi.file(events))
    assert groove.time_signature == time_signature
    assert groove.steps_per_bar == steps
    assert groove.num_bars == 2


def test_a_time_signature_that_the_grid_cannot_hold_names_one_that_can():
    with pytest.raises(GrooveError, match="use steps_per_quarter=8"):
        read_midi(midi.file(midi.time_signature(3, 32) + midi.note()))


def test_time_signature_changes_give_parts():
    four = midi.time_signature(4, 4) + midi.notes(0, 960)
    three = midi.time_signature(3, 4, 1920 - 961) + midi.notes(0, 720)
    file = midi.file(four + three)
    with pytest.raises(SeveralTimeSignaturesError, match=r"1 bar of 4/4, 1 bar of 3/4"):
        read_midi(file)
    first, second = read_midi_parts(file)
    assert (first.time_signature, first.num_bars) == ((4, 4), 1)
    assert cells(first) == [(0, "kick", 0.0), (8, "kick", 0.0)]
    assert (second.time_signature, second.num_bars) == ((3, 4), 1)
    assert cells(second) == [(0, "kick", 0.0), (6, "kick", 0.0)]
    assert first.report.num_notes == second.report.num_notes == 2


def test_a_hit_early_on_the_first_downbeat_of_a_part_belongs_to_it():
    events = (
        midi.notes(0, 1900, length=5)
        + midi.time_signature(3, 4, 15)
        + midi.notes(720, length=5)
    )
    first, second = read_midi_parts(midi.file(events))
    assert cells(first) == [(0, "kick", 0.0)]
    assert cells(second) == [(0, "kick", 1 / 6), (6, "kick", 0.0)]


def test_tempo_of_a_later_part():
    events = midi.tempo(100) + midi.note() + midi.tempo(80, 960)
    events += (
        midi.time_signature(3, 4, 900) + midi.note() + midi.tempo(75, 420) + midi.note()
    )
    _, second = read_midi_parts(midi.file(events))
    assert second.tempo == 80
    assert second.tempo_changes == ((1.0, 75.0),)


def test_equal_time_signatures_and_a_time_signature_after_the_last_hit_are_no_change():
    events = (
        midi.time_signature(4, 4) * 3 + midi.note() + midi.time_signature(3, 4, 1860)
    )
    assert read_midi(midi.file(events)).time_signature == (4, 4)


def test_bars_in_which_nothing_happens_before_the_time_signature_are_left_out():
    events = midi.time_signature(4, 4) + midi.time_signature(3, 4, 3840) + midi.note()
    groove = read_midi(midi.file(events))
    assert (groove.time_signature, groove.num_bars) == ((3, 4), 1)
    assert "8 quarter notes in 4/4, in which nothing is played" in str(groove.report)


# --- Channels and tracks ------------------------------------------------------


def test_another_channel_must_be_asked_for_and_is_named():
    file = midi.file(midi.notes(0, 480, channel=1) + midi.notes(0, channel=3))
    with pytest.raises(NoDrumsError, match=r"channel 1 \(2 notes\), 3 \(1 note\)"):
        read_midi(file)
    assert read_midi(file, channel=1).num_hits == 2
    assert read_midi(file, channel=3).report.other_notes == {1: 2}
    assert read_midi(file, channel=None).report.num_notes == 3


@pytest.mark.parametrize("channel", [0, 17, "10", 1.0])
def test_impossible_channels(channel):
    with pytest.raises(MidiError, match="channel must be 1 to 16"):
        read_midi(midi.GOOD, channel=channel)


def test_several_tracks_are_one_groove_or_chosen():
    file = midi.file(
        midi.tempo(96),
        midi.meta(3, b"Kick") + midi.notes(0, 960),
        midi.meta(3, b"Snare") + midi.notes(480, pitch=38),
    )
    assert read_midi(file).num_hits == 3
    kick = read_midi(file, track="Kick")
    assert kick.num_hits == 2
    assert kick.tempo == 96
    assert kick.report.other_notes == {10: 1}
    assert read_midi(file, track=2).num_hits == 1
    with pytest.raises(MidiError, match=r"no track is called 'Hats'.*1 'Kick', 2 'Sn"):
        read_midi(file, track="Hats")
    with pytest.raises(MidiError, match="no track is called 3"):
        read_midi(file, track=3)


def test_two_tracks_of_one_name():
    file = midi.file(*[midi.meta(3, b"Drums") + midi.note()] * 2)
    with pytest.raises(MidiError, match="several tracks are called 'Drums'"):
        read_midi(file, track="Drums")


@pytest.mark.parametrize("format_", [0, 1, 2])
def test_formats(format_):
    events = midi.tempo(96) + midi.notes(0, 480)
    assert read_midi(midi.file(events, format_=format_)) == read_midi(midi.file(events))


def test_format_2_is_several_patterns():
    file = midi.file(
        midi.tempo(96) + midi.note(), midi.tempo(75) + midi.notes(0, 480), format_=2
    )
    with pytest.raises(MidiError, match=r"2 independent patterns.*track=, out of 0, 1"):
        read_midi(file)
    second = read_midi(file, track=1)
    assert (second.num_hits, second.tempo) == (2, 75)


def test_what_is_odd_is_remarked():
    track = midi.chunk(midi.note() + midi.END)
    file = midi.header(1) + midi.chunk(b"abc", b"XFKM") + track + b"tail"
    report = read_midi(file).report
    assert report.remarks == (
        "unknown chunk b'XFKM' skipped",
        "4 bytes after the last chunk",
    )
    file = midi.header(1, format_=0) + track + track
    assert "2 were read" in str(read_midi(file).report)


# --- Notes --------------------------------------------------------------------


def test_notes_without_an_end_are_hits():
    events = b"\x00\x99\x24\x64" + b"\x83\x60\x99\x24\x50"  # at 0 and 480, no note-off
    groove = read_midi(midi.file(events))
    assert groove.num_hits == 2
    assert groove.report.unclosed == 2
    assert "2 without a note-off" in str(groove.report)


def test_note_on_of_velocity_0_is_a_note_off():
    groove = read_midi(midi.file(b"\x00\x99\x24\x64" + b"\x83\x60\x24\x00"))
    assert groove.num_hits == 1
    assert groove.report.unclosed == 0


def test_running_status_goes_on_after_a_meta_event():
    events = b"\x00\x99\x24\x64" + midi.meta(1, b"text", 10) + b"\x0a\x24\x00"
    assert read_midi(midi.file(events)).num_hits == 1


def test_zero_length_notes():
    lasting = midi.notes(*range(0, 1920, 480))
    point = midi.notes(0, pitch=38, length=0)
    file = midi.file(lasting, point)
    assert read_midi(file).report.zero_length == 1
    assert read_midi(file).num_hits == 4
    assert read_midi(file, zero_length="keep").num_hits == 5
    # A file that is all points means them.
    assert read_midi(midi.file(point)).num_hits == 1
    with pytest.raises(NoDrumsError, match='zero_length="keep"'):
        read_midi(midi.file(point), zero_length="skip")
    with pytest.raises(MidiError, match="zero_length must be one of"):
        read_midi(file, zero_length=True)


def test_controllers_programs_and_sysex_are_passed_over():
    others = (
        b"\x00\xb9\x04\x5a\x00\xc9\x05\x00\xd9\x10\x00\xe9\x00\x40\x00\xa9\x24\x10"
        + b"\x00\xf0\x05\x7e\x7f\x09\x01\xf7\x00\xf7\x01\x00"
        + midi.meta(0x54, bytes(5))
        + midi.meta(0x59, b"\x00\x00")
    )
    assert read_midi(midi.file(others + midi.notes(0, 480))).num_hits == 2


# --- Pitches ------------------------------------------------------------------


def test_unknown_pitches_are_counted_and_named():
    file = midi.file(midi.notes(0, 480) + midi.notes(0, 240, pitch=39))
    groove = read_midi(file, drum_map="roland_td11")
    assert groove.num_hits == 2
    assert groove.report.unknown_pitches == {39: 2}
    left_out = "2 of 4 drum notes left out: unknown pitches 39 hand clap (2)"
    assert groove.report.left_out() == left_out
    assert left_out in str(groove.report)
    assert groove.report.to_json()["unknown_pitches"] == {"39": 2}
    with pytest.raises(UnknownPitchError, match=r"39 hand clap \(2\)"):
        read_midi(file, drum_map="roland_td11", unknown_pitch="error")


@pytest.mark.parametrize("unknown_pitch", ["snare", {39: "snare"}])
def test_unknown_pitches_can_be_mapped(unknown_pitch):
    file = midi.file(midi.notes(0, 480) + midi.notes(0, 240, pitch=39))
    groove = read_midi(file, drum_map="roland_td11", unknown_pitch=unknown_pitch)
    assert groove.hits[:, 1].sum() == 2
    assert groove.report.mapped_pitches == {39: 2}
    assert groove.report.unknown_pitches == {}
    assert groove.struck_pitches()[:, 1].max() == 38  # written as a snare


@pytest.mark.parametrize("unknown_pitch", ["clap", {39: "clap"}, {200: "snare"}])
def test_impossible_unknown_pitch(unknown_pitch):
    with pytest.raises((MidiError, DrumMapError), match="unknown_pitch"):
        read_midi(midi.GOOD, unknown_pitch=unknown_pitch)


def test_only_unknown_pitches():
    with pytest.raises(NoDrumsError, match="plays 39 hand clap"):
        read_midi(midi.file(midi.notes(0, pitch=39)), drum_map="roland_td11")


def test_articulations_survive():
    played = {37: "snare", 40: "snare", 44: "closed_hihat", 53: "ride", 55: "crash"}
    tracks = [midi.notes(480 * i, pitch=pitch) for i, pitch in enumerate(played)]
    groove = read_midi(midi.file(*tracks))
    assert [DRUMS[drum] for drum in np.nonzero(groove.hits)[1]] == list(played.values())
    notes = groove.to_midi().instruments[0].notes
    assert [note.pitch for note in notes] == list(played)
    notes = groove.to_midi(drum_map="addictive_drums").instruments[0].notes
    assert [note.pitch for note in notes] == [42, 37, 48, 61, 77]


def test_a_users_map(tmp_path):
    path = tmp_path / "kit.json"
    path.write_text(
        json.dumps({"drums": {drum: [60 + i, 80 + i] for i, drum in enumerate(DRUMS)}})
    )
    groove = read_midi(
        midi.file(midi.notes(0, pitch=62) + midi.notes(0, pitch=81)), drum_map=path
    )
    assert [DRUMS[drum] for drum in np.nonzero(groove.hits)[1]] == [
        "snare",
        "closed_hihat",
    ]
    assert groove.drum_map.name == "kit"
    assert {note.pitch for note in groove.to_midi().instruments[0].notes} == {62, 81}


# --- miditoolkit in -----------------------------------------------------------


def memory_file(*instruments, **attributes):
    file = miditoolkit.MidiFile()
    file.instruments = list(instruments)
    for name, value in attributes.items():
        setattr(file, name, value)
    return file


def drums(*starts, is_drum=True, name="", **values):
    note = {"velocity": 90, "pitch": 36} | values
    return miditoolkit.Instrument(
        0,
        is_drum,
        name,
        [miditoolkit.Note(start=start, end=start + 10, **note) for start in starts],
    )


def test_miditoolkit_files_are_read():
    file = memory_file(drums(0, 480), drums(960, is_drum=False, name="bass"))
    groove = read_midi(file)
    assert groove.num_hits == 2
    assert "1 notes of other instruments" in str(groove.report)
    assert read_midi(file, channel=None).num_hits == 3
    assert read_midi(file, track="bass").num_hits == 1
    with pytest.raises(MidiError, match="miditoolkit keeps no channels"):
        read_midi(file, channel=4)


@pytest.mark.parametrize(
    "file",
    [
        memory_file(drums(0), ticks_per_beat=0),
        memory_file(drums(0), ticks_per_beat=-25),
        memory_file(drums(-5)),
        memory_file(drums(10**9)),
        memory_file(drums(0, pitch=200)),
        memory_file(drums(0, velocity=0)),
        memory_file(drums(0), tempo_changes=[miditoolkit.TempoChange(0, 0)]),
        memory_file(drums(0), tempo_changes=[miditoolkit.TempoChange(float("nan"), 0)]),
        memory_file(drums(0), max_tick=10**12),
        memory_file(),
    ],
)
def test_impossible_miditoolkit_files(file):
    with pytest.raises(MidiError):
        read_midi(file)
