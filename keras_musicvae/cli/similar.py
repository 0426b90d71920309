"""Makes variations of MIDI files: grooves from latents near theirs.

keras-musicvae similar beat.mid --num-samples 4 --similarity 0.9 --out variations
"""

import argparse

from keras_musicvae.cli.music import (
    add_model,
    add_music,
    add_playing,
    open_model,
    read_music,
    report_nothing,
    write_grooves,
)
from keras_musicvae.cli.options import integer_from, number_from

HELP = "make variations of MIDI files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `similar`."""
    add_music(parser, "what to vary")
    parser.add_argument(
        "--num-samples",
        type=integer_from(1),
        default=1,
        help="how many variations of each file (default: 1)",
    )
    parser.add_argument(
        "--similarity",
        type=number_from(0, 1),
        default=0.8,
        help="from 0, unrelated, to 1, the groove itself (default: 0.8)",
    )
    add_model(parser)
    add_playing(parser)


def run(args: argparse.Namespace) -> int:
    """Runs `similar`."""
    model = open_model(args)
    music = read_music(args, model)
    if not music.grooves:
        return report_nothing(music)
    grooves = model.similar(
        music.grooves,
        args.num_samples,
        args.similarity,
        temperature=args.temperature,
        seed=args.seed,
        tempo=args.tempo,
    )
    digits = max(2, len(str(args.num_samples)))
    names = [
        f"{name}_similar_{i:0{digits}}"
        for name in music.names
        for i in range(1, args.num_samples + 1)
    ]
    return write_grooves(args, grooves, names, music.paths, music.failures)
