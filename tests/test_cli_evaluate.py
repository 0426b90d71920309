import json
import shutil
from pathlib import Path

import pytest

import keras_musicvae
from keras_musicvae.cli.evaluate import column_names
from keras_musicvae.cli.main import main


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["groove_4bar"], ["groove_4bar"]),
        (["runs/flat/preset", "runs/tree/preset/"], ["flat", "tree"]),
        (["a/best", "b/best"], ["a/best", "b/best"]),
        (["x/1/preset", "y/1/preset", "z"], ["x/1", "y/1", "z"]),
        (["same", "same"], ["1: same", "2: same"]),
        (["preset"], ["preset"]),
    ],
)
def test_columns_have_short_names_that_differ(models, names):
    assert column_names(models) == names


@pytest.fixture
def dataset(tmp_path):
    """A preprocessed folder of two-bar windows, from MIDI files."""
    from evaluation.small import as_groove
    from evaluation.synthetic import random_grooves

    from keras_musicvae.datasets.folder import WindowConfig, preprocess
    from keras_musicvae.grooves.converter import GrooveConverter

    source = tmp_path / "midi"
    source.mkdir()
    for i, array in enumerate(random_grooves(24)):
        as_groove(array, 100.0).save(source / f"{i}.mid")
    out = tmp_path / "data"
    preprocess(
        source,
        out,
        WindowConfig(converter=GrooveConverter(num_bars=2)),
        fractions=(0.5, 0.1, 0.4),
        jobs=1,
        verbose=False,
    )
    return out


def run(*arguments):
    options = ["--samples", "8", "--repeats", "10"]
    return main(["evaluate", *map(str, arguments), *options])


def test_presets_are_evaluated_side_by_side(dataset, tmp_path, capsys):
    packaged = Path(keras_musicvae.__file__).parent / "presets" / "groove_debug"
    mine = tmp_path / "mine" / "preset"
    shutil.copytree(packaged, mine)
    out = tmp_path / "results"
    assert run("groove_debug", mine, "--data", dataset, "--out", out) == 0
    printed = capsys.readouterr()
    assert "|  | groove_debug | mine |" in printed.out
    assert printed.out == (out / "evaluation.md").read_text(encoding="utf-8")
    assert "evaluation.json" in printed.err
    result = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    one, same = result["models"]["groove_debug"], result["models"]["mine"]
    assert one["about"]["settings"]["samples"] == 8
    assert one["figures"]["copies"]["real_nearest"] > 0
    assert one["figures"] == same["figures"]
    assert result["differences"]["mine"]["free_running"]["figures"]["f1"] == 0.0


def test_quiet_is_quiet(dataset, tmp_path, capsys):
    out = tmp_path / "results"
    options = ("--data", dataset, "--out", out, "--quiet", "--split", "train")
    assert run("groove_debug", *options) == 0
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
    result = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert "copies" not in result["models"]["groove_debug"]["figures"]


@pytest.mark.parametrize("missing", ["model", "data"])
def test_what_is_missing_fails_before_anything_is_written(
    missing, dataset, tmp_path, capsys
):
    out = tmp_path / "results"
    model = "groove_debugg" if missing == "model" else "groove_debug"
    data = tmp_path / "nothing" if missing == "data" else dataset
    assert run(model, "--data", data, "--out", out) == 1
    error = capsys.readouterr().err
    assert error.startswith("keras-musicvae: error: ") and error.count("\n") == 1
    assert not out.exists() or not list(out.iterdir())
