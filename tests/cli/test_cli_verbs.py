"""generate, reconstruct, similar, interpolate, encode, decode, as typed in a shell."""

import shlex
import subprocess
import sys
import wave
from pathlib import Path

import mido
import numpy as np
import pytest
from cli_files import DEBUG, files_in, record

from keras_musicvae.cli.main import build_parser, main
from keras_musicvae.cli.music import find_files
from keras_musicvae.files import sha256_of
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.midi import read_midi

# --- generate -----------------------------------------------------------------


def test_generate_as_in_the_readme(folder):
    options = (
        "--num-samples 5 --seed 1 --temperature 0.7 --tempo 96 --out samples".split()
    )
    done = subprocess.run(
        [sys.executable, "-m", "keras_musicvae", "generate", *DEBUG, *options],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "seed: 1"
    midis = [f"groove_{i:02}.mid" for i in range(1, 6)]
    assert files_in("samples") == ["generate.json", *midis]
    for name in midis:
        file = mido.MidiFile(Path("samples") / name)
        tempos = [m.tempo for m in file.tracks[0] if m.type == "set_tempo"]
        assert tempos == [mido.bpm2tempo(96)]
        assert file.length == pytest.approx(8 * 60 / 96)


def test_the_record_makes_the_files_again(folder):
    assert main(["generate", *DEBUG, "--num-samples=3", "--temperature=0.9"]) == 0
    made = record("samples/generate.json")
    assert made["temperature"] == 0.9
    assert made["preset"]["name"] == "groove_debug"
    assert set(made["preset"]["sha256"]) >= {"config.json", "model.weights.h5"}
    assert {"keras_musicvae", "keras", "backend"} <= set(made["version"])
    again = shlex.split(made["command"].replace("--out=samples", "--out=again"))
    assert again[0] == "keras-musicvae"
    assert main(again[1:]) == 0
    assert len(made["files"]) == 3
    for file in made["files"]:
        for out in ("samples", "again"):
            assert sha256_of(Path(out) / file["file"]) == file["sha256"]


def test_sound_and_pictures_lie_beside(folder):
    assert main(["generate", *DEBUG, "--seed=1", "--wav", "--png", "--out=o"]) == 0
    names = ["groove_01.mid", "groove_01.png", "groove_01.wav"]
    assert files_in("o") == ["generate.json", *names]
    assert [file["file"] for file in record("o/generate.json")["files"]] == [
        "groove_01.mid",
        "groove_01.wav",
        "groove_01.png",
    ]
    with wave.open("o/groove_01.wav") as sound:
        assert sound.getnframes() / sound.getframerate() > 3.9
    assert Path("o/groove_01.png").read_bytes().startswith(b"\x89PNG")


def test_the_drum_map_of_the_player(folder):
    for drum_map in ("roland_td11", "ezdrummer"):
        options = ["--seed=1", "--drum-map", drum_map, "--out", drum_map]
        assert main(["generate", *DEBUG, *options]) == 0
    roland = read_midi("roland_td11/groove_01.mid")
    other = read_midi("ezdrummer/groove_01.mid", drum_map="ezdrummer")
    np.testing.assert_array_equal(roland.hits, other.hits)
    back = ["reconstruct", "ezdrummer/groove_01.mid", *DEBUG, "--drum-map=ezdrummer"]
    assert main([*back, "--out=back"]) == 0


# --- Verbs on files -----------------------------------------------------------


def test_reconstruct_patterns_and_folders(beats, capsys):
    assert main(["reconstruct", "beats/*.mid", *DEBUG, "--out=one", "--seed=1"]) == 0
    names = ["a_reconstructed.mid", "b_reconstructed.mid"]
    assert files_in("one") == [*names, "reconstruct.json"]
    back = read_midi("one/a_reconstructed.mid")
    assert (back.num_bars, round(back.tempo)) == (5, 90)
    assert main(["reconstruct", "beats", *DEBUG, "--out=two", "--seed=1"]) == 0
    assert "c_reconstructed.mid" in files_in("two")
    # What is beside it changes no file.
    for name in names:
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    made = record("one/reconstruct.json")
    assert [entry["file"] for entry in made["inputs"]] == ["beats/a.mid", "beats/b.mid"]
    again = shlex.split(made["command"].replace("one", "three"))
    assert main(again[1:]) == 0
    assert Path("three", names[0]).read_bytes() == Path("one", names[0]).read_bytes()


def test_a_bad_file_among_many_is_reported_and_skipped(beats, capsys):
    Path("beats/broken.mid").write_bytes(b"MThd, and then nothing")
    Groove(*[np.ones((12, 9)) * 0.5] * 3, time_signature=(3, 4)).save("beats/waltz.mid")
    inputs = ["beats", "nowhere/*.mid", "gone.mid"]
    assert main(["reconstruct", *inputs, *DEBUG, "--out=out"]) == 1
    lines = capsys.readouterr().err.splitlines()
    expected = [
        "broken.mid",
        "waltz.mid: the model takes 4/4",
        "nowhere/*.mid: no such",
        "gone.mid: no such",
    ]
    for line, words in zip(lines, expected, strict=True):
        assert words in line
        assert line.startswith("keras-musicvae: ") and line.endswith("; skipped")
    assert len([name for name in files_in("out") if name.endswith(".mid")]) == 3
    assert len(record("out/reconstruct.json")["failures"]) == 4


@pytest.mark.parametrize("command", ["reconstruct", "similar", "encode"])
def test_nothing_readable_writes_nothing(folder, capsys, command):
    assert main([command, "a.mid", "b.mid", *DEBUG, "--out=out.npz"]) == 1
    assert "none of the 2 inputs" in capsys.readouterr().err
    assert files_in(".") == []


def test_similar(beats):
    options = ["--num-samples=2", "--similarity=0.5", "--seed=4", "--tempo=100"]
    assert main(["similar", "beats/a.mid", *DEBUG, *options, "--out=out"]) == 0
    names = ["a_similar_01.mid", "a_similar_02.mid"]
    assert files_in("out") == [*names, "similar.json"]
    for name in names:
        groove = read_midi(Path("out") / name)
        assert (groove.num_bars, round(groove.tempo)) == (5, 100)
    assert record("out/similar.json")["similarity"] == 0.5


def test_inputs_of_one_name_become_two_files(beats):
    Path("beats/deep/c.mid").rename("beats/deep/a.mid")
    assert main(["similar", "beats", *DEBUG, "--out=out"]) == 0
    names = files_in("out")
    assert {"a_similar_01.mid", "a_2_similar_01.mid"} <= set(names)


def test_interpolate_a_row_and_a_grid(beats):
    pair = ["beats/a.mid", "beats/b.mid"]
    assert main(["interpolate", *pair, *DEBUG, "--steps=3", "--out=row"]) == 0
    assert files_in("row") == ["interpolate.json", *(f"step_0{i}.mid" for i in "123")]
    grid = ["--steps", "2", "3", "--out=grid"]
    assert main(["interpolate", *pair, *pair, *DEBUG, *grid]) == 0
    assert "row_02_column_03.mid" in files_in("grid")
    assert len(files_in("grid")) == 7
    again = shlex.split(record("grid/interpolate.json")["command"])
    assert main([word.replace("grid", "grid2") for word in again[1:]]) == 0
    for path in Path("grid").glob("*.mid"):
        assert path.read_bytes() == Path("grid2", path.name).read_bytes()


@pytest.mark.parametrize(
    ("files", "steps", "words"),
    [
        (["beats/a.mid"], ["--steps=3"], "two inputs"),
        (["beats/a.mid", "gone.mid"], ["--steps=3"], "must be readable"),
        (["beats/a.mid", "beats/b.mid"], ["--steps", "2", "3"], "--steps must be"),
    ],
)
def test_no_row_and_no_grid(beats, capsys, files, steps, words):
    assert main(["interpolate", *files, *steps, *DEBUG, "--out=out"]) == 1
    assert words in capsys.readouterr().err.splitlines()[-1]
    assert not Path("out").exists()


def test_conditions_are_options(beats, capsys):
    from keras_musicvae.grooves.converter import GrooveConverter
    from keras_musicvae.models.music_vae import MusicVAE

    vocabularies = {"style": ["funk", "rock"], "density": {"mean": 9.0, "stddev": 3.0}}
    model = MusicVAE(
        num_bars=2,
        encoder_units=[4],
        conductor_units=None,
        decoder_units=[4],
        latent_dim=2,
        preprocessor=GrooveConverter(2, conditions=vocabularies),
    )
    model.save_to_preset("wishes")
    files = {"generate": [], "reconstruct": ["beats"], "similar": ["beats/a.mid"]}
    for command, music in files.items():
        wishes = ["--preset=./wishes", "--style=rock", "--density=12.5"]
        assert main([command, *music, *wishes, "--seed=1", "--out=out"]) == 0
        made = record(f"out/{command}.json")
        assert (made["style"], made["density"]) == ("rock", 12.5)
        again = [*shlex.split(made["command"])[1:], "--out=two"]
        assert main(again) == 0
        assert record(f"two/{command}.json")["files"] == made["files"]
    (expected,) = model.sample(seed=1, condition={"style": "rock", "density": 12.5})
    assert_equal_notes(Path("out/groove_01.mid"), expected)
    for wish, words in (("--style=polka", "polka"), ("--kind=fill", "kind")):
        assert main(["generate", "--preset=./wishes", wish]) == 1
        assert words in capsys.readouterr().err
    assert main(["generate", *DEBUG, "--style=rock"]) == 1


def assert_equal_notes(path, groove):
    groove.save("expected.mid")
    assert path.read_bytes() == Path("expected.mid").read_bytes()


def test_a_preset_without_a_preprocessor(beats):
    from keras_musicvae.models.music_vae import MusicVAE

    model = MusicVAE.from_preset("groove_debug", preprocessor=None)
    model.save_to_preset("bare")
    for command in (["generate"], ["reconstruct", "beats/a.mid"]):
        assert main([*command, "--preset=./bare", "--seed=1", "--out=out"]) == 0
        assert main([*command, *DEBUG, "--seed=1", "--out=expected"]) == 0
    for path in Path("out").glob("*.mid"):
        assert path.read_bytes() == Path("expected", path.name).read_bytes()


# --- Mistakes -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", *DEBUG, "--out", "file"], "not a folder"),
        (["generate", *DEBUG, "--out", "file/deep/er"], "not a folder"),
        (["generate", "--preset", "groove_debgu"], "Did you mean 'groove_debug'?"),
        (["generate", "--preset", "./nowhere"], "doesn't exist"),
        (["generate", *DEBUG, "--drum-map", "roland_td12"], "roland_td11"),
        (["encode", "a.mid", *DEBUG, "--out", "z.txt"], ".npz"),
        (["encode", "a.mid", *DEBUG, "--out", "file/z.npz"], "not a folder"),
    ],
)
def test_mistakes_cost_one_line_and_no_waiting(
    folder, capsys, monkeypatch, arguments, words
):
    def load(*_, **__):
        pytest.fail("the model was loaded first")

    monkeypatch.setattr("keras_musicvae.presets.preset_io.load_preset", load)
    Path("file").write_text("in the way")
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("keras-musicvae: error: ")
    assert words in line
    assert files_in(".") == ["file"]


def test_a_folder_that_cannot_be_written(folder, capsys, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert main(["generate", *DEBUG, "--out=out"]) == 1
    assert "Cannot write into out: Permission denied" in capsys.readouterr().err
    assert files_in(".") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--num-samples=0"],
        ["generate", "--num-samples=x"],
        ["generate", "--temperature=-1"],
        ["generate", "--temperature=nan"],
        ["generate", "--tempo=inf"],
        ["generate", "--seed=-1"],
        ["similar", "a.mid", "--similarity=1.5"],
        ["interpolate", "a.mid", "b.mid", "--steps=1"],
        ["reconstruct"],
    ],
)
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err


def test_the_default_temperature_is_that_of_the_verbs():
    from keras_musicvae.models.verbs import DEFAULT_TEMPERATURE

    for command in ("generate", "reconstruct", "similar", "interpolate", "decode"):
        files = [] if command == "generate" else ["a.mid"]
        args = build_parser().parse_args([command, *files])
        assert args.temperature == DEFAULT_TEMPERATURE


# --- Names --------------------------------------------------------------------


def test_find_files(beats):
    def found(pattern):
        return [path.as_posix() for path in find_files(Path(pattern))]

    assert found("beats/a.mid") == ["beats/a.mid"]
    assert found("beats") == ["beats/a.mid", "beats/b.mid", "beats/deep/c.mid"]
    assert found("beats/**/*.mid") == found("beats")
    assert found(str(beats / "?.mid")) == [str(beats / "a.mid"), str(beats / "b.mid")]
    assert found("beats/x*.mid") == found("nowhere") == []
    # A name that looks like a pattern is a name where there is such a file.
    Path("[1].mid").write_bytes(b"")
    assert found("[1].mid") == ["[1].mid"]
