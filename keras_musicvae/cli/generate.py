"""Generates new grooves and writes them as MIDI files.

The same seed gives the same notes on every backend.

  keras-musicvae generate --preset groove_4bar --number 5 --seed 1 --out samples
"""

import argparse
from pathlib import Path

from keras_musicvae.cli.options import (
    add_backend,
    integer_from,
    number_from,
    start_keras,
)

HELP = "generate new grooves as MIDI files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `generate`."""
    parser.add_argument(
        "--preset",
        default="groove_4bar",
        help="name, folder or address of a preset (default: groove_4bar)",
    )
    parser.add_argument("--number", type=integer_from(1), default=1, help="how many")
    parser.add_argument(
        "--temperature",
        type=number_from(0),
        default=1.0,
        help="0 is tidiest; 1, the default, is the model's own distribution",
    )
    parser.add_argument("--tempo", type=number_from(1), default=120.0, help="bpm")
    parser.add_argument("--seed", type=integer_from(0), help="(default: a new one)")
    parser.add_argument("--out", type=Path, default=Path("samples"), help="folder")
    add_backend(parser)


def run(args: argparse.Namespace) -> None:
    """Runs `generate`."""
    from keras_musicvae.datasets.files import make_folder

    # Before the seconds that the model takes to load.
    make_folder(args.out)
    start_keras(args)
    from keras_musicvae.models.music_vae import MusicVAE

    model = MusicVAE.from_preset(args.preset)
    grooves = model.sample(
        args.number, temperature=args.temperature, seed=args.seed, tempo=args.tempo
    )
    digits = max(2, len(str(args.number)))
    for index, groove in enumerate(grooves, start=1):
        path = args.out / f"groove_{index:0{digits}}.mid"
        groove.save(path)
        print(path)
    print(f"seed: {grooves.seed}")
