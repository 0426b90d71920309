"""A training run, from windows to a preset folder."""

import dataclasses
import json
import logging
import math
import os
import platform
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from keras_musicvae import __version__
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import DatasetError, TrainingError
from keras_musicvae.files import make_folder
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.training.batches import WindowBatches
from keras_musicvae.training.calibration import calibrated
from keras_musicvae.training.callbacks import (
    BEST_WEIGHTS,
    CollapseWarning,
    RunRecorder,
)
from keras_musicvae.training.checkpoint import (
    find_checkpoint,
    load_checkpoint,
    read_record,
)
from keras_musicvae.training.prior import fit_prior

logger = logging.getLogger(__name__)

# Validation takes no steps, so these say nothing there.
TRAINING_ONLY = ("val_gradient_norm", "val_skipped_steps")

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. A resumed run must be given the same settings.

    Attributes:
        epochs: Passes over the training windows. Defaults to 30.
        batch_size: Windows per step. Defaults to 64.
        learning_rate: Adam's, at its highest. It rises for the first 2 % of the steps
            and then falls to zero along a cosine. Defaults to 1e-3.
        precision: `"float32"`, or `"bfloat16"` for mixed precision, which pays where
            the processor has it (AMX, AVX512-BF16, a GPU).
        seed: Seed of the initial weights, the order of the batches and all noise.
        calibrate: Whether the trained model gets the `hit_threshold` that suits the
            validation windows best, see `calibration.py`. Defaults to False.
        augment: Whether the training windows are varied in dynamics, feel and first
            bar, see `augmentation.py`. Defaults to False.
        ema: Momentum of the moving average of the weights that is validated and kept
            in their place, 0.999 for one over the last 1,000 steps or so. Defaults to
            0, none.
        model: Arguments of `MusicVAE` that differ from its defaults. With
            `prior_components` the prior is fitted at the end, see `prior.py`.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    precision: str = "float32"
    seed: int = 0
    calibrate: bool = False
    augment: bool = False
    ema: float = 0.0
    model: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise TrainingError(
                    f"`{name}` must be an integer of at least 1. Received: {value!r}"
                )
        if not 0 < self.learning_rate < 1:
            raise TrainingError(
                "`learning_rate` must be between 0 and 1. "
                f"Received: {self.learning_rate!r}"
            )
        if not 0 <= self.ema < 1:
            raise TrainingError(
                f"`ema` must be at least 0 and below 1. Received: {self.ema!r}"
            )
        if self.precision not in PRECISIONS:
            raise TrainingError(
                f"`precision` must be one of {', '.join(PRECISIONS)}. "
                f"Received: {self.precision!r}"
            )


def train(
    windows: GrooveWindows,
    out: str | Path,
    settings: TrainingSettings | None = None,
    *,
    command: str = "",
    finish: bool = False,
    verbose: int = 0,
) -> Path:
    """Trains a model on the split "train" of `windows` and saves it as a preset.

    The folder `out` receives `checkpoint/` (after every epoch), `log.csv`,
    `best.weights.h5` (lowest validation loss, z at the posterior's mean), logs for
    TensorBoard if it is installed, and in the end `preset/`. If `out` holds an
    interrupted run, it goes on from its last epoch, with the same result as if it had
    never stopped.

    Args:
        windows: Preprocessed windows. Validation uses the non-overlapping windows of
            the split "validation".
        out: Folder of the run.
        settings: How to train.
        command: The command line that started this, for the model card.
        finish: Whether to train no further, and to save the best weights of an
            interrupted run as the preset.
        verbose: What `keras.Model.fit` takes: 0 silent, 1 progress bars, 2 lines.

    Returns:
        The preset folder, `out/preset`.

    Raises:
        DatasetError: A split has too few windows.
        TrainingError: The folder holds a run with other settings, or none that could
            be finished, or the training diverges.
        OutputError: The folder cannot be written.

    Example:
        ```python
        windows = GrooveWindows.load("data/groove_4bar")
        train(windows, "runs/first", TrainingSettings(epochs=20), verbose=1)
        ```
    """
    settings = settings or TrainingSettings()
    out = Path(out)
    training = windows.split("train")
    validation = windows.canonical("validation")
    _check_sizes(training, validation, settings.batch_size)
    if finish and find_checkpoint(out / "checkpoint") is None:
        raise TrainingError(f"There is no run to finish in {out}.")
    steps = len(training) // settings.batch_size * settings.epochs
    model = _make_model(windows, settings, steps)
    make_folder(out)
    record = _resume(out / "checkpoint", model, settings)
    history = record["history"]
    averaging = keras.callbacks.SwapEMAWeights() if settings.ema else None
    recorder = RunRecorder(out, _record(settings), history, averaging)
    done = len(history)
    if done < settings.epochs and not finish:
        start = time.monotonic()
        model.fit(
            WindowBatches(
                training,
                settings.batch_size,
                seed=settings.seed,
                epoch=done,
                augment=settings.augment,
            ),
            validation_data=(validation.arrays(),),
            validation_batch_size=settings.batch_size,
            epochs=settings.epochs,
            initial_epoch=done,
            shuffle=False,  # the batches are shuffled already, by the seed
            callbacks=[
                *([averaging] if averaging else []),
                recorder,
                CollapseWarning(),
                *_tensorboard(out),
            ],
            verbose=verbose,
        )
        seen = (settings.epochs - done) * len(training)
        logger.info("%.0f windows/s", seen / (time.monotonic() - start))
    return _save_preset(out, model, recorder, windows, settings, command)


def _check_sizes(
    training: GrooveWindows, validation: GrooveWindows, batch_size: int
) -> None:
    if len(training) < batch_size:
        raise DatasetError(
            f"The split 'train' has {len(training)} windows, fewer than one batch of "
            f"{batch_size}. Preprocess more files, hop fewer bars, or lower the batch "
            "size."
        )
    if not len(validation):
        raise DatasetError(
            "The split 'validation' has no windows, so there is no way to choose the "
            "best weights. Preprocess more files."
        )


def _make_model(
    windows: GrooveWindows, settings: TrainingSettings, steps: int
) -> MusicVAE:
    model = MusicVAE(
        **{
            "num_bars": windows.num_bars,
            "steps_per_bar": windows.steps_per_bar,
            "seed": settings.seed,
            "preprocessor": windows.converter,
            "dtype": PRECISIONS[settings.precision],
            **settings.model,
        }
    )
    warmup = math.ceil(steps / 50)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / warmup,
        max(steps - warmup, 1),
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )
    model.compile(
        keras.optimizers.Adam(
            schedule,
            epsilon=1e-8,
            use_ema=settings.ema > 0,
            ema_momentum=settings.ema,
        )
    )
    return model


def _record(settings: TrainingSettings) -> dict[str, Any]:
    # Through JSON, so that it compares equal with what a checkpoint holds.
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def _resume(folder: Path, model: MusicVAE, settings: TrainingSettings) -> dict:
    checkpoint = find_checkpoint(folder)
    if checkpoint is None:
        return {"history": []}
    record = read_record(checkpoint)
    # A setting that is newer than the run had its default then.
    then, now = {**_record(TrainingSettings()), **record["settings"]}, _record(settings)
    if then != now:
        different = [
            f"{name} ({then[name]!r} then, {value!r} now)"
            for name, value in now.items()
            if then[name] != value
        ]
        raise TrainingError(
            f"{folder.parent} holds a run with other settings: {', '.join(different)}. "
            "Give the same settings to resume it, or another folder to start anew."
        )
    load_checkpoint(checkpoint, model)
    logger.info("Resuming after epoch %d", len(record["history"]))
    return record


def _tensorboard(out: Path) -> list[keras.callbacks.Callback]:
    try:
        import tensorboard  # noqa: F401

        return [keras.callbacks.TensorBoard(out / "tensorboard")]
    except ImportError:
        return []


def _save_preset(
    out: Path,
    model: MusicVAE,
    recorder: RunRecorder,
    windows: GrooveWindows,
    settings: TrainingSettings,
    command: str,
) -> Path:
    model.load_weights(out / BEST_WEIGHTS)
    if model.prior_components:
        fit_prior(model, windows.split("train"), seed=settings.seed)
    if settings.calibrate:
        model = calibrated(model, windows.canonical("validation"))
    best = recorder.best or {}
    options = ", ".join(f"{k}={v}" for k, v in _record(settings).items())
    training = {
        "dataset": "{name}, fingerprint {fingerprint}".format(**windows.info["source"]),
        "command": command or "keras_musicvae.training.run.train(...)",
        "settings": options,
        "windows": len(windows.split("train")),
        "epochs": (
            f"{len(recorder.history)} of {settings.epochs}, best: {best['epoch']}"
        ),
        "minutes": round(recorder.minutes, 1),
        "software": (
            f"keras-musicvae {__version__}, Keras {keras.__version__}, "
            f"{keras.backend.backend()}, Python {platform.python_version()}"
        ),
        "hardware": hardware(),
    }
    evaluation = {
        name.replace("val_", "validation "): round(value, 4)
        for name, value in best.items()
        if name.startswith("val_") and name not in TRAINING_ONLY
    }
    model.save_to_preset(out / "preset", training=training, evaluation=evaluation)
    return out / "preset"


def hardware() -> str:
    """The processor and the number of its cores that this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")  # Linux: `platform` knows the architecture alone
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {os.cpu_count()} cores"


def command_line(arguments: list[str]) -> str:
    """The command as one would type it again."""
    return shlex.join(["keras-musicvae", *arguments])
