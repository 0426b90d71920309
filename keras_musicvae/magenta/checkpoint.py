"""A Magenta checkpoint of any form: its weights, its architecture, its window.

    model.ckpt-1000[.index]   TensorFlow's, by its prefix or one of its files
    run/                      a folder: the newest checkpoint in it
    groovae_4bar.tar, .tgz    an archive of either
    groovae_4bar/             Magenta.js: config.json, weights_manifest.json, shards

The variables show the widths, but neither how many bars a window has nor what the
input was (a performance, its quantised hits, a tapped rhythm). A Magenta.js config
says both; Magenta's released files are known by name; for all others the caller must.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.typing import NDArray

from keras_musicvae.errors import CheckpointError
from keras_musicvae.files import reason, user_path
from keras_musicvae.magenta.architecture import MagentaArchitecture
from keras_musicvae.magenta.discovery import (
    find_architecture,
    split_variables,
    summarize,
)
from keras_musicvae.magenta.files import (
    Archive,
    Files,
    Folder,
    is_archive,
    without_archive_suffix,
)
from keras_musicvae.magenta.released import RELEASED
from keras_musicvae.magenta.tf_checkpoint import find_checkpoints, read_tf_checkpoint
from keras_musicvae.magenta.tfjs import find_tfjs, read_tfjs, read_tfjs_config

STEPS_PER_BAR = 16
_BUNDLE_FILE = re.compile(r"(.+)\.(index|data-\d{5}-of-\d{5})")
_GLOBAL_STEP = "global_step"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MagentaCheckpoint:
    """What a checkpoint holds.

    Attributes:
        label: the file or folder, for messages.
        weights: Magenta's variables by name, those of the architecture and no other.
        ignored: names and shapes of what training left beside them.
        architecture: the widths of the model.
        num_bars: bars of a window; None if they are unknown.
        task: what the model is given, a name of `grooves.tasks.TASKS`; None if it
            is unknown.
        step: training steps, from `global_step`; None without it.
        released: the name under which Magenta released it; None for others.
    """

    label: str
    weights: Mapping[str, NDArray]
    ignored: Mapping[str, tuple[int, ...]]
    architecture: MagentaArchitecture
    num_bars: int | None = None
    task: str | None = None
    step: int | None = None
    released: str | None = None


def read_checkpoint(path: str | Path) -> MagentaCheckpoint:
    """Reads a Magenta checkpoint from this machine, with NumPy alone.

    Args:
        path: see the top of this module; `~` is the home folder.

    Returns:
        The checkpoint; its weights are float32 and read-only.

    Raises:
        CheckpointError: nothing is there, it is damaged, or it is not a groove model.

    Example:
        >>> checkpoint = read_checkpoint("groovae_4bar.tar")
        >>> checkpoint.architecture.decoder_units, checkpoint.num_bars
        ((256, 256), 4)
    """
    path = user_path(path)
    try:
        files, prefix = _locate(path)
    except OSError as error:  # No permission, too long a name.
        raise CheckpointError(f"{path} cannot be read: {reason(error)}.") from None
    converter: dict[str, Any] = {}
    js_folder = None if prefix else find_tfjs(files)
    if js_folder is not None:
        label = files.label
        variables = read_tfjs(files, js_folder)
        converter = read_tfjs_config(files, js_folder)
    else:
        prefix = prefix or _newest(files)
        label = f"{files.label}: {prefix}"
        variables = read_tf_checkpoint(files, prefix)

    names, ignored = split_variables(variables)
    weights = {name: variables[name] for name in names}
    shapes = {name: array.shape for name, array in weights.items()}
    architecture = find_architecture(shapes, label)
    step = variables.get(_GLOBAL_STEP)
    checkpoint = MagentaCheckpoint(
        label=label,
        weights=weights,
        ignored={name: variables[name].shape for name in ignored},
        architecture=architecture,
        step=int(step) if step is not None and step.shape == () else None,
        **{**_window_of_name(path), **_window_of_config(converter, label)},
    )
    logger.info(
        "%s: %d variables are weights; ignored: %s",
        label,
        len(weights),
        ", ".join(summarize(ignored)) or "none",
    )
    return checkpoint


def _locate(path: Path) -> tuple[Files, str | None]:
    """The files, and the prefix of the checkpoint if the path names it."""
    if path.is_dir():
        return Folder(path), None
    bundle_file = _BUNDLE_FILE.fullmatch(path.name)
    if bundle_file and path.is_file():
        return Folder(path.parent), bundle_file[1]
    if path.is_file():
        if path.suffix == ".json":
            return Folder(path.parent), None
        if not is_archive(path):
            raise CheckpointError(
                f"{path} is not a checkpoint. Give a .tar or .tgz, a folder, or the "
                "prefix of a checkpoint (model.ckpt-1000)."
            )
        return Archive(path), None
    if path.with_name(f"{path.name}.index").is_file():
        return Folder(path.parent), path.name
    raise CheckpointError(
        f"There is no checkpoint at {path}: neither a folder, nor an archive, nor the "
        f"file {path.name}.index."
    )


def _newest(files: Files) -> str:
    prefixes = find_checkpoints(files)
    if not prefixes:
        raise CheckpointError(
            f"{files.label} holds no checkpoint: neither an .index file (TensorFlow) "
            "nor a weights_manifest.json (Magenta.js)."
        )
    if len(prefixes) > 1:
        logger.info("%s: the newest of %d is read", files.label, len(prefixes))
    return prefixes[-1]


def _window_of_config(arguments: Mapping[str, Any], label: str) -> dict[str, Any]:
    """The window by Magenta.js's `config.json`; empty if it says nothing."""
    if not arguments:
        return {}
    if arguments.get("splitInstruments"):
        raise CheckpointError(
            f"{label} writes the drums of a step one after the other "
            "(splitInstruments), which is not supported."
        )
    steps = arguments.get("numSteps")
    beats = arguments.get("stepsPerQuarter", STEPS_PER_BAR // 4)
    if type(steps) is not int or steps < 1 or steps % STEPS_PER_BAR or beats != 4:
        raise CheckpointError(
            f"{label}: config.json announces a window of {steps!r} steps, {beats!r} "
            f"to the quarter; whole bars of {STEPS_PER_BAR} are allowed."
        )
    task = None
    if arguments.get("humanize"):
        task = "humanize"
    elif arguments.get("tapify"):
        task = "tap2drum"
    return {"num_bars": steps // STEPS_PER_BAR, "task": task}


def _window_of_name(path: Path) -> dict[str, Any]:
    """The window of a file that still has the name Magenta released it under."""
    for name in (path.name, path.parent.name):
        stem = without_archive_suffix(PurePosixPath(name).name)
        if stem in RELEASED:
            known = RELEASED[stem]
            return {
                "num_bars": known.num_bars,
                "task": known.task,
                "released": stem,
            }
    return {}
