"""Turn MIDI files into windows to train on.

Without SOURCE the Groove MIDI Dataset is downloaded (3.3 MB, cached under KERAS_HOME)
and its official splits are used. With a folder, a zip or a MIDI file, those files
are read; each goes to train, validation or test by a hash of its contents.

A run that was interrupted goes on where it stopped when the same command is given
again; until then its work lies in .DIR.partial beside DIR. Files that cannot be used
are listed in DIR/rejected.csv with the reason.
"""

import argparse
import re
import sys
from functools import partial

from keras_musicvae.cli.music import add_reading, reading_options
from keras_musicvae.cli.options import add_option, add_switch, name_or_path, path
from keras_musicvae.rules import integer, number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    parser.add_argument(
        "source",
        nargs="?",
        type=path,
        metavar="SOURCE",
        help="folder, zip or MIDI file (default: download the Groove MIDI Dataset)",
    )
    add_option(parser, "--out", "folder to write", path, required=True, metavar="DIR")
    option = partial(add_option, parser.add_argument_group("windows"))
    option("--bars", "bars of a window", int, 4)
    option("--hop", "bars from window to window", int, 1)
    option(
        "--short",
        "files of fewer bars than a window: report them, add silence, or repeat them",
        ["skip", "pad", "loop"],
        "skip",
    )
    option(
        "--steps-per-quarter",
        "grid; 4 is a step per 16th note, 6, 8, 12 keep more flams and triplets",
        int,
        4,
        metavar="N",
    )
    option(
        "--time-signature",
        "cut windows from files in this time signature only (default: 4/4)",
        _time_signature,
        (4, 4),
        metavar="N/D",
    )
    option(
        "--tail",
        "bars after the last window, if --hop is more than 1: count them, or add a "
        "window that ends with the file",
        ["skip", "keep"],
        "skip",
    )
    option(
        "--silent",
        "windows without a hit: count them, or keep them",
        ["skip", "keep"],
        "skip",
    )
    add_switch(parser, "--dedup", "keep only one of equal windows")
    option = partial(add_option, add_reading(parser))
    option(
        "--drum-map",
        "a name, or a JSON file: which pitch is which drum (default: roland_td11, or "
        "the map of the kit that clearly played a file)",
        name_or_path,
        metavar="MAP",
    )
    option(
        "--unknown-pitch",
        "pitches that the map lacks: skip (they are counted), error, a drum for all "
        "of them, or like 39=snare,54=closed_hihat",
        _unknown_pitch,
        "skip",
        metavar="WHAT",
    )
    option = partial(add_option, parser.add_argument_group("splits"))
    option(
        "--split",
        "shares of train, validation, test (default: 0.8,0.1,0.1); the Groove MIDI "
        "Dataset keeps its own",
        _fractions,
        (0.8, 0.1, 0.1),
        metavar="T,V,T",
    )
    option("--seed", "another seed gives another division", int, 0)
    running = parser.add_argument_group("running")
    option = partial(add_option, running)
    option("--jobs", "processes (default: all cores)", integer(1), metavar="N")
    option(
        "--engine",
        "processes of this machine, or a Ray cluster whose nodes all read SOURCE under "
        "this path; the dataset is the same",
        ["local", "ray"],
        "local",
    )
    option(
        "--address",
        "of the Ray cluster, such as auto (default: Ray starts on this machine)",
    )
    option(
        "--time-limit",
        "seconds of processor time per file",
        number(0.1),
        30.0,
        metavar="S",
    )
    option("--memory-limit", "memory per process", integer(1), 1024, metavar="MB")
    add_switch(running, "--overwrite", "replace another dataset that DIR holds")
    add_switch(running, "--quiet", "no progress and no summary")
    add_option(parser, "--url", "mirror to download the Groove MIDI Dataset from")


def run(args: argparse.Namespace) -> None:
    """Preprocesses; prints a summary."""
    from keras_musicvae.datasets import groove_midi
    from keras_musicvae.datasets.folder import WindowConfig, preprocess
    from keras_musicvae.datasets.summary import summary
    from keras_musicvae.datasets.unfinished import check_output
    from keras_musicvae.grooves.converter import GrooveConverter

    # Before the download: a typo must not cost one.
    converter = GrooveConverter(
        args.bars,
        steps_per_quarter=args.steps_per_quarter,
        time_signature=args.time_signature,
        drum_map=args.drum_map or "roland_td11",
    )
    config = WindowConfig(
        converter=converter,
        any_kit=False if args.drum_map else None,
        unknown_pitch=args.unknown_pitch,
        hop_bars=args.hop,
        short=args.short,
        tail=args.tail,
        silent=args.silent,
        **reading_options(args),
    )
    check_output(args.out)
    source = args.source
    if source is None:
        source = groove_midi.download(url=args.url, verbose=not args.quiet)
    else:
        groove_midi.check_zip(source)
    windows = preprocess(
        source,
        args.out,
        config,
        dedup=args.dedup,
        fractions=args.split,
        seed=args.seed,
        jobs=args.jobs,
        engine=args.engine,
        address=args.address,
        seconds=args.time_limit,
        memory=args.memory_limit << 20,
        overwrite=args.overwrite,
        verbose=not args.quiet,
    )
    if not args.quiet:
        sys.stdout.write("\n".join(summary(windows.info)) + f"\nfolder    {args.out}\n")


def _time_signature(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text)
    if not match:
        raise argparse.ArgumentTypeError(f"a time signature is like 4/4, not {text!r}")
    return int(match[1]), int(match[2])


def _fractions(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(share) for share in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"three numbers like 0.8,0.1,0.1, not {text!r}"
        ) from None


def _unknown_pitch(text: str) -> str | dict[int, str]:
    if "=" not in text:
        return text
    pairs = dict(part.partition("=")[::2] for part in text.split(","))
    if not all(pitch.strip().isdecimal() for pitch in pairs):
        raise argparse.ArgumentTypeError(f"pairs like 39=snare, not {text!r}")
    return {int(pitch): drum.strip() for pitch, drum in pairs.items()}
