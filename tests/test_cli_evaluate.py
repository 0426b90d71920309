import json
import shutil
from pathlib import Path

import pytest

import keras_musicvae
from keras_musicvae.cli.evaluate import column_names, held_out
from keras_musicvae.cli.main import main


@pytest.mark.parametrize(
    ("systems", "names"),
    [
        (["groove_4bar"], ["groove_4bar"]),
        (["runs/flat/preset", "runs/tree/preset/"], ["flat", "tree"]),
        (["a/best", "b/best"], ["a/best", "b/best"]),
        (["x/1/preset", "y/1/preset", "z"], ["x/1", "y/1", "z"]),
        (["same", "same"], ["1: same", "2: same"]),
        (["preset"], ["preset"]),
    ],
)
def test_columns_have_short_names_that_differ(systems, names):
    assert column_names(systems) == names


def test_the_result_says_what_was_held_out_from_whom():
    class Data:
        info = {"source": {"name": "x.zip", "fingerprint": "abc"}}  # noqa: RUF012

    def say(training, split="test"):
        return held_out({"training": training}, Data, split)

    trained = {"dataset": "x.zip, fingerprint abc"}
    assert "test was not used" in say(trained)
    assert "validation chose" in say(trained, "validation")
    assert say(trained, "train").startswith("nothing")
    assert "other data (y.zip)" in say({"dataset": "y.zip, fingerprint def"})
    assert "does not say" in say({})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A preprocessed folder of two-bar windows, from MIDI files."""
    from evaluation.small import as_groove
    from evaluation.synthetic import random_grooves

    from keras_musicvae.datasets.folder import WindowConfig, preprocess
    from keras_musicvae.grooves.converter import GrooveConverter

    folder = tmp_path_factory.mktemp("evaluate")
    source = folder / "midi"
    source.mkdir()
    for i, array in enumerate(random_grooves(40)):
        as_groove(array, 100.0).save(source / f"{i}.mid")
    preprocess(
        source,
        folder / "data",
        WindowConfig(converter=GrooveConverter(num_bars=2)),
        fractions=(0.4, 0.1, 0.5),
        jobs=1,
        verbose=False,
    )
    return folder / "data"


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    from keras_musicvae.evaluation import classifier, evaluate

    monkeypatch.setattr(
        classifier, "_BOOSTING", {"max_iter": 3, "max_leaf_nodes": 4, "max_bins": 16}
    )
    monkeypatch.setattr(evaluate, "TESTED_HALVES", 1)


def run(*arguments):
    options = ["--num-samples", "20", "--repeats", "10"]
    return main(["evaluate", *map(str, arguments), *options])


def test_systems_of_every_kind_stand_side_by_side(dataset, tmp_path, capsys):
    packaged = Path(keras_musicvae.__file__).parent / "presets" / "groove_debug"
    mine = tmp_path / "mine" / "preset"
    shutil.copytree(packaged, mine)
    files = dataset.parent / "midi"
    out = tmp_path / "results"
    systems = ("groove_debug", files, "copies", mine)
    assert run(*systems, "--reference", dataset, "--out", out) == 0
    printed = capsys.readouterr()
    assert printed.out == (out / "evaluation.md").read_text(encoding="utf-8")
    assert "evaluation.json" in printed.err and (out / "differences.png").exists()
    result = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert list(result["systems"]) == [
        "train drummers",
        *("groove_debug T=1", "midi", "copies", "mine T=1"),
    ]
    one, same = (result["systems"][f"{name} T=1"] for name in ("groove_debug", "mine"))
    assert one["figures"] == same["figures"] and one["grooves"] == 20
    assert result["systems"]["copies"]["figures"]["copies"]["within_0"] == 1.0
    # The folder holds the training files too.
    assert result["systems"]["midi"]["figures"]["copies"]["within_0"] > 0.3
    assert list(result["models"]) == ["groove_debug", "mine"]


def test_quiet_is_quiet(dataset, tmp_path, capsys):
    out = tmp_path / "results"
    options = ("--reference", dataset, "--out", out, "--quiet", "--temperature", "0.3")
    assert run("groove_debug", *options) == 0
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
    result = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert "groove_debug T=0.3" in result["systems"]


@pytest.mark.parametrize("missing", ["preset", "data", "midi", "training"])
def test_what_is_missing_fails_before_anything_is_written(
    missing, dataset, tmp_path, capsys
):
    out, empty = tmp_path / "results", tmp_path / "empty"
    empty.mkdir()
    system = {"preset": "groove_debugg", "midi": empty}.get(missing, "markov")
    data = tmp_path / "nothing" if missing == "data" else dataset
    split = "train" if missing == "training" else "test"
    assert run(system, "--reference", data, "--out", out, "--split", split) == 1
    error = capsys.readouterr().err
    assert error.startswith("keras-musicvae: error: ") and error.count("\n") == 1
    assert not out.exists() or not list(out.iterdir())
