"""Every hostile file ends soon, in little memory, in a groove or a typed error."""

import dataclasses
import os
import struct
import time
import tracemalloc

import pytest
from grooves import midi_files as midi

from keras_musicvae.errors import (
    MidiError,
    MidiFileError,
    MidiFormatError,
    MidiLimitError,
)
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.midi import DEFAULT_LIMITS, read_midi, read_midi_parts

MEBIBYTE = 2**20
NOTE = midi.note()


def track_file(events, size=None, **options):
    """One track with exactly these events."""
    return midi.header(1, **options) + midi.chunk(events, size=size)


def filled(piece, size=16 * MEBIBYTE, head=b""):
    """A track of one event again and again, as long as a file may be."""
    room = size - len(head) - 22
    return track_file(head + piece * (room // len(piece)))


# name: (file, error or None for a groove, what the message says)
HOSTILE = {
    # A variable-length number is not bounded: mido takes quadratic time.
    "number_of_400_kb": (
        track_file(b"\xff" * 400_000 + b"\x00" + NOTE),
        MidiFormatError,
        "more than 4 bytes",
    ),
    "number_of_5_bytes": (
        track_file(b"\x80\x80\x80\x80\x01" + NOTE),
        MidiFormatError,
        "byte 22: a number of more than 4",
    ),
    "length_of_5_bytes": (
        track_file(b"\x00\xff\x01\x80\x80\x80\x80\x01x" + NOTE),
        MidiFormatError,
        "more than 4 bytes",
    ),
    # Unclosed note-ons: miditoolkit takes quadratic time at every note-off.
    "unclosed_notes": (
        track_file(
            b"\x00\x99\x24\x40" * 20_000 + b"\x01\x89\x24\x40" * 20_000 + midi.END
        ),
        None,
        "",
    ),
    "never_closed_notes": (track_file(b"\x01\x99\x24\x40" * 40_000), None, ""),
    # One legal maximum delta: get_tick_to_time_mapping() asks for 2 GiB.
    "largest_delta": (
        track_file(b"\xff\xff\xff\x7f\x99\x24\x40" + midi.END),
        MidiLimitError,
        "max_quarters",
    ),
    "largest_delta_at_the_end": (
        track_file(NOTE + b"\xff\xff\xff\x7f\xff\x2f\x00"),
        MidiLimitError,
        "max_quarters",
    ),
    "smpte_division": (
        midi.header(division=0xE728) + midi.chunk(NOTE),
        MidiFormatError,
        "SMPTE",
    ),
    "division_0": (midi.file(NOTE, division=0), MidiFormatError, "0 ticks per"),
    "tempo_1_us": (
        midi.file(midi.meta(0x51, b"\0\0\x01") + NOTE),
        MidiLimitError,
        "max_tempo",
    ),
    "time_signature_4_over_2_to_255": (
        midi.file(midi.meta(0x58, b"\x04\xff\x18\x08") + NOTE),
        MidiLimitError,
        "max_denominator",
    ),
    "time_signature_255_4": (
        midi.file(midi.meta(0x58, b"\xff\x02\x18\x08") + NOTE),
        MidiLimitError,
        "max_bar_quarters",
    ),
    "empty_tracks": (
        midi.header(300) + midi.chunk(b"") * 299 + midi.chunk(NOTE),
        None,
        "",
    ),
    "only_empty_tracks": (midi.header(2) + midi.chunk(b"") * 2, MidiError, "no notes"),
    "no_track": (midi.header(0), MidiError, "no notes"),
    "truncated_track": (
        track_file(NOTE, size=100),
        MidiFormatError,
        "announces 100 bytes, 8 follow",
    ),
    "truncated_event": (
        track_file(NOTE + b"\x00\x99\x24"),
        MidiFormatError,
        "ends inside an event",
    ),
    "event_runs_into_next_track": (
        midi.header(2) + midi.chunk(NOTE[:-1]) + midi.chunk(NOTE),
        MidiFormatError,
        "track 0, which ends at byte 29, ends inside an event",
    ),
    "track_of_4_gb": (
        track_file(NOTE, size=0xFFFFFFFF),
        MidiFormatError,
        "4,294,967,295",
    ),
    "missing_track": (
        midi.header(3) + midi.chunk(NOTE),
        MidiFormatError,
        "3 tracks, the file holds 1",
    ),
    "tempo_of_2_bytes": (
        midi.file(midi.meta(0x51, b"\7\7") + NOTE),
        None,
        "",
    ),
    "time_signature_of_1_byte": (
        midi.file(midi.meta(0x58, b"\4") + NOTE),
        None,
        "",
    ),
    "meta_longer_than_track": (
        track_file(NOTE + b"\x00\xff\x01\x7fabc"),
        MidiFormatError,
        "ends inside an event",
    ),
    "sysex_longer_than_track": (
        track_file(NOTE + b"\x00\xf0\xff\xff\xff\x7f"),
        MidiFormatError,
        "ends inside an event",
    ),
    "pitch_over_127": (
        track_file(b"\x00\x99\xa4\x40" + midi.END),
        MidiFormatError,
        "data byte over 127",
    ),
    "controller_over_127": (
        track_file(b"\x00\xb9\x04\xc0" + midi.END),
        MidiFormatError,
        "data byte over 127",
    ),
    "program_over_127": (
        track_file(b"\x00\xc9\xc0" + midi.END),
        MidiFormatError,
        "data byte over 127",
    ),
    "running_status_at_the_start": (
        track_file(b"\x00\x24\x40" + midi.END),
        MidiFormatError,
        "byte 23: a data byte",
    ),
    "undefined_status": (
        track_file(b"\x00\xf4" + midi.END),
        MidiFormatError,
        "status 0xF4",
    ),
    "tempo_changes_100_000": (
        midi.file(midi.tempo(100, 1) * 100_000 + NOTE),
        MidiLimitError,
        "max_tempo_changes",
    ),
    "time_signature_changes_2_000": (
        midi.file(midi.time_signature(3, 4, 480) * 2_000 + NOTE),
        MidiLimitError,
        "max_time_signature_changes",
    ),
    "format_2": (midi.file(NOTE, format_=2), None, ""),
    "format_7": (midi.file(NOTE, format_=7), MidiFormatError, "format 7"),
    "unknown_chunks": (
        midi.header(1) + midi.chunk(b"what", b"XFIH") + midi.chunk(NOTE),
        None,
        "",
    ),
    "two_million_chunks": (
        midi.header(1) + midi.chunk(b"", b"JUNK") * 2_000_000,
        MidiLimitError,
        "max_chunks",
    ),
    "tracks_65_535": (
        midi.header(65_535) + midi.chunk(b"") * 65_535,
        MidiLimitError,
        "max_chunks",
    ),
    "empty_file": (b"", MidiFormatError, "it is empty"),
    "not_a_midi_file": (b"RIFF\0\0\0\0WAVE", MidiFormatError, "begins with b'RIFF'"),
    "half_a_header": (midi.header()[:11], MidiFormatError, "inside its header"),
    "header_of_4_gb": (
        b"MThd" + struct.pack(">LHHH", 0xFFFFFFFF, 1, 1, 480),
        MidiFormatError,
        "4,294,967,295",
    ),
    "header_of_2_bytes": (
        b"MThd" + struct.pack(">LHHH", 2, 1, 1, 480),
        MidiFormatError,
        "length of 2",
    ),
    # As large as a file may be, of one kind of content.
    "larger_than_16_mb": (bytes(16 * MEBIBYTE + 1), MidiLimitError, "max_bytes"),
    "16_mb_of_zeros": (bytes(16 * MEBIBYTE), MidiFormatError, "not a MIDI file"),
    "16_mb_of_notes": (filled(NOTE), MidiLimitError, "max_"),
    "16_mb_of_note_ons": (filled(b"\x00\x99\x24\x40"), MidiLimitError, "max_"),
    "16_mb_of_running_status": (
        filled(b"\x00\x24\x40", head=b"\x00\x99\x24\x40"),
        MidiLimitError,
        "max_events",
    ),
    "16_mb_of_programs": (
        filled(b"\x00\x01", head=b"\x00\xc9\x01"),
        MidiLimitError,
        "max_events",
    ),
    "16_mb_of_empty_texts": (filled(b"\x00\xff\x01\x00"), MidiLimitError, "max_events"),
    "16_mb_of_text": (
        filled(midi.meta(1, bytes(60 * 1024)), head=NOTE),
        None,
        "",
    ),
    "16_mb_of_names": (filled(midi.meta(3, bytes(60 * 1024)), head=NOTE), None, ""),
    "16_mb_in_one_sysex": (
        track_file(NOTE + b"\x00\xf0" + midi.number(15_000_000) + bytes(15_000_000)),
        None,
        "",
    ),
    "16_mb_after_the_end": (filled(b"\0", head=NOTE + midi.END), None, ""),
    "16_mb_of_random_bytes": (
        track_file(b"\x00\x99\x24" + os.urandom(15 * MEBIBYTE)),
        MidiError,
        "",
    ),
    "16_mb_of_real_time_bytes": (
        filled(b"\xf8", head=b"\x00\x99"),
        MidiLimitError,
        "max_events",
    ),
    "16_mb_of_riff_chunks": (
        b"RIFF\0\0\0\0RMID" + b"junk\0\0\0\0" * 2_000_000,
        MidiLimitError,
        "max_chunks",
    ),
    # Just inside the limits, and as dear as possible.
    "as_many_tracks_that_may_be_drums": (
        midi.file(
            *[
                midi.meta(3, b"kick drum snare hat " * 12)
                + b"".join(midi.note(36 + i, channel=1) for i in range(24)) * 2
                for _ in range(1_000)
            ]
        ),
        MidiError,
        "track=",
    ),
    "as_many_notes_as_allowed": (
        track_file(b"\x00\x99\x24\x40\x20\x24\x00" * 50_000),
        None,
        "",
    ),
    "as_many_drums_and_steps": (
        track_file(
            midi.time_signature(32, 4)
            + b"\x82\x00\x99\x24\x40\x00\x2c\x40\x00\x26\x40\x00\x35\x40" * 12_000
        ),
        None,
        "",
    ),
    "as_late_as_allowed": (
        track_file(
            NOTE + midi.number(480 * 19_999) + b"\x99\x24\x40\x00\x24\x00" + midi.END
        ),
        None,
        "",
    ),
    "as_many_tempos_as_allowed": (
        midi.file((midi.tempo(90, 400) + midi.tempo(91, 400)) * 5_000 + NOTE),
        None,
        "",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file(name):
    data, error, message = HOSTILE[name]
    start = time.process_time()
    if error is None:
        assert isinstance(read_midi(data), Groove)
    else:
        with pytest.raises(error) as caught:
            read_midi(data)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    assert time.process_time() - start < 3.0  # 1 on an idle machine


def test_many_parts_with_many_tempos():
    events = midi.tempo(90) + midi.tempo(91, 1) * 8
    parts = [
        midi.time_signature(32 - i % 2, 4) + midi.note() + events for i in range(1_000)
    ]
    data = midi.file(b"".join(parts))
    start = time.process_time()
    grooves = read_midi_parts(data)
    assert time.process_time() - start < 3.0  # 1 on an idle machine
    assert len(grooves) == 999  # the first bar, cut short, is a pick-up
    # A part's last bar reaches far into the next ones, whose tempos are not its own.
    assert all(len(groove.tempo_changes) <= 9 for groove in grooves)
    arrays = [(g.hits, g.velocities, g.offsets, g.pitches) for g in grooves]
    assert sum(array.nbytes for part in arrays for array in part) < 64 * MEBIBYTE


@pytest.mark.parametrize(
    "name",
    [
        "16_mb_of_text",
        "16_mb_in_one_sysex",
        "as_many_notes_as_allowed",
        "as_many_drums_and_steps",
        "as_late_as_allowed",
        "largest_delta",
    ],
)
def test_memory(name):
    data = HOSTILE[name][0]
    tracemalloc.start()
    try:
        read_midi(data, steps_per_quarter=12)
    except MidiError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 256 * MEBIBYTE


def test_every_truncation_of_a_file_is_refused():
    whole = midi.file(
        midi.tempo(100) + midi.time_signature(4, 4) + midi.notes(0, 480, 960)
    )
    read_midi(whole)
    for length in range(len(whole)):
        with pytest.raises(MidiFormatError):
            read_midi(whole[:length])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(MidiFormatError, match="a device or a pipe"):
        read_midi(tmp_path / "pipe.mid")


@pytest.mark.parametrize(
    ("limit", "value", "data"),
    [
        ("max_bytes", 50, midi.GOOD),
        ("max_chunks", 1, midi.file(NOTE, NOTE)),
        ("max_events", 5, midi.GOOD),
        ("max_notes", 3, midi.GOOD),
        ("max_quarters", 2, midi.GOOD),
        ("max_tempo_changes", 1, midi.file(midi.tempo(90) * 2 + NOTE)),
        (
            "max_time_signature_changes",
            1,
            midi.file(midi.time_signature(4, 4) * 2 + NOTE),
        ),
        ("max_tempo", 99.0, midi.GOOD),
        ("max_bar_quarters", 3, midi.GOOD),
        ("max_denominator", 2, midi.GOOD),
    ],
)
def test_limits_are_adjustable(limit, value, data):
    read_midi(data)
    tight = dataclasses.replace(DEFAULT_LIMITS, **{limit: value})
    with pytest.raises(MidiLimitError, match=limit):
        read_midi(data, limits=tight)


def test_a_path_is_named_in_the_error(tmp_path):
    path = tmp_path / "broken.mid"
    path.write_bytes(midi.GOOD[:40])
    with pytest.raises(MidiFormatError, match=r"broken\.mid: "):
        read_midi(path)


@pytest.mark.parametrize("name", ["none.mid", "x" * 5000, "link.mid", "file/a.mid"])
def test_files_that_cannot_be_opened(tmp_path, name):
    (tmp_path / "link.mid").symlink_to("link.mid")
    (tmp_path / "file").touch()
    with pytest.raises(MidiFileError, match=r": cannot be read: \w") as caught:
        read_midi(tmp_path / name)
    assert isinstance(caught.value, FileNotFoundError)


def test_something_else_is_refused():
    with pytest.raises(MidiError, match="Received: int"):
        read_midi(7)
