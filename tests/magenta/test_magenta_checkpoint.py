import tarfile
from pathlib import Path

import numpy as np
import pytest
from checkpoint_writers import (
    ARCHITECTURES,
    SMALL,
    data_file,
    index_file,
    random_weights,
    with_training_state,
    write_bundle,
    write_tfjs,
)
from shared_data import shared_path

from keras_musicvae.errors import CheckpointError
from keras_musicvae.magenta.checkpoint import read_checkpoint
from keras_musicvae.magenta.released import RELEASED


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A training folder with one checkpoint of `SMALL` at step 7."""
    variables = with_training_state(random_weights(SMALL), step=7)
    write_bundle(tmp_path / "run" / "model.ckpt-7", variables)
    return tmp_path / "run"


def pack(folder: Path, archive: Path, mode: str = "w") -> Path:
    with tarfile.open(archive, mode) as tar:
        tar.add(folder, folder.name)
    return archive


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_reads_every_architecture_with_its_slots(tmp_path, name):
    weights = random_weights(ARCHITECTURES[name])
    variables = with_training_state(weights, step=2721)
    write_bundle(tmp_path / "model.ckpt-2721", variables)
    checkpoint = read_checkpoint(tmp_path)
    assert checkpoint.architecture == ARCHITECTURES[name]
    assert checkpoint.step == 2721
    assert set(checkpoint.weights) == set(weights)
    assert set(checkpoint.ignored) == set(variables) - set(weights)
    assert checkpoint.ignored["encoder/mu/kernel/Adam_1"] == (
        weights["encoder/mu/kernel"].shape
    )
    for variable, array in checkpoint.weights.items():
        np.testing.assert_array_equal(array, weights[variable])


def test_every_way_to_name_a_checkpoint(run, tmp_path):
    prefix = run / "model.ckpt-7"
    write_bundle(run / "model.ckpt-3", random_weights(SMALL, seed=1))
    expected = read_checkpoint(prefix).weights
    for path in (
        run,
        str(run),
        prefix,
        index_file(prefix),
        data_file(prefix),
        pack(run, tmp_path / "x.tar"),
        pack(run, tmp_path / "x.tgz", "w:gz"),
        pack(run, tmp_path / "X.TAR.GZ", "w:gz"),
    ):
        weights = read_checkpoint(path).weights
        for name, array in expected.items():
            np.testing.assert_array_equal(array, weights[name])
    older = read_checkpoint(run / "model.ckpt-3")
    assert older.step is None
    assert (older.weights["encoder/mu/bias"] != expected["encoder/mu/bias"]).any()


def test_the_browser_form_gives_the_same_weights(tmp_path):
    weights = random_weights(SMALL)
    write_tfjs(tmp_path / "js", weights)
    for path in (tmp_path / "js", tmp_path / "js" / "weights_manifest.json"):
        checkpoint = read_checkpoint(path)
        assert checkpoint.architecture == SMALL
        assert checkpoint.num_bars == 4
        for name, array in checkpoint.weights.items():
            np.testing.assert_array_equal(array, weights[name])


@pytest.mark.parametrize(
    ("converter", "num_bars", "task"),
    [
        ({"numSteps": 32}, 2, None),
        ({"numSteps": 32, "humanize": True, "tapify": False}, 2, "humanize"),
        ({"numSteps": 48, "tapify": True, "stepsPerQuarter": 4}, 3, "tap2drum"),
    ],
)
def test_the_browser_config_tells_window_and_task(tmp_path, converter, num_bars, task):
    write_tfjs(tmp_path, random_weights(SMALL), converter=converter)
    checkpoint = read_checkpoint(tmp_path)
    assert checkpoint.num_bars == num_bars
    assert checkpoint.task == task


@pytest.mark.parametrize(
    "converter",
    [
        {"numSteps": 24},
        {"numSteps": 0},
        {"numSteps": "32"},
        {"numSteps": True},
        {"numSteps": 32, "stepsPerQuarter": 3},
        {"humanize": True},
        {"numSteps": 32, "splitInstruments": True},
    ],
)
def test_browser_configs_of_other_windows_are_refused(tmp_path, converter):
    write_tfjs(tmp_path, random_weights(SMALL), converter=converter)
    with pytest.raises(CheckpointError, match=r"numSteps|steps|splitInstruments"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("name", RELEASED)
def test_released_files_are_known_by_name(run, tmp_path, name):
    checkpoint = read_checkpoint(pack(run, tmp_path / f"{name}.tar"))
    assert checkpoint.released == name
    assert f"{checkpoint.num_bars}bar" in name
    folder = tmp_path / name
    run.rename(folder)
    for path in (folder, folder / "model.ckpt-7"):
        assert read_checkpoint(path).num_bars == RELEASED[name].num_bars


def test_nothing_is_guessed_from_another_name(run, tmp_path):
    checkpoint = read_checkpoint(pack(run, tmp_path / "my_groovae_4bar.tar"))
    assert checkpoint.num_bars is checkpoint.task is checkpoint.released is None


def test_golden_checkpoints(tmp_path):
    folder = shared_path("golden/models/groovae_2bar_hits_control_reduced")
    checkpoint = read_checkpoint(folder)
    assert (checkpoint.step, len(checkpoint.ignored)) == (10, 35)
    assert read_checkpoint(folder / "model.ckpt-7").step == 7
    assert checkpoint.architecture.control_dim == 9


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")
    for name, match in (
        ("absent", "no checkpoint at"),
        ("empty", "holds no checkpoint"),
        ("model.h5", "is not a checkpoint"),
        ("model.ckpt-7", "no checkpoint at"),
    ):
        with pytest.raises(CheckpointError, match=match):
            read_checkpoint(tmp_path / name)


def test_foreign_variables_are_refused_by_name(tmp_path):
    weights = random_weights(SMALL)
    weights["decoder/nade/w_enc"] = np.zeros(3, np.float32)
    write_bundle(tmp_path / "model.ckpt-7", weights)
    with pytest.raises(CheckpointError, match="decoder/nade/w_enc"):
        read_checkpoint(tmp_path)
