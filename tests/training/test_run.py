"""Training runs: from windows to a preset, interrupted and resumed."""

import csv
import json
import logging
import shutil

import keras
import numpy as np
import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import DatasetError, TrainingError
from keras_musicvae.training import callbacks
from keras_musicvae.training.batches import WindowBatches
from keras_musicvae.training.run import TrainingSettings, train

MODEL = {
    "encoder_units": [6],
    "latent_dim": 3,
    "conductor_units": [4],
    "decoder_units": [5],
    "dropout": 0.2,
}


def settings(**arguments) -> TrainingSettings:
    return TrainingSettings(
        **{"epochs": 3, "batch_size": 8, "seed": 5, "model": MODEL, **arguments}
    )


@pytest.fixture(scope="session")
def windows(data) -> GrooveWindows:
    return GrooveWindows.load(data)


@pytest.fixture(scope="session")
def straight(windows, tmp_path_factory):
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("run") / "straight"
    train(windows, out, settings(), command="keras-musicvae train ...")
    return out


def rows(out) -> list[dict]:
    with (out / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_ends_with_a_preset_that_plays(straight):
    model = MusicVAE.from_preset(straight / "preset")
    grooves = model.sample(2, seed=1, tempo=96)
    assert [groove.num_bars for groove in grooves] == [1, 1]
    card = (straight / "preset" / "README.md").read_text()
    assert "keras-musicvae train ..." in card
    assert [row["epoch"] for row in rows(straight)] == ["1", "2", "3"]


def test_the_preset_has_the_best_weights(straight, windows):
    model = MusicVAE.from_preset(straight / "preset")
    model.compile()
    validation = windows.split("validation").select(hop_bars=1).arrays()
    loss = model.evaluate(validation, batch_size=8, verbose=0, return_dict=True)["loss"]
    best = min(float(row["val_loss"]) for row in rows(straight))
    assert loss == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize("moment", ["in an epoch", "in a checkpoint"])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    windows, straight, tmp_path, monkeypatch, moment
):
    with monkeypatch.context() as patch:
        if moment == "in an epoch":
            interrupt_batch(patch, epoch=1, batch=1)
        else:
            interrupt_checkpoint(patch, after=1)
        # TensorFlow wraps what a data pipeline raises in an error of its own.
        with pytest.raises(BaseException, match=r"KeyboardInterrupt|^$"):
            train(windows, tmp_path / "run", settings())
    train(windows, tmp_path / "run", settings())
    a, b = (MusicVAE.from_preset(p / "preset") for p in (straight, tmp_path / "run"))
    for first, second in zip(a.weights, b.weights, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(first.value),
            keras.ops.convert_to_numpy(second.value),
            rtol=1e-6,
            atol=1e-7,
        )
    losses = [
        [float(row["val_loss"]) for row in rows(p.parent)]
        for p in (straight / "preset", tmp_path / "run" / "preset")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_averaged_weights_are_validated_kept_and_resumed(
    windows, tmp_path, monkeypatch
):
    averaged = settings(ema=0.9, learning_rate=0.02)
    train(windows, tmp_path / "whole", averaged)
    with monkeypatch.context() as patch:
        interrupt_batch(patch, epoch=1, batch=1)
        with pytest.raises(BaseException, match=r"KeyboardInterrupt|^$"):
            train(windows, tmp_path / "resumed", averaged)
    train(windows, tmp_path / "resumed", averaged)
    train(windows, tmp_path / "plain", settings(learning_rate=0.02))
    whole, resumed, plain = (
        [float(row["val_loss"]) for row in rows(tmp_path / name)]
        for name in ("whole", "resumed", "plain")
    )
    np.testing.assert_allclose(whole, resumed, rtol=1e-5)
    # The same training, seen through other weights.
    assert all(abs(a / b - 1) > 1e-4 for a, b in zip(whole, plain, strict=True))
    for run in ("whole", "resumed"):
        model = MusicVAE.from_preset(tmp_path / run / "preset")
        model.compile()
        validation = windows.split("validation").select(hop_bars=1).arrays()
        loss = model.evaluate(validation, batch_size=8, verbose=0, return_dict=True)
        assert loss["loss"] == pytest.approx(min(whole), rel=1e-4)


def test_averaging_does_not_change_the_training(windows, tmp_path):
    train(windows, tmp_path / "plain", settings())
    train(windows, tmp_path / "averaged", settings(ema=0.9))
    losses = [
        [float(row["loss"]) for row in rows(tmp_path / name)]
        for name in ("plain", "averaged")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def interrupt_batch(patch, *, epoch, batch):
    original = WindowBatches.__getitem__

    def getitem(self, index):
        if self.epoch == epoch and index == batch:
            raise KeyboardInterrupt
        return original(self, index)

    patch.setattr(WindowBatches, "__getitem__", getitem)


def interrupt_checkpoint(patch, *, after):
    original = callbacks.save_checkpoint
    calls = []

    def save(folder, model, record):
        calls.append(folder)
        if len(calls) > after:
            model.save_weights(folder.with_suffix(".new.weights.h5"))
            raise KeyboardInterrupt
        original(folder, model, record)

    patch.setattr(callbacks, "save_checkpoint", save)


def test_a_finished_run_is_not_trained_again(windows, straight):
    before = (straight / "log.csv").read_bytes()
    train(windows, straight, settings())
    assert (straight / "log.csv").read_bytes() == before


def test_other_settings_are_refused(windows, straight):
    with pytest.raises(TrainingError, match="other settings: epochs"):
        train(windows, straight, settings(epochs=4))


def test_a_run_from_before_a_setting_existed_goes_on(windows, straight, tmp_path):
    shutil.copytree(straight, tmp_path / "old")
    path = tmp_path / "old" / "checkpoint" / "record.json"
    record = json.loads(path.read_text())
    del record["settings"]["ema"]
    path.write_text(json.dumps(record))
    train(windows, tmp_path / "old", settings())
    with pytest.raises(TrainingError, match=r"ema \(0.0 then, 0.5 now\)"):
        train(windows, tmp_path / "old", settings(ema=0.5))


def test_a_damaged_checkpoint_is_named(windows, straight, tmp_path):
    out = tmp_path / "run"
    (out / "checkpoint").mkdir(parents=True)
    for path in (straight / "checkpoint").iterdir():
        (out / "checkpoint" / path.name).write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match="Cannot resume"):
        train(windows, out, settings())


def test_too_few_windows(windows, tmp_path):
    with pytest.raises(DatasetError, match="fewer than one batch"):
        train(windows, tmp_path / "run", settings(batch_size=4096))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        {"epochs": 0},
        {"batch_size": 2.5},
        {"learning_rate": 0.0},
        {"precision": "int8"},
        {"ema": 1.0},
    ],
    ids=str,
)
def test_impossible_settings(arguments):
    with pytest.raises(TrainingError):
        settings(**arguments)


def test_batches_depend_on_seed_and_epoch_alone(windows):
    training = windows.split("train")
    first = WindowBatches(training, 8, seed=1)
    again = WindowBatches(training, 8, seed=1)
    other = WindowBatches(training, 8, seed=2)
    np.testing.assert_array_equal(first[0][0], again[0][0])
    assert not np.array_equal(first[0][0], other[0][0])
    first.on_epoch_end()
    resumed = WindowBatches(training, 8, seed=1, epoch=1)
    np.testing.assert_array_equal(first[2][0], resumed[2][0])


def test_a_collapse_is_reported_while_it_happens(caplog):
    callback = callbacks.CollapseWarning()
    with caplog.at_level(logging.WARNING):
        callback.on_epoch_end(0, {"kl_bits": 40.0, "active_units": 30.0})
        assert not caplog.records
        callback.on_epoch_end(1, {"kl_bits": 0.4, "active_units": 0.0})
    assert "collapsing" in caplog.text
    assert "free_bits" in caplog.text


def test_a_diverged_run_keeps_its_last_checkpoint(windows, tmp_path):
    recorder = callbacks.RunRecorder(tmp_path, {}, [])
    with pytest.raises(TrainingError, match="diverged"):
        recorder.on_epoch_end(0, {"val_loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_the_record_is_plain_json(straight):
    record = json.loads((straight / "checkpoint" / "record.json").read_text())
    assert record["settings"]["model"] == MODEL
