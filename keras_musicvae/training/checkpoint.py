"""What an interrupted run needs to go on as if nothing had happened.

A checkpoint is a folder with the weights, the optimizer's among them, and a JSON record
of the epochs so far. The noise of training is a function of the step counter, which is
one of the weights, and the order of the batches is one of the epoch: nothing else has
to be kept. The folder is replaced as a whole, so that a kill leaves the old one.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_musicvae.errors import TrainingError

WEIGHTS = "model.weights.h5"
RECORD = "record.json"


def save_checkpoint(
    folder: Path, model: keras.Model, record: Mapping[str, Any]
) -> None:
    """Replaces the checkpoint in `folder`."""
    new, old = folder.with_suffix(".new"), folder.with_suffix(".old")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    model.save_weights(new / WEIGHTS)
    (new / RECORD).write_text(json.dumps(record, indent=1))
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def find_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint, if there is one."""
    # Between the two renames of `save_checkpoint` only the old one has a whole name.
    for candidate in (folder, folder.with_suffix(".old")):
        if (candidate / RECORD).is_file():
            return candidate
    return None


def read_record(folder: Path) -> dict[str, Any]:
    """The JSON record of a checkpoint."""
    try:
        return json.loads((folder / RECORD).read_text())
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error


def load_checkpoint(folder: Path, model: keras.Model) -> None:
    """Restores the weights and the optimizer.

    Raises:
        TrainingError: The checkpoint belongs to another model or is damaged.
    """
    try:
        # Keras loads the optimizer's variables too, if they exist.
        model.optimizer.build(model.trainable_variables)
        model.load_weights(folder / WEIGHTS)
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> TrainingError:
    return TrainingError(
        f"Cannot resume from {folder}: {error}. Train into a new folder, or delete "
        "this one to start again."
    )
