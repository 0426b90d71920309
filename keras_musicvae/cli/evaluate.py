"""Measure models and compare them.

The windows are of a split that they were not trained on.

    keras-musicvae evaluate groove_4bar --data data/groove_4bar --out results
    keras-musicvae evaluate groove_4bar runs/x/preset --data data/groove_4bar --out both

Reconstruction from the latent (free-running and teacher-forced), samples of the prior
against real grooves, the latent space; per drum and per style; several models side by
side, with intervals. Writes evaluation.json, evaluation.md and pictures
to the folder. Takes about a minute a model on two cores.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import PurePath

from keras_musicvae.cli.options import (
    add_backend,
    integer_from,
    name_or_path,
    number_from,
    path,
    start_keras,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    parser.add_argument(
        "models",
        nargs="+",
        type=name_or_path,
        metavar="PRESET_OR_FOLDER",
        help="name of a preset, or a preset folder; the first is the one that the "
        "others are compared with",
    )
    parser.add_argument(
        "--data",
        required=True,
        type=path,
        metavar="DIR",
        help="preprocessed dataset, see `preprocess`",
    )
    parser.add_argument(
        "--out", required=True, type=path, metavar="DIR", help="folder to write"
    )
    parser.add_argument(
        "--split",
        choices=("test", "validation", "train"),
        default="test",
        help="which windows to measure on (default: test)",
    )
    parser.add_argument(
        "--samples",
        type=integer_from(2),
        default=1000,
        help="samples of the prior (default: 1000)",
    )
    parser.add_argument(
        "--temperature",
        type=number_from(0),
        default=1.0,
        help="of these samples (default: 1)",
    )
    parser.add_argument(
        "--seed",
        type=integer_from(0),
        default=0,
        help="of samples, pairs and intervals (default: 0)",
    )
    parser.add_argument(
        "--repeats",
        type=integer_from(1),
        default=1000,
        help="resamples for the intervals (default: 1000)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, no table")
    add_backend(parser)


def run(args: argparse.Namespace) -> None:
    """Evaluates; prints the Markdown table."""
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.files import make_folder

    # What can fail at once fails before the seconds that Keras takes to load.
    dataset = GrooveWindows.load(args.data)
    make_folder(args.out)
    start_keras(args)
    from keras_musicvae.evaluation.evaluate import evaluate_model
    from keras_musicvae.evaluation.report import write_report
    from keras_musicvae.evaluation.tables import as_markdown
    from keras_musicvae.models.music_vae import MusicVAE

    windows = dataset.canonical(args.split)
    models = [MusicVAE.from_preset(name) for name in args.models]
    training = dataset.split("train")
    evaluations = [
        evaluate_model(
            model,
            windows,
            # Against itself the training set would seem copied.
            training=training if args.split != "train" and len(training) else None,
            name=name,
            samples=args.samples,
            temperature=args.temperature,
            seed=args.seed,
            repeats=args.repeats,
            verbose=not args.quiet,
        )
        for model, name in zip(models, column_names(args.models), strict=True)
    ]
    paths = write_report(args.out, evaluations)
    if not args.quiet:
        sys.stdout.write(as_markdown(evaluations))
        written = ", ".join(path.name for path in paths)
        sys.stderr.write(f"written to {args.out}: {written}\n")


def column_names(models: Sequence[str]) -> list[str]:
    """Short names that differ: as many last parts of each path as it takes.

    A last part that says nothing (`preset`) is left out.

    Example:
        >>> column_names(["groove_4bar", "runs/flat/preset"])
        ['groove_4bar', 'flat']
    """
    paths = [PurePath(model.rstrip("/")).parts or (model,) for model in models]
    paths = [
        path[:-1] if path[-1] == "preset" and len(path) > 1 else path for path in paths
    ]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(path[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{number}: {name}" for number, name in enumerate(names, start=1)]
