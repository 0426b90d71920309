"""Decodes latents and writes the grooves as MIDI files, one for each row.

Takes what `encode` wrote, or any .npz file with an array `z`, or a .npy file, of the
shape (number, latent_dim).

  keras-musicvae decode latents.npz --temperature 0 --out decoded
"""

import argparse
from pathlib import Path

from keras_musicvae.cli.latents import read_latents
from keras_musicvae.cli.music import (
    add_model,
    add_playing,
    open_model,
    unique_names,
    write_grooves,
)

HELP = "decode latents to MIDI files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `decode`."""
    parser.add_argument("files", type=Path, metavar="FILE", help=".npz or .npy file")
    add_model(parser)
    add_playing(parser, tempo="that of the file that was encoded, else 120")


def run(args: argparse.Namespace) -> int:
    """Runs `decode`."""
    latents, names = read_latents(args.files)
    model = open_model(args)
    grooves = model.decode(
        latents, temperature=args.temperature, seed=args.seed, tempo=args.tempo
    )
    return write_grooves(args, grooves, unique_names(names), [args.files])
