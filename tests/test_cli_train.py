"""`keras-musicvae train`, as typed in a shell."""

import dataclasses
import json
import subprocess
import sys

import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.cli.main import build_parser, main
from keras_musicvae.training.recipe import RECIPES, Recipe

pytest_plugins = ["training.conftest"]

SMALL = [
    "--epochs=1",
    "--batch-size=8",
    "--set=latent_dim=3",
    "--set=encoder_units=[6]",
    "--set=decoder_units=[5]",
    "--set=lookback=0",  # of windows of one bar
]


def shell(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "keras_musicvae", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of one epoch: what the shell got from it, and its preset."""
    run = tmp_path_factory.mktemp("train") / "first"
    done = shell("train", data, "--out", run, "--seed=5", "--quiet", *SMALL)
    assert done.returncode == 0, done.stderr
    return done, run / "preset"


def test_from_windows_to_midi(trained, tmp_path):
    done, preset = trained
    assert done.stdout == f"preset: {preset}\n"
    made = shell(
        "generate", "--preset", preset, "--num-samples", 2, "--seed", 1,
        "--temperature", 0.7, "--tempo", 96, "--out", tmp_path / "samples",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert len(list((tmp_path / "samples").glob("*.mid"))) == 2


def test_without_a_flag_the_good_model_is_trained(trained):
    done, preset = trained
    assert "hit_threshold" not in done.stderr  # warnings alone
    config, good = (
        MusicVAE.from_preset(name, load_weights=False).get_config()
        for name in (preset, "groove_4bar")
    )
    assert config["latent_dim"] == 3 and list(config["encoder_units"]) == [6]
    for name in ("heads", "prior_units", "free_bits", "beta", "dropout"):
        assert config[name] == good[name], name
    assert config["seed"] == 5 and config["num_bars"] != good["num_bars"]


def test_fine_tuning_is_one_command(trained, data, tmp_path, capsys):
    _, preset = trained
    second = tmp_path / "second"
    arguments = ["train", str(data), "--out", str(second), "--quiet"]
    assert (
        main([*arguments, "--from", str(preset), "--epochs=1", "--batch-size=8"]) == 0
    )
    model = MusicVAE.from_preset(second / "preset")
    assert model.latent_dim == 3
    metadata = json.loads((second / "preset" / "metadata.json").read_text())
    assert metadata["parents"][0]["name"] == "first/preset"


def test_the_help_names_every_recipe_and_setting(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    names = {item.name for item in dataclasses.fields(Recipe)} - {"model"}
    for name in RECIPES | dict.fromkeys(names):
        assert name in text or f"--{name.replace('_', '-')}" in text, name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nowhere", "--out", "run"], "nowhere"),
        (["train", "{data}", "--out", "run", "--set", "nonsense=1"], "nonsense"),
        (["train", "{data}", "--out", "run", "--set", "beta"], "NAME=VALUE"),
        (["train", "{data}", "--out", "run", "--epochs", "0"], "--epochs must be"),
        (["train", "{data}", "--out", "run", "--set", "num_bars=4"], "num_bars"),
        (["train", "{data}", "--out", "run", "--recipe", "magneta"], "'magenta'?"),
        (["train", "{data}", "--out", "run", "--from", "groove_5bar"], "groove_5bar"),
        (["train", "{data}", "--out", "run", "--fills", "nowhere"], "nowhere"),
        (["train", "{data}", "--out", "run", "--fills", "{data}"], "marked as a fill"),
        (["train", "{data}", "--out", "file/run"], "file"),
    ],
    ids=str,
)
def test_mistakes_cost_one_line(
    data, tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way")
    code = main([a.format(data=data) for a in arguments] + ["--batch-size=8"])
    captured = capsys.readouterr()
    assert code == 1
    assert len(captured.err.strip().splitlines()) == 1
    assert message in captured.err
    assert not (tmp_path / "run").exists()


def test_usage_errors_exit_with_2():
    for arguments in (["train"], ["train", "x", "--out", "y", "--like", "z"]):
        with pytest.raises(SystemExit) as stop:
            build_parser().parse_args(arguments)
        assert stop.value.code == 2


def test_no_backend(monkeypatch, capsys):
    monkeypatch.setattr("keras_musicvae.backends.choice.find_spec", lambda name: None)
    monkeypatch.delenv("KERAS_BACKEND")
    assert main(["train", "x", "--out", "y"]) == 1
    error = capsys.readouterr().err
    assert "keras-musicvae[" in error
    assert len(error.splitlines()) == 1
