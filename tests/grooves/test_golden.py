"""The arrays are those of Magenta's own GrooveConverter, bit for bit."""

import json

import miditoolkit
import numpy as np
import pytest
from grooves.dataset import midi_bytes
from shared_data import shared_path

from keras_musicvae.errors import NoDrumsError, SeveralTimeSignaturesError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import frames_to_groove
from keras_musicvae.grooves.midi import groove_to_midi, read_midi
from keras_musicvae.grooves.tasks import TASKS
from keras_musicvae.grooves.windows import cut_windows

TICKS = 64_000  # per second, at 120 bpm


def golden(name):
    return np.load(shared_path(f"golden/{name}.npz"), allow_pickle=False)


@pytest.fixture(scope="module")
def grooves():
    files = golden("groovae_4bar_train")["files"]
    return {name: read_midi(midi_bytes(name)) for name in files.tolist()}


@pytest.mark.parametrize("num_bars", [2, 4])
def test_windows_of_five_drummers(grooves, num_bars):
    expected = golden(f"groovae_{num_bars}bar_train")
    converter = GrooveConverter(num_bars=num_bars)
    outputs, starts = expected["outputs"], expected["start"]
    for index, name in enumerate(expected["files"].tolist()):
        windows = converter.windows(grooves[name]).arrays()
        reference = outputs[starts[index] : starts[index + 1]]
        assert windows.dtype == reference.dtype
        assert len(windows) == len(reference), name
        if len(reference) == 0:
            assert (
                grooves[name].time_signature != (4, 4)
                or grooves[name].num_bars < num_bars
            )
            continue
        np.testing.assert_array_equal(windows, reference, err_msg=name)


@pytest.mark.parametrize(
    ("task", "width", "key"),
    [
        ("humanize", 27, "humanize_inputs"),
        ("tap2drum", 27, "tap_fixed_velocity_inputs"),
        ("add_closed_hihat", 27, "add_closed_hh_inputs"),
        ("humanize", 9, "hits_control_controls"),
    ],
)
def test_tasks(task, width, key):
    expected = golden("groovae_2bar_train")
    known = TASKS[task].known(Examples(expected["outputs"], 2))
    np.testing.assert_array_equal(known[..., :width], expected[key])


@pytest.mark.parametrize("kind", ["real", "fake"])
def test_decoding(kind):
    """As Magenta's notes, but for starts below 0 and velocities of 0."""
    expected = golden("decode_train")
    for index, tensor in enumerate(expected[f"{kind}_tensors"]):
        rows = slice(*expected[f"{kind}_start"][index : index + 2])
        theirs = sorted(  # by pitch, then as they come: step by step
            zip(
                expected[f"{kind}_pitch"][rows].tolist(),
                np.maximum(expected[f"{kind}_start_time"][rows], 0) * TICKS,
                np.maximum(expected[f"{kind}_velocity"][rows], 1).tolist(),
                strict=True,
            ),
            key=lambda note: note[0],
        )
        midi = groove_to_midi(frames_to_groove(tensor), ticks_per_quarter=TICKS // 2)
        ours = sorted(midi.instruments[0].notes, key=lambda note: note.pitch)
        assert [(note.pitch, note.velocity) for note in ours] == [
            (pitch, velocity) for pitch, _, velocity in theirs
        ]
        # A hit on the border of two steps is kept in its own: one tick, else half.
        np.testing.assert_allclose(
            [note.start for note in ours], [start for _, start, _ in theirs], atol=1
        )


EDGE_CASES = json.loads(shared_path("golden/edge_cases.json").read_text())
DIVISION = 4000  # every time of the cases is a whole tick


def edge_case_file(case):
    midi = miditoolkit.MidiFile(ticks_per_beat=DIVISION)
    ticks = 2 * DIVISION  # per second, at 120 bpm
    midi.tempo_changes = [
        miditoolkit.TempoChange(bpm, round(time * ticks))
        for time, bpm in case["tempos"]
    ]
    midi.time_signature_changes = [
        miditoolkit.TimeSignature(beats, unit, round(time * ticks))
        for time, beats, unit in case["time_signatures"]
    ]
    notes = [
        miditoolkit.Note(velocity, pitch, round(t * ticks), round(t * ticks) + 100)
        for t, pitch, velocity in case["notes"]
        if velocity  # a note-on of velocity 0 is a note-off: no file can hold it
    ]
    midi.instruments = [miditoolkit.Instrument(0, is_drum=True, notes=notes)]
    return midi


@pytest.mark.parametrize("name", EDGE_CASES)
def test_edge_cases(name):
    """Equal where Magenta gives windows; where it gives none, we read or say why."""
    case = EDGE_CASES[name]
    drum_map = {"train": "roland_td11", "infer": "general_midi"}[name.split("/")[0]]
    file = edge_case_file(case)
    if name.endswith("/empty"):
        with pytest.raises(NoDrumsError):
            read_midi(file, drum_map=drum_map)
        return
    if name.endswith("/timesig_change"):
        with pytest.raises(SeveralTimeSignaturesError, match="3/4"):
            read_midi(file, drum_map=drum_map)
        return
    groove = read_midi(file, drum_map=drum_map)
    windows = cut_windows(groove, 4).arrays()
    if case["n"]:
        cells = [
            [
                [int(row), int(column), float(window[row, column])]
                for row, column in zip(*np.nonzero(window), strict=True)
            ]
            for window in windows
        ]
        expected = [
            [cell for cell in window if cell[:2] != [4, 8]]  # the note of velocity 0
            for window in case["nonzero"]
        ]
        assert cells == expected
    elif "timesig" in name:
        assert groove.time_signature == (3, 4)
        assert len(windows) == 0
    elif "unknown_pitch" in name:
        assert groove.report.unknown_pitches == {39: 1}
    else:
        assert "tempo" in name
        assert groove.num_hits == 2
        assert len(windows) == 1
