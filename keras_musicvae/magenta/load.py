"""A `MusicVAE` with the weights of Magenta's original."""

import os
from os import PathLike
from typing import Any, TypeVar

from keras_musicvae.errors import CheckpointError, ConfigError
from keras_musicvae.grooves.drum_map import DrumMap
from keras_musicvae.grooves.tasks import find_task
from keras_musicvae.magenta.architecture import MagentaArchitecture
from keras_musicvae.magenta.checkpoint import MagentaCheckpoint, read_checkpoint
from keras_musicvae.magenta.layout import load_magenta_weights
from keras_musicvae.magenta.released import RELEASED
from keras_musicvae.magenta.web import fetch_checkpoint, is_address

# What Magenta reads MIDI files by at inference; it was trained on Roland's classes.
ORIGINAL_DRUM_MAP = "magenta"

Model = TypeVar("Model")


def load_magenta(
    cls: type[Model],
    source: str | os.PathLike[str],
    *,
    num_bars: int | None = None,
    task: str | None = None,
    drum_map: str | PathLike[str] | DrumMap = ORIGINAL_DRUM_MAP,
    **kwargs: Any,
) -> Model:
    """Builds a model from a Magenta checkpoint; see `MusicVAE.from_magenta`.

    Args:
        cls: `MusicVAE` or a subclass.
        source: a path, an address or a released name, see `open_magenta`.
        num_bars: bars of a window.
        task: what the model is given. Defaults to the checkpoint's.
        drum_map: the kit of the model's music, in and out.
        **kwargs: arguments of the constructor that are not in a checkpoint.

    Returns:
        The model.

    Raises:
        CheckpointError: the checkpoint is damaged, not a groove model, or does not
            tell the length of its window.
        DownloadError: it cannot be fetched.
        ConfigError: an argument is not allowed.
    """
    checkpoint = open_magenta(source)
    return build_model(
        cls, checkpoint, num_bars=num_bars, task=task, drum_map=drum_map, **kwargs
    )


def open_magenta(
    source: str | os.PathLike[str], *, verbose: bool = False
) -> MagentaCheckpoint:
    """Reads a checkpoint from this machine or from the web.

    Args:
        source: a path (see `checkpoint.py`); an `https://` address of an archive or
            of a Magenta.js folder; or the name of a released checkpoint
            (`"groovae_4bar"`), which is fetched from its official address unless
            something of that name lies here.
        verbose: whether to show on stderr how a download goes on.

    Returns:
        The checkpoint.

    Raises:
        CheckpointError: nothing is there, it is damaged, or it is not a groove model.
        DownloadError: it cannot be fetched.
        ChecksumError: it was damaged on its way.
    """
    name = str(source)
    if isinstance(source, str) and name in RELEASED and not os.path.lexists(name):
        name = RELEASED[name].address
    if is_address(name):
        return read_checkpoint(fetch_checkpoint(name, verbose=verbose))
    return read_checkpoint(name)


def build_model(
    cls: type[Model],
    checkpoint: MagentaCheckpoint,
    *,
    num_bars: int | None = None,
    task: str | None = None,
    drum_map: str | PathLike[str] | DrumMap = ORIGINAL_DRUM_MAP,
    **kwargs: Any,
) -> Model:
    """Builds the model of a checkpoint that was read; see `load_magenta`."""
    from keras_musicvae.grooves.converter import GrooveConverter
    from keras_musicvae.models.initial_weights import no_initial_weights

    task = _task(checkpoint, task)
    arguments = _architecture_arguments(checkpoint, num_bars, task)
    if taken := sorted(arguments.keys() & kwargs.keys() - {"num_bars"}):
        raise ConfigError(
            f"{', '.join(taken)} follow(s) from the checkpoint and cannot be chosen."
        )
    if "preprocessor" not in kwargs:
        kwargs["preprocessor"] = GrooveConverter(
            arguments["num_bars"],
            task=task,
            drum_map=drum_map,
        )
    with no_initial_weights():
        model = cls(**arguments, **kwargs)
    load_magenta_weights(model, checkpoint.weights)
    return model


def _architecture_arguments(
    checkpoint: MagentaCheckpoint, num_bars: int | None, task: str
) -> dict[str, Any]:
    num_bars = checkpoint.num_bars if num_bars is None else num_bars
    if num_bars is None:
        raise CheckpointError(
            f"{checkpoint.label}: a checkpoint does not tell how many bars its window "
            "has. Give num_bars, for example num_bars=4 (2 for Magenta's groovae_2bar "
            "models); on the command line, --bars 4."
        )
    architecture = checkpoint.architecture
    return {
        "num_bars": num_bars,
        "steps_per_bar": 16,
        "encoder_units": architecture.encoder_units,
        "hierarchical_encoder": architecture.hierarchical_encoder,
        "latent_dim": architecture.latent_dim,
        "conductor_units": architecture.conductor_units or None,
        "conductor_autoregressive": architecture.autoregressive_conductor,
        "decoder_units": architecture.decoder_units,
        "known": _known_path(architecture, task),
        "heads": "squared_error",
    }


def _task(checkpoint: MagentaCheckpoint, task: str | None) -> str:
    has_controls = checkpoint.architecture.control_dim > 0
    if task is None:
        return checkpoint.task or ("humanize" if has_controls else "generate")
    if has_controls and task != "humanize":
        raise ConfigError(
            f"{checkpoint.label} reads the hits of each step, so its task is "
            f"'humanize'. Received: task={task!r}"
        )
    return find_task(task).name


def _known_path(architecture: MagentaArchitecture, task: str) -> str:
    if architecture.control_dim:
        return "magenta_hits"
    return "magenta_inputs" if find_task(task).knows else "nowhere"
