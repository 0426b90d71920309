"""Parses the command line and runs one command.

A command is a module of this package with `HELP`, `add_arguments(parser)` and
`run(args)`. Its heavy imports happen inside `run`, so `--help` stays instant.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from keras_musicvae import __version__
from keras_musicvae.errors import MusicVAEError

# In the order in which a newcomer needs them; command `a-b` is module `a_b`.
COMMANDS = (
    "preprocess",
    "train",
    "generate",
    "reconstruct",
    "interpolate",
    "similar",
    "encode",
    "decode",
    "evaluate",
    "presets",
    "convert",
)

EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of all commands, without importing Keras."""
    parser = argparse.ArgumentParser(
        prog="keras-musicvae",
        description="MusicVAE for expressive drum grooves on TensorFlow, JAX, PyTorch.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f"keras_musicvae.cli.{name.replace('-', '_')}")
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code (0, 1 failure, 2 usage)."""
    args = build_parser().parse_args(arguments)
    try:
        return args.run(args) or 0
    except BrokenPipeError:
        # The reader of our output left (`| head`): silence the flush at exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
    except (MusicVAEError, OSError) as error:
        print(f"keras-musicvae: error: {_one_line(error)}", file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        print("keras-musicvae: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
