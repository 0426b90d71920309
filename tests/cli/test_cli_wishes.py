"""humanize, tap2drum, infill, continue, fill, transfer, song, as typed in a shell."""

import shlex
from pathlib import Path

import mido
import numpy as np
import pytest
from cli_files import DEBUG, beat, files_in, record

from keras_musicvae.cli.main import main
from keras_musicvae.files import sha256_of
from keras_musicvae.grooves.midi import read_midi


def run(command):
    return main([*shlex.split(command), *DEBUG, "--seed=1", "--out=out"])


def read(name):
    return read_midi(f"out/{name}.mid")


def test_each_keeps_what_it_should(beats):
    a = read_midi("beats/a.mid")
    assert run("humanize beats/a.mid --strength 0.5 --num-samples 2") == 0
    assert files_in("out") == [
        "a_humanized_01.mid",
        "a_humanized_02.mid",
        "humanize.json",
    ]
    np.testing.assert_array_equal(read("a_humanized_01").hits, a.hits)
    assert run("infill beats/a.mid --drums snare kick --bars -1 --steps 4 5 6") == 0
    made = read("a_infilled_01")
    np.testing.assert_array_equal(made.hits[:68], a.hits[:68])
    np.testing.assert_array_equal(made.hits[:, 2:], a.hits[:, 2:])
    assert record("out/infill.json")["bars"] == -1
    assert run("continue beats/a.mid --bars 2") == 0
    longer = read("a_continued_01")
    assert longer.num_bars == 7
    np.testing.assert_array_equal(longer.hits[:80], a.hits)
    assert run("fill beats/*.mid --beats 2") == 0
    np.testing.assert_array_equal(read("a_fill_01").hits[:72], a.hits[:72])
    assert run("transfer beats/a.mid beats/deep/c.mid beats/b.mid --amount 0.5") == 0
    assert "b_transferred.mid" not in files_in("out")
    np.testing.assert_array_equal(read("a_transferred").hits, a.hits)
    assert read("c_transferred").num_bars == 1
    assert a.tempo == pytest.approx(read("a_transferred").tempo)


def test_taps_of_any_pitch(folder):
    notes = [mido.Message("program_change", program=3)]
    for _ in range(8):
        notes += [
            mido.Message("note_on", note=60, velocity=80),
            mido.Message("note_off", note=60, time=240),
        ]
    track = mido.MidiTrack(notes)
    mido.MidiFile(tracks=[track], ticks_per_beat=240).save("taps.mid")
    assert run("tap2drum taps.mid") == 0
    made = read("taps_drums_01")
    assert np.flatnonzero(made.hits.any(axis=1)).tolist() == list(range(0, 32, 4))


def test_a_song_and_its_sections(folder):
    beat(2, 1).with_tempo(93).save("verse.mid")
    form = "A A' fill B A end"
    assert run(f'song "{form}" verse.mid --bars 3') == 0
    parts = ["01 A", "02 A' fill", "03 B", "04 A", "05 end"]
    assert files_in("out") == sorted(
        [*(f"{part}.mid" for part in parts), "song.json", "song.mid"]
    )
    file = mido.MidiFile("out/song.mid")
    now, markers = 0, []
    for message in file.tracks[0]:
        now += message.time
        if message.type == "marker":
            markers.append((now // (4 * file.ticks_per_beat), message.text))
    assert markers == [(0, "A"), (2, "A' fill"), (4, "B"), (6, "A"), (8, "end")]
    song = read("song")
    assert (song.num_bars, round(song.tempo)) == (9, 93)
    verse = read_midi("verse.mid")
    np.testing.assert_array_equal(song.bars(0, 2).hits, verse.hits)
    np.testing.assert_array_equal(song.bars(6, 8).hits, verse.hits)
    again = record("out/song.json")["command"].replace("--out=out", "--out=again")
    assert main(shlex.split(again)[1:]) == 0
    for name in files_in("out"):
        if name.endswith(".mid"):
            assert sha256_of(Path("out") / name) == sha256_of(Path("again") / name)


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("infill beats/a.mid --drums cowbell", 2, "must be one of 'kick'"),
        ("infill beats/a.mid --bars 5", 1, "--bars must be one or several integers"),
        ("infill beats/a.mid", 1, "must leave something as it is"),
        ("fill beats/a.mid --beats 5", 1, "--beats must be at most 4"),
        ("humanize beats/a.mid --strength 2", 2, "must be a number from 0 to 1"),
        ("humanize beats/a.mid --style funk", 1, "no condition 'style'"),
        ("transfer beats/a.mid", 1, "two MIDI files or more"),
        ('song "A cowbell"', 2, "The words of a form"),
        ('song "A" beats/a.mid beats/b.mid', 1, "The form has the sections A"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    beats, capfd, command, code, message
):
    try:
        assert run(command) == code
    except SystemExit as end:
        assert end.code == code
    assert message in capfd.readouterr().err
    assert not Path("out").exists()
