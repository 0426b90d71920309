"""Parses the command line and runs one command.

A command is a module of this folder, or a `Verb` (`verbs.py`, `wishes.py`): its
docstring is its help, and it has `add_arguments(parser)` and `run(args)`. Heavy imports
happen inside them, so `--help` stays instant.
"""

import argparse
import inspect
import os
import sys
from collections.abc import Sequence
from typing import Any

from keras_musicvae import __version__
from keras_musicvae.cli import (
    convert,
    evaluate,
    export,
    preprocess,
    presets,
    studio,
    train,
)
from keras_musicvae.cli.interrupt import EXIT_INTERRUPTED, MESSAGE, importing
from keras_musicvae.cli.messages import one_line
from keras_musicvae.cli.verbs import VERBS
from keras_musicvae.cli.wishes import WISHES
from keras_musicvae.errors import MusicVAEError

# In the order in which a newcomer needs them.
COMMANDS: dict[str, Any] = {
    "preprocess": preprocess,
    "train": train,
    **VERBS,
    **WISHES,
    "studio": studio,
    "evaluate": evaluate,
    "presets": presets,
    "convert": convert,
    "export": export,
}

EXIT_FAILURE = 1


class _CommandParser(argparse.ArgumentParser):
    """The parser of one command, which adds its arguments when they are needed."""

    def __init__(self, *args: Any, command: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._command = command

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._command is not None:
            self._command.add_arguments(self)
            self._command = None
        return super().parse_known_args(args, namespace)


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of all commands, without importing Keras."""
    parser = argparse.ArgumentParser(
        prog="keras-musicvae",
        description="MusicVAE for expressive drum grooves on TensorFlow, JAX, PyTorch.",
    )
    parser.add_argument("-V", "--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_CommandParser
    )
    for name, command in COMMANDS.items():
        text = inspect.cleandoc(command.__doc__)
        first = text.partition("\n")[0].rstrip(".")
        subparser = subparsers.add_parser(
            name,
            command=command,
            help=first[0].lower() + first[1:],
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        subparser.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code (0, 1 failure, 2 usage)."""
    for stream in (sys.stdout, sys.stderr):
        # Names of files may hold what the terminal's encoding lacks.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    args = None
    try:
        try:
            with importing():
                args = build_parser().parse_args(arguments)
            args.arguments = sys.argv[1:] if arguments is None else [*arguments]
            return args.run(args) or 0
        finally:
            _flush()
    except BrokenPipeError:  # The reader of our output left (`| head`).
        return EXIT_FAILURE
    except (MusicVAEError, OSError) as error:
        print(f"keras-musicvae: error: {one_line(error, args)}", file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        print(MESSAGE, file=sys.stderr)
        return EXIT_INTERRUPTED


def _flush() -> None:
    """Flushes stdout while errors can still be reported; afterwards it is quiet."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        # Python flushes again at exit, and would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
