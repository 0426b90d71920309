"""How the commands read MIDI files, and what they say of it."""

import shlex
from pathlib import Path

import mido
import numpy as np
import pytest
from cli_files import DEBUG, beat, files_in, record

from keras_musicvae.cli.main import build_parser, main
from keras_musicvae.grooves.midi import read_midi

READERS = ("reconstruct", "similar", "interpolate", "encode")


def write_notes(path, notes, *, channel=9, meta=(), track_name=None):
    """A MIDI file of (step, pitch) pairs, 16 steps to a bar of 4/4."""
    events = [(step * 120, 1, pitch) for step, pitch in notes]
    events += [(step * 120 + 60, 0, pitch) for step, pitch in notes]
    messages = [(tick, mido.MetaMessage(*args, **kw)) for tick, args, kw in meta]
    messages += [
        (
            tick,
            mido.Message(
                "note_on" if on else "note_off",
                channel=channel,
                note=pitch,
                velocity=90 * on,
            ),
        )
        for tick, on, pitch in events
    ]
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    if track_name:
        track.name = track_name
    now = 0
    for tick, message in sorted(messages, key=lambda item: item[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    file.tracks.append(track)
    file.save(path)


def signature(bar, numerator, denominator):
    tick = int(bar * 1920)
    return (
        tick,
        ("time_signature",),
        {"numerator": numerator, "denominator": denominator},
    )


def test_every_command_that_reads_music_has_the_options(folder, capsys):
    for command in READERS:
        options = ["--channel=all", "--track=drums", "--limit=max_notes=9"]
        args = build_parser().parse_args([command, "a.mid", *options])
        assert (args.channel, args.track) == ("all", "drums")
        assert args.limit == ["max_notes=9"]
    wrong = ["--channel=17", "--channel=x", "--limit=notes=5", "--limit=max_notes=x"]
    for option in wrong:
        with pytest.raises(SystemExit) as stop:
            build_parser().parse_args(["encode", "a.mid", option])
        assert stop.value.code == 2
    assert "max_tempo_changes" in capsys.readouterr().err


def test_notes_left_out_are_reported_once_and_recorded(folder, capsys):
    # 36 and 38 are drums; 100 is no drum of any kit.
    write_notes("a.mid", [(0, 36), (4, 38), (8, 36), (9, 100), (10, 100), (12, 38)])
    options = [*DEBUG, "--seed=1", "--temperature=0"]
    assert main(["reconstruct", "a.mid", *options, "--quiet", "--out=out"]) == 0
    output = capsys.readouterr()
    (line,) = output.err.splitlines()
    assert line.startswith("keras-musicvae: a.mid: 2 of 6 drum notes left out: ")
    assert "100 (2)" in line
    assert output.out == ""
    (entry,) = record("out/reconstruct.json")["inputs"]
    (part,) = entry["parts"]
    assert (part["num_notes"], part["num_hits"]) == (6, 4)
    assert part["unknown_pitches"] == {"100": 2}


def test_channel_and_track(folder, capsys):
    write_notes("a.mid", [(0, 60), (4, 64), (8, 67)], channel=0, track_name="keys")
    command = ["encode", "a.mid", *DEBUG, "--out=z.npz"]
    assert main(command) == 1
    line = capsys.readouterr().err.splitlines()[0]
    assert "--channel" in line and "channel=" not in line
    write_notes("b.mid", [(0, 36), (4, 38)], channel=3, track_name="kit")
    for options in (["--channel=4"], ["--channel=all"], ["--track=kit"]):
        if options == ["--track=kit"]:
            options.append("--channel=all")
        assert main(["encode", "b.mid", *DEBUG, *options, "--out=z.npz"]) == 0
        again = shlex.split(record("z.json")["command"])
        assert set(options) <= set(again)
    assert main(["encode", "b.mid", *DEBUG, "--track=other"]) == 1
    assert "'kit'" in capsys.readouterr().err


def test_limits_can_be_raised(folder, capsys):
    write_notes("a.mid", [(step % 64, 36 + step % 3) for step in range(200)])
    command = ["encode", "a.mid", *DEBUG, "--out=z.npz"]
    assert main([*command, "--limit=max_notes=100"]) == 1
    assert "--limit max_notes=N" in capsys.readouterr().err
    assert main([*command, "--limit=max_notes=200", "--limit=max_bytes=9999"]) == 0
    again = shlex.split(record("z.json")["command"])
    assert {"--limit=max_notes=200", "--limit=max_bytes=9999"} <= set(again)


@pytest.mark.parametrize("command", ["reconstruct", "similar", "encode"])
def test_parts_of_a_file_whose_time_signature_changes(folder, capsys, command):
    # Two bars of 4/4, two of 3/4, two of 4/4 again.
    meta = [signature(0, 4, 4), signature(2, 3, 4), signature(3.5, 4, 4)]
    steps = [*range(0, 32, 4), *range(32, 56, 4), *range(56, 88, 4)]
    write_notes("song.mid", [(step, 36) for step in steps], meta=meta)
    assert main([command, "song.mid", *DEBUG, "--seed=1", "--out=out.npz"]) == 0
    error = capsys.readouterr().err
    assert "3/4" in error and "read_midi_parts" not in error
    if command == "encode":
        with np.load("out.npz") as file:
            assert len(set(file["source"].tolist())) == 2
    else:
        assert len([name for name in files_in("out.npz") if "part" in name]) == 2


def test_a_home_folder_is_expanded(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    beat(2).save("a.mid")
    assert main(["encode", "~/a.mid", *DEBUG, "--out=~/deep/z.npz"]) == 0
    assert files_in("deep") == ["z.json", "z.npz"]
    assert main(["decode", "~/deep/z.npz", *DEBUG, "--out=~no-such-user/x"]) == 0
    assert Path("~no-such-user/x/decode.json").exists()


def test_an_input_is_not_replaced(folder, capsys):
    beat(2, 1).save("step_01.mid")
    beat(2, 2).save("step_05.mid")
    before = Path("step_01.mid").read_bytes()
    pair = ["step_01.mid", "step_05.mid"]
    assert main(["interpolate", *pair, *DEBUG, "--out=."]) == 1
    assert "step_01.mid is an input" in capsys.readouterr().err
    assert Path("step_01.mid").read_bytes() == before
    assert files_in(".") == pair


def test_names_that_are_options_or_very_long(folder):
    beat(2, 1).save(folder / "-a.mid")
    beat(2, 2).save(folder / f"{'x' * 240}.mid")
    assert main(["similar", ".", *DEBUG, "--seed=1", "--out=out"]) == 0
    made = record("out/similar.json")
    again = shlex.split(made["command"])
    assert main([*again[1:], "--out=two"]) == 0
    for file in made["files"]:
        first, second = (Path(out, file["file"]) for out in ("out", "two"))
        assert first.read_bytes() == second.read_bytes()
    assert read_midi(first).num_bars == 2
