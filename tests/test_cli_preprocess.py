"""`keras-musicvae preprocess` as a user meets it: its output, errors and exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "datasets"))

from loopback import Behaviour, serve
from shared_data import GROOVE_ZIP, shared_path
from synthetic import BROKEN, broken_bytes, groove_bytes

from keras_musicvae import download
from keras_musicvae.cli.main import main
from keras_musicvae.datasets.windows import GrooveWindows


@pytest.fixture
def midi(tmp_path):
    folder = tmp_path / "midi"
    (folder / "rock").mkdir(parents=True)
    for number in range(12):
        path = folder / "rock" / f"{number}.mid"
        path.write_bytes(groove_bytes(number, bars=3 + number % 4))
    (folder / "broken.mid").write_bytes(b"MThd")
    return folder


def run(*arguments: object) -> int:
    return main(["preprocess", *map(str, arguments)])


def failure(capsys, *arguments: object) -> str:
    """Runs a command that must fail; returns its one line on stderr."""
    assert run(*arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("keras-musicvae: error: ")
    assert output.err.count("\n") == 1
    return output.err


def test_a_folder(midi, tmp_path, capsys):
    assert run(midi, "--out", tmp_path / "data", "--jobs", 2) == 0
    output = capsys.readouterr()
    assert "files     9 of 13 used" in output.out
    assert "rejected  4: 3 too short, 1 not valid MIDI" in output.out
    assert f"folder    {tmp_path / 'data'}" in output.out
    assert output.err == ""
    windows = GrooveWindows.load(tmp_path / "data", verify=True)
    assert len(windows) == 3 * (1 + 2 + 3)
    assert "3 too short" in output.out


def test_options(midi, tmp_path):
    out = tmp_path / "data"
    drums = [
        "--drum-map",
        "general_midi",
        "--channel",
        "all",
        "--unknown-pitch",
        "error",
    ]
    cut = ["--bars", 2, "--hop", 2, "--short", "loop", "--tail", "keep", "--dedup"]
    grid = ["--steps-per-quarter", 12, "--time-signature", "4/4"]
    limits = ["--jobs", 1, "--time-limit", 5, "--memory-limit", 256, "--quiet"]
    splits = ["--split", "0.5,0.5,0", "--seed", 7]
    assert run(midi, "--out", out, *drums, *cut, *grid, *limits, *splits) == 0
    info = GrooveWindows.load(out).info
    assert info["num_steps"] == 2 * 48
    assert info["dedup"] is True
    assert info["split"] == {"fractions": [0.5, 0.5, 0.0], "seed": 7}
    assert info["counts"]["test"] == 0
    config = info["config"]
    assert config["converter"]["drum_map"] == "general_midi"
    assert config["any_kit"] is False
    assert config["channel"] is None
    assert (config["short"], config["tail"]) == ("loop", "keep")
    assert config["unknown_pitch"] == "error"


def test_pitches_mapped_on_the_command_line(midi, tmp_path):
    pairs = "39=snare,54=closed_hihat"
    assert run(midi, "--out", tmp_path / "a", "--unknown-pitch", pairs, "--quiet") == 0
    drum_map = GrooveWindows.load(tmp_path / "a").converter.drum_map
    assert [drum_map.drum_of(pitch) for pitch in (39, 54)] == [1, 2]


def test_without_a_source_the_groove_midi_dataset_is_downloaded(
    tmp_path, monkeypatch, capsys
):
    archive = shared_path(GROOVE_ZIP)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    out = tmp_path / "data" / "groove_4bar"
    with serve(Behaviour(archive.read_bytes())) as url:
        assert run("--out", out, "--url", url) == 0
    text = capsys.readouterr().out
    assert "19,552 of 4 bars" in text
    assert "15,694 train" in text
    assert len(GrooveWindows.load(out).select(hop_bars=4).split("test")) == 526


# --- Bad input: one clear line, exit 1, nothing left behind -------------------


def test_no_network(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(download, "_PAUSE", 0)
    text = failure(capsys, "--out", tmp_path / "out", "--url", "http://127.0.0.1:9/x")
    assert "Cannot reach 127.0.0.1" in text
    assert "give its path" in text
    assert not (tmp_path / "out").exists()


def test_wrong_checksum(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with serve(Behaviour(bytes(3_260_318))) as url:
        text = failure(capsys, "--out", tmp_path / "out", "--url", url)
    assert "SHA-256" in text
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "keras" / "datasets").glob("[!.]*"))


def test_missing_source(tmp_path, capsys):
    text = failure(capsys, tmp_path / "nowhere", "--out", tmp_path / "a" / "b")
    assert "There is no" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_no_use(tmp_path, capsys, kind):
    (tmp_path / "x.mid").write_bytes(broken_bytes(kind))
    text = failure(capsys, tmp_path / "x.mid", "--out", tmp_path / "a" / "b")
    assert "x.mid" in text
    assert [path.name for path in tmp_path.iterdir()] == ["x.mid"]


def test_neither_midi_nor_zip(tmp_path, capsys):
    (tmp_path / "x.wav").write_bytes(b"RIFF....WAVE")
    text = failure(capsys, tmp_path / "x.wav", "--out", tmp_path / "out")
    assert "neither a zip nor a MIDI file" in text


def test_a_truncated_zip(tmp_path, capsys):
    (tmp_path / "x.zip").write_bytes(b"PK\3\4" + bytes(1000))
    text = failure(capsys, tmp_path / "x.zip", "--out", tmp_path / "out")
    assert "It may be cut short" in text


def test_fewer_bars_than_a_window_says_what_to_do(tmp_path, capsys):
    (tmp_path / "x.mid").write_bytes(groove_bytes(1, bars=3))
    text = failure(capsys, tmp_path / "x.mid", "--out", tmp_path / "out")
    assert "has 3 bars, a window 4; --short pad or --short loop" in text
    assert run(tmp_path / "x.mid", "--out", tmp_path / "out", "--short", "pad") == 0
    assert "added     1 bars of silence" in capsys.readouterr().out


def test_an_output_that_cannot_be_written(midi, tmp_path, capsys):
    (tmp_path / "file").touch()
    text = failure(capsys, midi, "--out", tmp_path / "file" / "out")
    assert "no folder that can be written" in text
    text = failure(capsys, midi, "--out", midi)
    assert "holds other files" in text


def test_an_unknown_drum_map_and_impossible_numbers(midi, tmp_path, capsys):
    out = ["--out", tmp_path / "out"]
    assert "roland_td11" in failure(capsys, midi, *out, "--drum-map", "rolnd_td11")
    assert "num_bars" in failure(capsys, midi, *out, "--bars", 0)
    assert "hop_bars" in failure(capsys, midi, *out, "--hop", 9)
    assert "three numbers" in failure(capsys, midi, *out, "--split", "1,1,1")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--out"],
        ["--out", "x", "--short", "fill"],
        ["--out", "x", "--jobs", "0"],
        ["--out", "x", "--channel", "17"],
        ["--out", "x", "--time-signature", "four"],
        ["--out", "x", "--split", "a,b,c"],
    ],
)
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        run(*arguments)
    assert exit_.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_neither_keras_nor_a_backend_is_imported(midi, tmp_path):
    code = f"""
import sys
from keras_musicvae.cli.main import main
code = main(['preprocess', {str(midi)!r}, '--out', {str(tmp_path / "o")!r}])
heavy = {{'keras', 'jax', 'torch', 'tensorflow', 'matplotlib'}} & set(sys.modules)
sys.exit(str(heavy) if heavy else code)
"""
    environment = {**os.environ, "KERAS_BACKEND": "none such"}
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
