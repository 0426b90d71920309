"""Training runs: from windows to a preset, interrupted and resumed."""

import csv
import json
import logging
import re
import shutil

import keras
import numpy as np
import pytest
from array_windows import grooves_alone

from keras_musicvae import MusicVAE
from keras_musicvae.datasets.folder import WindowConfig, preprocess
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import (
    ConfigError,
    DatasetError,
    TrainingError,
    UnknownPresetError,
)
from keras_musicvae.files import exclusive_lock
from keras_musicvae.grooves.conditions import CONDITIONS
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_maps import ROLAND_TD11, DrumMap
from keras_musicvae.training import callbacks, prior, run
from keras_musicvae.training.batches import WindowBatches
from keras_musicvae.training.finish import THRESHOLDS
from keras_musicvae.training.recipe import RECIPES, Recipe, find_recipe
from keras_musicvae.training.run import train

MODEL = {
    "encoder_units": [6],
    "latent_dim": 3,
    "conductor_units": [4],
    "decoder_units": [5],
    "dropout": 0.2,
    "prior_units": 8,
}


def settings(**arguments) -> Recipe:
    return Recipe(
        **{
            "epochs": 3,
            "batch_size": 8,
            "learning_rate": 1e-3,
            "seed": 5,
            "augment": False,
            "calibrate": False,
            "model": MODEL,
            **arguments,
        }
    )


@pytest.fixture(scope="session", autouse=True)
def quick_prior():
    """Runs end with a fit of the prior; what it learns, its own tests ask."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prior, "STEPS", 20)
        yield


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


@pytest.mark.parametrize(
    "moment", ["in an epoch", "before a checkpoint", "before the log"]
)
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    windows, straight, tmp_path, monkeypatch, moment
):
    with monkeypatch.context() as patch:
        if moment == "in an epoch":
            interrupt_batch(patch, epoch=1, batch=1)
        elif moment == "before a checkpoint":
            interrupt_checkpoint(patch, after=1)
        else:
            interrupt_log(patch, after=1)
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

    def save(folder, model, record, **options):
        calls.append(folder)
        if len(calls) > after:
            raise KeyboardInterrupt
        original(folder, model, record, **options)

    patch.setattr(callbacks, "save_checkpoint", save)


def interrupt_log(patch, *, after):
    original = callbacks.RunRecorder.write_log

    def write(self):
        if len(self.history) > after:
            raise KeyboardInterrupt
        original(self)

    patch.setattr(callbacks.RunRecorder, "write_log", write)


def test_a_finished_run_is_not_trained_again(windows, straight):
    before = (straight / "log.csv").read_bytes()
    train(windows, straight, settings())
    assert (straight / "log.csv").read_bytes() == before


def test_other_settings_are_refused(windows, straight):
    with pytest.raises(TrainingError, match="other settings: epochs"):
        train(windows, straight, settings(epochs=4))


def test_the_last_line_of_a_log_is_not_lost(windows, straight, tmp_path):
    shutil.copytree(straight, tmp_path / "run")
    log = tmp_path / "run" / "log.csv"
    whole = log.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    (tmp_path / "run" / ".log.csv.12345678").touch()
    (tmp_path / "run" / ".checkpoint.abcdefgh").mkdir()
    (tmp_path / "run" / ".checkpoint.abcdefgh" / "lock").touch()
    train(windows, tmp_path / "run", settings())
    assert log.read_bytes() == whole
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {".lock", "checkpoint", "log.csv", "preset"}


def test_two_processes_do_not_train_in_one_folder(windows, straight, tmp_path):
    shutil.copytree(straight, tmp_path / "run")
    with exclusive_lock(tmp_path / "run" / ".lock"):
        with pytest.raises(TrainingError, match="Another process trains"):
            train(windows, tmp_path / "run", settings())
    train(windows, tmp_path / "run", settings())


def test_callbacks_of_the_caller(windows, tmp_path):
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["val_loss"]))
    )
    train(windows, tmp_path / "run", settings(epochs=2), callbacks=[callback])
    assert [epoch for epoch, _ in seen] == [0, 1]
    assert [f"{loss}" for _, loss in seen] == [
        row["val_loss"] for row in rows(tmp_path / "run")
    ]


def test_a_log_file_gets_short_lines(windows, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "LINE_SECONDS", 0.0)
    train(windows, tmp_path / "run", settings(epochs=2), verbose=True)
    lines = capsys.readouterr().err.splitlines()
    shown = [line for line in lines if line.startswith("Training: ")]
    assert max(map(len, shown)) < 100
    assert re.fullmatch(
        r"Training: \d+ of \d+ windows \([\d,]+/s\) \d+:\d\d:\d\d left, "
        r"epoch 1 of 2, loss \d+\.\d",
        shown[0],
    )
    ends = [line for line in lines if line.startswith("epoch ")]
    assert len(ends) == 2
    assert re.fullmatch(
        r"epoch 2 of 2: loss [\d.]+, validation [\d.]+, KL \d+ bits", ends[1]
    )


# --- Fine-tuning --------------------------------------------------------------


def test_fine_tuning_starts_from_the_weights_and_ends_in_the_new_data(
    windows, straight, tmp_path
):
    parent = MusicVAE.from_preset(straight / "preset")
    recipe = RECIPES["fine_tune"].changed(
        epochs=1, batch_size=8, learning_rate=1e-7, augment=False, dropout=0.0
    )
    preset = train(windows, tmp_path / "run", recipe, base=straight / "preset")
    child = MusicVAE.from_preset(preset)
    for one, other in zip(
        parent.trainable_weights, child.trainable_weights, strict=True
    ):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other),
            atol=1e-5,
        )  # fmt: skip
    assert child.hit_threshold in THRESHOLDS
    assert child.get_config()["dropout"] == 0.0
    mean, _ = child.encode(windows.split("train").arrays())
    assert child.prior.centre == pytest.approx(mean.mean(axis=0), abs=1e-4)
    before, after = (
        keras.ops.convert_to_numpy(model.prior.layers[0].kernel)
        for model in (parent, child)
    )
    assert np.abs(after - before).max() > 1e-3  # fitted anew to the new data
    card = (preset / "README.md").read_text()
    assert f"Made from `{straight.name}/preset` (no licence stated)" in card


def test_the_drum_map_of_the_data_goes_into_the_preset(data, tmp_path):
    drums = {drum: dict(known) for drum, known in ROLAND_TD11.drums.items()}
    kick, snare = drums["kick"], drums["snare"]
    mirrored = DrumMap("mirrored", {**drums, "kick": snare, "snare": kick})
    (tmp_path / "map.json").write_text(mirrored.to_json())
    config = WindowConfig(converter=GrooveConverter(1, drum_map=tmp_path / "map.json"))
    windows = preprocess(data.parent / "midi", tmp_path / "data", config)
    assert windows[0][0, 1] == 1  # every bar of the files begins with a kick
    preset = train(windows, tmp_path / "run", settings(epochs=1))
    (tmp_path / "map.json").unlink()
    converter = MusicVAE.from_preset(preset).preprocessor
    assert converter.drum_map == mirrored
    assert GrooveWindows.load(tmp_path / "data").converter == converter
    child = train(
        GrooveWindows.load(data),
        tmp_path / "child",
        RECIPES["fine_tune"].changed(epochs=1, batch_size=8, calibrate=False),
        base=preset,
    )
    assert MusicVAE.from_preset(child).preprocessor.drum_map == ROLAND_TD11


def test_licence_and_credit_of_the_parent_are_carried_over(data, tmp_path):
    """Through two generations."""
    midi = data.parent / "midi"
    windows = preprocess(
        midi,
        tmp_path / "data",
        WindowConfig(converter=GrooveConverter(num_bars=2)),
        jobs=1,
    )
    recipe = RECIPES["fine_tune"].changed(epochs=1, batch_size=4, calibrate=False)
    child = train(windows, tmp_path / "one", recipe, base="groove_debug")
    metadata = json.loads((child / "metadata.json").read_text())
    metadata["license"] = "CC-BY-4.0"
    metadata["training"]["dataset"] = "groove-v1.0.0-midionly.zip"
    (child / "metadata.json").write_text(json.dumps(metadata))
    grandchild = train(windows, tmp_path / "two", recipe, base=child)
    metadata = json.loads((grandchild / "metadata.json").read_text())
    assert metadata["license"] == "CC-BY-4.0"
    assert [item["name"] for item in metadata["parents"]] == [
        "one/preset",
        "groove_debug",
    ]
    card = (grandchild / "README.md").read_text()
    assert "must be credited: The Groove MIDI Dataset" in card


@pytest.mark.parametrize(
    ("base", "changes", "error", "message"),
    [
        ("groove_4bar", {}, TrainingError, "takes windows of 4 bars"),
        ("straight", {"latent_dim": 5}, ConfigError, "latent_dim"),
        ("groove_5bar", {}, UnknownPresetError, "groove_4bar"),
    ],
    ids=str,
)
def test_what_cannot_be_fine_tuned(
    windows, straight, tmp_path, base, changes, error, message
):
    base = straight / "preset" if base == "straight" else base
    recipe = RECIPES["fine_tune"].changed(batch_size=8, **changes)
    with pytest.raises(error, match=message):
        train(windows, tmp_path / "run", recipe, base=base)
    assert not (tmp_path / "run").exists()


# --- Recipes ------------------------------------------------------------------


def test_the_default_recipe_is_that_of_the_shipped_preset():
    config = MusicVAE.from_preset("groove_4bar", load_weights=False).get_config()
    model = MusicVAE(**RECIPES["groove"].model).get_config()
    # Found by calibration, or of the vocabularies of the data.
    own = ("name", "preprocessor", "hit_threshold", "condition_dim")
    assert {k: v for k, v in model.items() if k not in own} == {
        k: v for k, v in config.items() if k not in own
    }


def test_the_recipe_magenta_is_the_original():
    model = MusicVAE(**RECIPES["magenta"].model)
    assert model.count_params() - 1 == 4_085_019  # and the step counter


def test_the_recipes_of_the_presets_for_samples_and_for_reconstructions():
    groove, codec = (RECIPES[name] for name in ("groove", "codec"))
    model = MusicVAE(**groove.model)
    assert model.lags == (1, 16, 32, 48) and model.conductor_units is None
    assert type(model.heads).__name__ == "ChainedHeads"
    assert groove.conditions == tuple(CONDITIONS) and not codec.conditions
    model = MusicVAE(**codec.model)
    assert (model.latent_dim, model.lookback) == (256, 0)
    assert groove.model["prior_units"] == codec.model["prior_units"] > 0


def test_recipes_are_changed_by_name():
    recipe = RECIPES["codec"].changed(epochs=3, beta=0.25)
    assert (recipe.epochs, recipe.model["beta"]) == (3, 0.25)
    assert recipe.model["plan_dim"] == 64
    assert RECIPES["codec"].model["beta"] == 0.1
    with pytest.raises(ConfigError, match="follows from the data"):
        recipe.changed(num_bars=2)
    with pytest.raises(ConfigError, match="Did you mean 'magenta'"):
        find_recipe("magneta")


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
        {"epochs": True},
        {"learning_rate": "fast"},
        {"precision": "int8"},
        {"schedule": "linear"},
        {"seed": -1},
        {"augment": "yes"},
        {"task": "sing"},
        {"conditions": ("mood",)},
        {"conditions": "style"},
    ],
    ids=str,
)
def test_impossible_settings(arguments):
    with pytest.raises(ConfigError, match="Received"):
        settings(**arguments)


def test_batches_depend_on_seed_and_epoch_alone(windows):
    def batches(seed, epoch=0):
        training = windows.split("train")
        return WindowBatches(training, grooves_alone, 8, seed=seed, epoch=epoch)

    def grooves(batches, index):
        return batches[index][0]["grooves"]

    first, again, other = (batches(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(grooves(first, 0), grooves(again, 0))
    assert not np.array_equal(grooves(first, 0), grooves(other, 0))
    first.on_epoch_end()
    np.testing.assert_array_equal(grooves(first, 2), grooves(batches(1, epoch=1), 2))


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
