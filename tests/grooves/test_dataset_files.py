"""All 1,150 files of the Groove MIDI Dataset."""

import io
from collections import Counter

import miditoolkit
import numpy as np
import pytest
from grooves import dataset

from keras_musicvae.grooves.midi import midi_bytes, read_midi
from keras_musicvae.grooves.midi_load import load_midi
from keras_musicvae.grooves.windows import cut_windows


@pytest.fixture(scope="module")
def grooves():
    return [
        read_midi(dataset.midi_bytes(row["midi_filename"])) for row in dataset.info()
    ]


def test_every_file_is_read(grooves):
    assert len(grooves) == 1150
    time_signatures = Counter(
        "-".join(map(str, groove.time_signature)) for groove in grooves
    )
    assert time_signatures == Counter(row["time_signature"] for row in dataset.info())
    for groove, row in zip(grooves, dataset.info(), strict=True):
        assert abs(groove.tempo - float(row["bpm"])) <= 1
        assert groove.tempo_changes == ()
        assert groove.report.unknown_pitches == {}
        assert groove.report.remarks == ()


def test_every_file_is_read_by_the_map_of_its_kit(grooves):
    assert {groove.report.drum_map for groove in grooves} == {"roland_td11"}


def test_every_note_is_accounted_for(grooves):
    reports = [groove.report for groove in grooves]
    notes = sum(report.num_notes for report in reports)
    hits = sum(report.num_hits for report in reports)
    assert notes == 445_494
    assert notes == hits + sum(report.shared_cells for report in reports)
    assert hits == sum(groove.num_hits for groove in grooves)
    assert hits / notes == pytest.approx(0.931, abs=0.0005)  # 6.9 % share a cell
    # note-seq, too, leaves out the notes that end where they begin.
    assert sum(report.zero_length for report in reports) == 818


@pytest.mark.parametrize(
    ("num_bars", "hop_bars", "train", "validation", "test"),
    [
        (4, None, 4078, 504, 526),
        (2, None, 8411, 1049, 1074),
        (4, 1, 15694, None, None),
        (2, 1, 16537, 2055, 2084),
    ],
)
def test_window_counts(grooves, num_bars, hop_bars, train, validation, test):
    counts = Counter()
    for groove, row in zip(grooves, dataset.info(), strict=True):
        counts[row["split"]] += len(cut_windows(groove, num_bars, hop_bars=hop_bars))
    assert counts["train"] == train
    if validation is not None:
        assert (counts["validation"], counts["test"]) == (validation, test)


def test_the_same_notes_as_miditoolkit_reads():
    """Every note that miditoolkit pairs, and no other; it pairs first in, first out."""
    for row in dataset.info()[::10]:
        data = dataset.midi_bytes(row["midi_filename"])
        theirs = miditoolkit.MidiFile(file=io.BytesIO(data))
        ours = load_midi(data)
        assert ours.ticks_per_quarter == theirs.ticks_per_beat
        assert ours.end_tick == theirs.max_tick - 1
        assert ours.tempos[0][1] == theirs.tempo_changes[0].tempo
        onsets = sorted(
            (note.start, note.pitch, note.velocity)
            for part in theirs.instruments
            for note in part.notes
        )
        assert sorted(map(tuple, ours.notes[:, :3].tolist())) == onsets


def test_writing_loses_nothing(grooves):
    """Every performance survives the way through a file of ours."""
    for groove in grooves[::10]:
        read = read_midi(midi_bytes(groove.to_midi()))
        np.testing.assert_array_equal(read.hits, groove.hits)
        np.testing.assert_array_equal(read.velocities, groove.velocities)
        np.testing.assert_array_equal(read.pitches, groove.pitches)
        # On the border of two steps a hit may move by one tick of 120 to the step.
        assert np.abs(read.offsets - groove.offsets).max() <= 1 / 120 + 1e-6
        inside = np.abs(groove.offsets) < 0.5 - 1e-6
        assert np.abs(read.offsets - groove.offsets)[inside].max() <= 1e-6
        assert read.tempo == pytest.approx(groove.tempo, rel=1e-9)
