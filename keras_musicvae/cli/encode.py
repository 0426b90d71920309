"""Encodes MIDI files and writes their latents to a NumPy file.

The .npz file holds `z` and `z_stddev` (windows, latent_dim) and, for each row, the
`source`, `start_bar` and `tempo` of its window. `decode` reads it. A .json file beside
it records what it was made with.

  keras-musicvae encode 'beats/*.mid' --out latents.npz
"""

import argparse
from pathlib import Path

from keras_musicvae.cli.latents import LATENTS_SUFFIX, write_latents
from keras_musicvae.cli.music import (
    add_model,
    add_music,
    open_model,
    read_music,
    report_nothing,
)
from keras_musicvae.cli.options import integer_from
from keras_musicvae.cli.record import write_record

HELP = "write the latents of MIDI files to a .npz file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `encode`."""
    add_music(parser, "what to encode")
    parser.add_argument(
        "--sample",
        action="store_true",
        help="draw z from the posterior (default: its mean)",
    )
    parser.add_argument(
        "--seed", type=integer_from(0), help="of --sample (default: a new one)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("latents.npz"),
        metavar="FILE",
        help="file to write, .npz (default: latents.npz)",
    )
    add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Runs `encode`."""
    from keras_musicvae.errors import OutputError
    from keras_musicvae.files import sha256_of

    if args.out.suffix != LATENTS_SUFFIX or args.out.is_dir():
        raise OutputError(f"--out must be a {LATENTS_SUFFIX} file, not {args.out}")
    model = open_model(args, out=args.out.parent)
    music = read_music(args, model)
    if not music.grooves:
        return report_nothing(music)
    latents = model.encode(music.grooves, sample=args.sample, seed=args.seed)
    write_latents(args.out, latents, [str(path) for path in music.paths])
    print(args.out)
    files = [{"file": args.out.name, "sha256": sha256_of(args.out)}]
    record = args.out.with_suffix(".json")
    write_record(record, args, latents.seed, music.paths, files, music.failures)
    if latents.seed is not None:
        print(f"seed: {latents.seed}")
    return 1 if music.failures else 0
