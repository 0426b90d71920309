"""Generates new grooves and writes them as MIDI files.

The same seed gives the same notes on every backend. `generate.json` records what the
files were made with, and the command that makes them again.

  keras-musicvae generate --preset groove_4bar --num-samples 5 --seed 1 --out samples
"""

import argparse

from keras_musicvae.cli.music import (
    add_model,
    add_playing,
    open_model,
    write_grooves,
)
from keras_musicvae.cli.options import integer_from

HELP = "generate new grooves as MIDI files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `generate`."""
    parser.add_argument(
        "--num-samples", type=integer_from(1), default=1, help="how many (default: 1)"
    )
    add_model(parser)
    add_playing(parser, tempo="120")
    parser.set_defaults(tempo=120.0)


def run(args: argparse.Namespace) -> int:
    """Runs `generate`."""
    model = open_model(args)
    grooves = model.sample(
        args.num_samples, temperature=args.temperature, seed=args.seed, tempo=args.tempo
    )
    digits = max(2, len(str(args.num_samples)))
    names = [f"groove_{i:0{digits}}" for i in range(1, args.num_samples + 1)]
    return write_grooves(args, grooves, names)
