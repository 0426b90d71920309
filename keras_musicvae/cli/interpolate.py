"""Makes grooves on the way from one MIDI file to another, or in the midst of four.

Two files give a row of grooves; four give a grid, whose corners they are:

  A . . . B        A . . . B
                   . . . . .
                   C . . . D

  keras-musicvae interpolate a.mid b.mid --steps 8 --out between
  keras-musicvae interpolate a.mid b.mid c.mid d.mid --steps 3 5 --out grid
"""

import argparse

from keras_musicvae.cli.music import (
    add_model,
    add_music,
    add_playing,
    open_model,
    read_music,
    write_grooves,
)
from keras_musicvae.cli.options import integer_from

HELP = "make grooves between two or four MIDI files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `interpolate`."""
    add_music(parser, "two or four MIDI files")
    parser.add_argument(
        "--steps",
        type=integer_from(2),
        nargs="+",
        default=[5],
        metavar="N",
        help="grooves of a row, its ends included; of a grid rows and columns, or one "
        "number for both (default: 5)",
    )
    add_model(parser)
    add_playing(parser, tempo="from that of the one to that of the other")


def run(args: argparse.Namespace) -> int:
    """Runs `interpolate`."""
    from keras_musicvae.errors import GrooveError

    model = open_model(args)
    music = read_music(args, model)
    if music.failures:
        # With a file missing, the others are no pair and no square.
        raise GrooveError("every file of an interpolation must be readable")
    grooves = model.interpolate(
        music.grooves,
        args.steps[0] if len(args.steps) == 1 else tuple(args.steps),
        temperature=args.temperature,
        seed=args.seed,
        tempo=args.tempo,
    )
    digits = max(2, len(str(len(grooves))))
    names = [f"step_{i:0{digits}}" for i in range(1, len(grooves) + 1)]
    if grooves.grid is not None:
        rows, columns = grooves.grid
        names = [
            f"row_{row:02}_column_{column:02}"
            for row in range(1, rows + 1)
            for column in range(1, columns + 1)
        ]
    return write_grooves(args, grooves, names, music.paths, music.failures)
