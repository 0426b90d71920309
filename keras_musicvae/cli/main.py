"""Parses the command line and runs one command.

A command has a name, a line of `help`, a `description`, and two functions:
`add_arguments(parser)` and `run(args)`. The commands of the verbs are rows of the table
in `verbs.py`; each other command is a module with `HELP`. Heavy imports happen inside
`run`, so `--help` stays instant.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from keras_musicvae import __version__
from keras_musicvae.cli import convert, evaluate, preprocess, presets, train, verbs
from keras_musicvae.cli.interrupt import EXIT_INTERRUPTED, MESSAGE, importing
from keras_musicvae.cli.messages import one_line
from keras_musicvae.errors import MusicVAEError

EXIT_FAILURE = 1


class Command(NamedTuple):
    """One command of `keras-musicvae`."""

    name: str
    help: str
    description: str | None
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]


def _of_module(module: Any) -> Command:
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    return Command(name, module.HELP, module.__doc__, module.add_arguments, module.run)


def _of_verb(verb: verbs.Verb) -> Command:
    functions = (partial(function, verb) for function in (verbs.add_arguments, verbs.run))
    return Command(verb.name, verb.help, verb.description, *functions)


# In the order in which a newcomer needs them.
COMMANDS = (
    *map(_of_module, (preprocess, train)),
    *map(_of_verb, verbs.VERBS),
    *map(_of_module, (evaluate, presets, convert)),
)


class _CommandParser(argparse.ArgumentParser):
    """The parser of one command, which adds its arguments when they are needed."""

    def __init__(self, *args: Any, command: Command | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._command = command

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._complete()
        return super().parse_known_args(args, namespace)

    def format_help(self) -> str:
        self._complete()
        return super().format_help()

    def _complete(self) -> None:
        command, self._command = self._command, None
        if command is not None:
            command.add_arguments(self)


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of all commands, without importing Keras."""
    parser = argparse.ArgumentParser(
        prog="keras-musicvae",
        description="MusicVAE for expressive drum grooves on TensorFlow, JAX, PyTorch.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(
        dest="command",
        metavar="COMMAND",
        required=True,
        parser_class=_CommandParser,
    )
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name,
            command=command,
            help=command.help,
            description=command.description,
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
