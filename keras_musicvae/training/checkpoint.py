"""What an interrupted run needs to go on as if nothing had happened.

A checkpoint is a folder with the weights, the optimizer's among them, the weights of
the best epoch, and a JSON record of the epochs so far. The noise of training is a
function of the step counter, which is one of the weights, and the order of the batches
is one of the epoch: nothing else has to be kept. The folder is replaced as a whole, so
that a kill leaves the old one.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_musicvae.errors import TrainingError
from keras_musicvae.files import recover_folder, replacing_folder

WEIGHTS = "model.weights.h5"
BEST_WEIGHTS = "best.weights.h5"
RECORD = "record.json"


def save_checkpoint(
    folder: Path, model: keras.Model, record: Mapping[str, Any], *, best: bool
) -> None:
    """Replaces the checkpoint in `folder`.

    Args:
        folder: The folder of the checkpoint.
        model: A compiled model.
        record: What else to keep, as JSON.
        best: Whether these weights are the best so far; otherwise those of the
            checkpoint before are kept.
    """
    with replacing_folder(folder) as new:
        model.save_weights(new / WEIGHTS)
        source = new / WEIGHTS if best else folder / BEST_WEIGHTS
        shutil.copyfile(source, new / BEST_WEIGHTS)
        (new / RECORD).write_text(json.dumps(record, indent=1))


def find_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint, if there is one; what a kill has left is removed."""
    recover_folder(folder)
    return folder if (folder / RECORD).is_file() else None


def read_record(folder: Path) -> dict[str, Any]:
    """The JSON record of a checkpoint.

    Raises:
        TrainingError: It is damaged.
    """
    try:
        return json.loads((folder / RECORD).read_text())
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error


def load_checkpoint(folder: Path, model: keras.Model, weights: str = WEIGHTS) -> None:
    """Restores weights, those of the optimizer too.

    Args:
        folder: The folder of the checkpoint.
        model: A compiled model.
        weights: `WEIGHTS`, the default, or `BEST_WEIGHTS`.

    Raises:
        TrainingError: The checkpoint belongs to another model or is damaged.
    """
    try:
        # Keras loads the optimizer's variables too, if they exist.
        model.optimizer.build(model.trainable_variables)
        model.load_weights(folder / weights)
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> TrainingError:
    return TrainingError(
        f"Cannot resume from {folder}: {error}. Train into a new folder, or delete "
        "this one to start again."
    )
