"""The JSON record beside generated files: what makes them again."""

import argparse
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_musicvae.cli.music import Music


def write_record(
    path: Path,
    args: argparse.Namespace,
    seed: int | None,
    music: "Music",
    files: Sequence[Mapping[str, str]],
) -> None:
    """Writes what files were made with, and the command that makes them again.

    Args:
        path: The record.
        args: The options of the command.
        seed: The seed that was used.
        music: What the command worked on; its reports say what was left out.
        files: Name and SHA-256 of each file that was written.

    Raises:
        OutputError: It cannot be written.
    """
    from keras_musicvae.files import write_json

    inputs = [entry["file"] for entry in music.inputs]
    write_json(
        path,
        {
            "command": command_again(args, seed, inputs),
            "seed": seed,
            **_settings(args),
            "preset": _preset(args.preset),
            "version": _versions(),
            "inputs": music.inputs,
            "files": list(files),
            "failures": music.failures,
        },
    )


def command_again(
    args: argparse.Namespace, seed: int | None, inputs: Sequence[str]
) -> str:
    """The command that gives the same files again."""
    # What starts with a dash would be taken for an option.
    names = [f"./{name}" if name.startswith("-") else name for name in inputs]
    form = [args.form] if hasattr(args, "form") else []
    words = ["keras-musicvae", args.command, *form, *names]
    options = {
        "preset": args.preset,
        "seed": seed,
        **_settings(args),
        "form": None,
        "out": args.out,
        "backend": args.backend,
    }
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif isinstance(value, tuple):
            words += [option, *map(str, value)]
        elif isinstance(value, list):
            words += [f"{option}={item}" for item in value]
        elif value is not None and value is not False:
            words.append(f"{option}={value}")
    return shlex.join(words)


# Options that name files, or that the result does not depend on.
_NO_SETTINGS = {
    *("command", "arguments", "run", "files", "preset", "seed", "out", "backend"),
    "quiet",
}


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    return {k: v for k, v in vars(args).items() if k not in _NO_SETTINGS}


def _preset(preset: str) -> dict[str, Any]:
    """Which preset it was, by the SHA-256 of the files that make the model."""
    from keras_musicvae.presets.folder import CONFIG, PREPROCESSOR, WEIGHTS
    from keras_musicvae.presets.sources import find_preset

    folder = find_preset(preset)
    names = [name for name in (CONFIG, PREPROCESSOR, WEIGHTS) if folder.has(name)]
    return {"name": preset, "sha256": {name: folder.sha256(name) for name in names}}


def _versions() -> dict[str, str]:
    import keras
    import numpy as np

    from keras_musicvae import __version__

    backend = keras.backend.backend()
    return {
        "keras_musicvae": __version__,
        "keras": keras.__version__,
        "backend": f"{backend} {sys.modules[backend].__version__}",
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
