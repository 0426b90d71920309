"""A training run, from windows to a preset folder.

Several processes may train together (`backends/distributed.py`): all read the windows
and the checkpoint, and process 0 alone writes what is kept.
"""

import contextlib
import json
import logging
import math
import os
import platform
import shlex
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import keras

from keras_musicvae import __version__
from keras_musicvae.backends import distributed
from keras_musicvae.backends.processes import Processes
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import (
    ConfigError,
    DatasetError,
    MusicVAEError,
    TrainingError,
)
from keras_musicvae.files import exclusive_lock, make_folder, user_path
from keras_musicvae.grooves.conditions import fit_conditions
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.models.config import Objective
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.models.schedules import ExponentialDecayToFloor
from keras_musicvae.progress import showing
from keras_musicvae.training.batches import WholeBatches, WindowBatches
from keras_musicvae.training.callbacks import (
    CollapseWarning,
    RunProgress,
    RunRecorder,
)
from keras_musicvae.training.checkpoint import (
    BEST_WEIGHTS,
    find_checkpoint,
    load_checkpoint,
    read_record,
)
from keras_musicvae.training.fills import FillSplicer
from keras_musicvae.training.finish import finish as finish_model
from keras_musicvae.training.recipe import PRECISIONS, RECIPES, Recipe

logger = logging.getLogger(__name__)

OBJECTIVE = tuple(item.name for item in fields(Objective))
"""Arguments of `MusicVAE` that a fine-tuned preset may change."""

# Validation takes no steps, so these say nothing there.
TRAINING_ONLY = ("val_gradient_norm", "val_skipped_steps")

LINE_SECONDS = 30.0
"""Seconds between two lines of progress in a log file."""


def train(
    windows: GrooveWindows,
    out: str | os.PathLike[str],
    recipe: Recipe | None = None,
    *,
    base: str | os.PathLike[str] | None = None,
    fills: GrooveWindows | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    finish: bool = False,
    processes: Processes | None = None,
    command: str = "",
    verbose: bool = False,
) -> Path:
    """Trains a model on the split "train" of `windows` and saves it as a preset.

    The folder `out` receives `checkpoint/` (after every epoch: the weights, and those
    with the lowest validation loss), `log.csv`, and in the end `preset/`, with its
    prior fitted. If `out` holds an interrupted run, it goes on from its last epoch,
    with the same result as if it had never stopped.

    Args:
        windows: Preprocessed windows. Validation uses the non-overlapping windows of
            the split "validation".
        out: Folder of the run; `~` is the home folder.
        recipe: Architecture, objective and run. Defaults to `RECIPES["groove"]`, that
            of the preset `groove_4bar`; with `base` to `RECIPES["fine_tune"]`.
        base: A preset whose weights to start from (fine-tuning): a name, folder or
            address. Its architecture is kept, and its licence and credits go into the
            new model card. Defaults to None: new weights.
        fills: Windows of one bar, preprocessed with `num_bars=1`: those marked as
            fills take the place of the last bar of some windows, see `fills.py`.
            Defaults to None: no window is changed so.
        callbacks: Further callbacks for `keras.Model.fit`, such as
            `keras.callbacks.TensorBoard("logs")`.
        finish: Train no further, and save the best weights of an interrupted run as
            the preset. Defaults to False.
        processes: Those that train together, each of which calls `train` with the same
            arguments; the windows and `out` lie where all of them can read. The result
            is that of one device up to rounding, and an interrupted run goes on with
            any number of them. Defaults to None: this process alone, unless the
            backend was told otherwise (`torch.distributed`, a `tf.distribute` scope).
        command: The command line that started this, for the model card.
        verbose: Show progress on stderr: a bar on a terminal, elsewhere a line every
            half minute and one per epoch. Defaults to False.

    Returns:
        The preset folder, `out/preset`.

    Raises:
        ConfigError: The recipe sets what the model or `base` does not allow, or its
            `batch_size` is no multiple of the number of devices.
        DatasetError: A split has too few windows.
        TrainingError: The folder holds a run with other settings, or none that could
            be finished; another run trains in it; `base` takes other windows; the
            training diverges; or of several processes one is lost or was given
            something else.
        OutputError: The folder cannot be written.

    Example:
        ```python
        windows = GrooveWindows.load("data/mine")
        recipe = RECIPES["fine_tune"].changed(epochs=5)
        preset = train(windows, "runs/mine", recipe, base="groove_4bar", verbose=True)
        ```
    """
    recipe = recipe or RECIPES["groove" if base is None else "fine_tune"]
    out = user_path(out)
    base = None if base is None else os.fspath(base)
    run = _Run(windows, out, recipe, base, fills)
    with contextlib.ExitStack() as stack:
        with _together(processes, recipe.batch_size):
            writes = distributed.rank() == 0
            if writes and finish and find_checkpoint(run.checkpoint) is None:
                raise TrainingError(f"There is no run to finish in {out}.")
            model = run.make_model()
            if writes:
                folder = stack.enter_context(_folder_of_one_run(out))
                for note in run.notes:
                    logger.warning(note)
            else:
                # Saving a model takes all processes; what the others save is dropped.
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            recorder = run.resume(model, folder)
            if not finish:
                run.fit(model, recorder, callbacks, verbose and writes)
        return run.save(recorder, command) if writes else run.preset


@contextlib.contextmanager
def _together(processes: Processes | None, batch_size: int) -> Iterator[None]:
    """`distributed.joined`; that a process is lost becomes an error of ours."""
    if processes:
        _check_division(batch_size, processes.number)
    with distributed.joined(processes, batch_size):
        devices = distributed.replicas()
        _check_division(batch_size, devices)
        try:
            yield
        except MusicVAEError:
            raise
        except distributed.LOST as error:
            if devices == 1:
                raise
            raise TrainingError(
                "A process that trains along is lost, or its device failed: "
                f"{str(error).splitlines()[0]} The last checkpoint is kept: the same "
                "command goes on from it, with another number of devices too."
            ) from error


def _check_division(batch_size: int, devices: int) -> None:
    if batch_size % devices:
        raise ConfigError(
            f"`batch_size` must be a multiple of the number of devices, {devices}. "
            f"Received: batch_size={batch_size}"
        )


@contextlib.contextmanager
def _folder_of_one_run(out: Path) -> Iterator[Path]:
    """The folder exists, and no other run writes into it."""
    make_folder(out)
    with exclusive_lock(out / ".lock") as mine:
        if not mine:
            raise TrainingError(
                f"Another process trains in {out}. Wait for it, or choose another "
                "folder."
            )
        find_checkpoint(out / "checkpoint")  # repairs it before others read it
        yield out


@dataclass
class _Run:
    """What a run is made of; the steps of `train` in the order of its methods."""

    windows: GrooveWindows
    out: Path
    recipe: Recipe
    base: str | None
    fills: GrooveWindows | None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.training = self.windows.split("train")
        self.validation = self.windows.canonical("validation")
        batch_size = self.recipe.batch_size
        if len(self.training) < batch_size:
            raise DatasetError(
                f"The split 'train' has {len(self.training)} windows, fewer than one "
                f"batch of {batch_size}. Preprocess more files, hop fewer bars, or "
                "lower `batch_size`."
            )
        if not len(self.validation):
            raise DatasetError(
                "The split 'validation' has no windows, so there is no way to choose "
                "the best weights. Preprocess more files."
            )
        self.splicer = None
        if self.fills is not None:
            self.splicer = FillSplicer(self.training, self.fills.split("train"))
        self.epoch_windows = len(self.training) // batch_size * batch_size
        self.checkpoint = self.out / "checkpoint"
        self.preset = self.out / "preset"

    @property
    def settings(self) -> dict[str, Any]:
        """What a resumed run must be given again."""
        fills = None if self.fills is None else self.fills.info["source"]["fingerprint"]
        return {**self.recipe.to_json(), "base": self.base, "fills": fills}

    def make_model(self) -> MusicVAE:
        """A compiled model, new or with the weights of `base`."""
        arguments = {
            **self.recipe.model,
            "seed": self.recipe.seed,
            "dtype": PRECISIONS[self.recipe.precision],
        }
        if self.base is None:
            model = MusicVAE(preprocessor=self._converter(), **arguments)
        else:
            model = self._from_base(self.base, arguments)
        steps = self.epoch_windows // self.recipe.batch_size * self.recipe.epochs
        model.compile(_optimizer(self.recipe, steps))
        return model

    def _converter(self) -> GrooveConverter:
        """That of the windows, with the task and the conditions of the recipe."""
        conditions: dict[str, Any] = {}
        examples = self.training.examples()
        for name in self.recipe.conditions:
            try:
                conditions |= fit_conditions([name], examples)
            except ConfigError as error:
                self.notes.append(f"The model gets no condition {name}. {error}")
        task = self.recipe.task or "generate"
        return self.windows.converter.changed(task=task, conditions=conditions)

    def _from_base(self, base: str, arguments: Mapping[str, Any]) -> MusicVAE:
        saved = MusicVAE.from_preset(base, load_weights=False)
        for name in ("num_bars", "steps_per_bar"):
            if getattr(saved, name) != getattr(self.windows, name):
                raise TrainingError(
                    f"{base} takes windows of {saved.num_bars} bars of "
                    f"{saved.steps_per_bar} steps. Received: windows of "
                    f"{self.windows.num_bars} bars of {self.windows.steps_per_bar} "
                    "steps; preprocess the files again."
                )
        config = saved.get_config()
        fixed = set(self.recipe.model) - set(OBJECTIVE)
        if changed := {n for n in fixed if config.get(n) != self.recipe.model[n]}:
            raise ConfigError(
                "Fine-tuning keeps the architecture of the preset; it can change "
                f"{', '.join(OBJECTIVE)}. Received: {', '.join(sorted(changed))}."
            )
        converter = self.windows.converter
        if saved.preprocessor is not None:
            task = saved.preprocessor.task.name
            if self.recipe.task not in (None, task) or self.recipe.conditions:
                raise ConfigError(
                    f"Fine-tuning keeps the task of the preset, {task!r}, and its "
                    "conditions; leave `task` and `conditions` out."
                )
            conditions = saved.preprocessor.conditions
            converter = converter.changed(task=task, conditions=conditions)
        return MusicVAE.from_preset(base, preprocessor=converter, **arguments)

    def resume(self, model: MusicVAE, folder: Path) -> RunRecorder:
        """Loads the newest checkpoint, if there is one; keeps what comes after it.

        Args:
            model: A new model of this run.
            folder: Where this process writes.
        """
        # Where there are several: they wait here until the folder is in order.
        self._agree("settings", self.settings)
        self._agree("windows", self.windows.info)
        self._agree("kinds of devices", distributed.device_kind())
        history = self._load(model)
        if history and folder != self.out:
            shutil.copytree(self.checkpoint, folder / self.checkpoint.name)
        self._agree("checkpoints", len(history))
        recorder = RunRecorder(folder, self.settings, history)
        recorder.write_log()
        return recorder

    def _agree(self, name: str, fact: Any) -> None:
        """Raises `TrainingError` if a process has something else than the others."""
        number = zlib.crc32(json.dumps(fact, sort_keys=True).encode()) >> 1
        numbers = distributed.gathered(number)
        different = [i for i, n in enumerate(numbers) if n != numbers[0]]
        if different:
            raise TrainingError(
                f"The processes that train together have different {name}: process 0 "
                f"and process {different[0]}. Give all of them the same, and folders "
                "that all can read."
            )

    def _load(self, model: MusicVAE) -> list[dict[str, Any]]:
        """Loads the newest checkpoint, if there is one; returns its epochs."""
        if find_checkpoint(self.checkpoint) is None:
            return []
        record = read_record(self.checkpoint)
        then, now = record["settings"], self.settings
        if then != now:
            different = [
                f"{name} ({then.get(name)!r} then, {value!r} now)"
                for name, value in now.items()
                if then.get(name) != value
            ]
            raise TrainingError(
                f"{self.out} holds a run with other settings: {', '.join(different)}. "
                "Give the same settings to resume it, or another folder to start anew."
            )
        load_checkpoint(self.checkpoint, model)
        logger.info("Resuming after epoch %d", len(record["history"]))
        return record["history"]

    def fit(
        self,
        model: MusicVAE,
        recorder: RunRecorder,
        callbacks: Sequence[keras.callbacks.Callback],
        verbose: bool,
    ) -> None:
        """Trains the epochs that are left."""
        recipe, done = self.recipe, len(recorder.history)
        if done >= recipe.epochs:
            return
        if len(self.validation) < distributed.replicas():
            raise DatasetError(
                f"The split 'validation' has {len(self.validation)} windows, fewer "
                f"than the {distributed.replicas()} devices. Preprocess more files."
            )
        batches = WindowBatches(
            self.training,
            model.to_batch,
            recipe.batch_size,
            seed=recipe.seed,
            epoch=done,
            augment=recipe.augment,
            fills=self.splicer,
        )
        with showing(
            "Training",
            self.epoch_windows * recipe.epochs,
            "windows",
            start=self.epoch_windows * done,
            line_seconds=LINE_SECONDS,
            verbose=verbose,
        ) as display:
            model.fit(
                batches,
                validation_data=WholeBatches(
                    model.to_batch(self.validation.examples()), recipe.batch_size
                ),
                epochs=recipe.epochs,
                initial_epoch=done,
                shuffle=False,  # the batches are shuffled already, by the seed
                callbacks=[
                    recorder,
                    CollapseWarning(),
                    RunProgress(
                        display, recipe.epochs, self.epoch_windows, recipe.batch_size
                    ),
                    *callbacks,
                ],
                verbose=0,
            )

    def save(self, recorder: RunRecorder, command: str) -> Path:
        """Saves the best weights as a preset; one process and device can do that."""
        model = self.make_model()
        load_checkpoint(self.checkpoint, model, BEST_WEIGHTS)
        validation = self.validation if self.recipe.calibrate else None
        model = finish_model(
            model,
            self.training,
            validation,
            fills=self.splicer,
            seed=self.recipe.seed,
        )
        best = recorder.best or {}
        settings = {name: v for name, v in self.settings.items() if v is not None}
        training = {
            "dataset": "{name}, fingerprint {fingerprint}".format(
                **self.windows.info["source"]
            ),
            "command": command or "keras_musicvae.training.run.train(...)",
            "settings": ", ".join(f"{name}={v}" for name, v in settings.items()),
            "windows": len(self.training),
            "epochs": (
                f"{len(recorder.history)} of {self.recipe.epochs}, "
                f"best: {best['epoch']}"
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
        model.save_to_preset(self.preset, training=training, evaluation=evaluation)
        return self.preset


def _optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Adam, with the learning rate of a run of so many steps."""
    rate: Any = ExponentialDecayToFloor(recipe.learning_rate)
    if recipe.schedule == "cosine":
        warmup = math.ceil(steps / 50)
        rate = keras.optimizers.schedules.CosineDecay(
            recipe.learning_rate / warmup,
            max(steps - warmup, 1),
            warmup_target=recipe.learning_rate,
            warmup_steps=warmup,
        )
    return keras.optimizers.Adam(rate, epsilon=1e-8)


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
