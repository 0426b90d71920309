"""What the commands say on stderr: one line each, with the names of options."""

import argparse
import re
import sys

from keras_musicvae.errors import MusicVAEError, plain


def warn(message: str) -> None:
    """Prints one line on stderr."""
    print(f"keras-musicvae: {plain(message)}", file=sys.stderr)


def one_line(error: Exception, args: argparse.Namespace | None = None) -> str:
    """The message of an error, in the words of the command line.

    Messages name the arguments of functions; where the command has an option of that
    name, it stands in its place.

    Args:
        error: The error.
        args: The options of the command.

    Example:
        >>> error = ValueError("`steps` must be 2. Received: steps=1")
        >>> one_line(error, argparse.Namespace(steps=1))
        '--steps must be 2. Received: --steps 1'
    """
    text = str(error)
    if isinstance(error, OSError) and not isinstance(error, MusicVAEError):
        where = f"{error.filename}: " if error.filename is not None else ""
        text = f"{where}{error.strerror or error}"
    for name in vars(args or argparse.Namespace()):
        option = f"--{name.replace('_', '-')}"
        text = text.replace(f"`{name}`", option)
        # `name=` at the end of a phrase, or a value that was received.
        text = re.sub(rf"(?<![\w/]){name}=(?=[\s,.;)]|$)", option, text)
        text = re.sub(rf"(?<=Received: ){name}=", f"{option} ", text)
        if name == "limit":
            text = re.sub(r"MidiLimits\.(\w+)", rf"{option} \1=N", text)
    return plain(text)
