r"""Train a model on preprocessed windows.

The run ends with a preset folder.

Interrupt it at any time: the same command goes on after the last whole epoch.

  keras-musicvae train data/groove_4bar --out runs/first
  keras-musicvae train data/groove_4bar --out runs/second --like groove_4bar \
      --learning-rate 0.002 --augment --calibrate
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from keras_musicvae.cli.options import (
    add_backend,
    integer_from,
    number_from,
    show_log_messages,
    start_keras,
)

# The model's own default is none, which learns a small dataset by heart.
DROPOUT = 0.3
# Of a preset, what the data or the run decide.
NOT_ALIKE = (
    *("name", "trainable", "dtype", "preprocessor", "seed", "hit_threshold"),
    *("num_bars", "steps_per_bar"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `train`."""
    parser.add_argument("data", type=Path, help="folder that `preprocess` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--epochs", type=integer_from(1), default=30)
    parser.add_argument("--batch-size", type=integer_from(1), default=64)
    parser.add_argument("--learning-rate", type=number_from(0), default=1e-3)
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="bfloat16 pays where the processor has it (default: float32)",
    )
    parser.add_argument("--seed", type=integer_from(0), default=0)
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="choose the threshold of deterministic hits on the validation windows",
    )
    parser.add_argument(
        "--augment",
        action="store_true",
        help="vary dynamics, feel and first bar of the training windows",
    )
    parser.add_argument(
        "--ema",
        type=number_from(0),
        default=0.0,
        metavar="MOMENTUM",
        help="keep a moving average of the weights, such as 0.999 (default: none)",
    )
    model = parser.add_argument_group("model (defaults in brackets)")
    model.add_argument(
        "--like",
        metavar="PRESET",
        help="the architecture and the objective of a preset, which the options below "
        "change; its weights are not used",
    )
    model.add_argument("--flat", action="store_true", help="no conductor")
    model.add_argument("--latent-dim", type=integer_from(1), help="[256]")
    model.add_argument("--dropout", type=number_from(0), help=f"[{DROPOUT}]")
    model.add_argument("--free-bits", type=number_from(0), help="[48]")
    model.add_argument("--beta", type=number_from(0), help="[0.2]")
    model.add_argument(
        "--set",
        metavar="NAME=JSON",
        action="append",
        default=[],
        help="any other argument of MusicVAE, such as --set encoder_units=[512]",
    )
    parser.add_argument(
        "--finish",
        action="store_true",
        help="train no further: make the preset of an interrupted run's best weights",
    )
    add_backend(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> None:
    """Runs `train`."""
    show_log_messages(quiet=args.quiet)
    start_keras(args)
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.training.run import TrainingSettings, command_line, train

    settings = TrainingSettings(
        epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        precision=args.precision,
        seed=args.seed,
        calibrate=args.calibrate,
        augment=args.augment,
        ema=args.ema,
        model=_model_arguments(args),
    )
    windows = GrooveWindows.load(args.data)
    # What a reader of the card should repeat is the training.
    arguments = [argument for argument in sys.argv[1:] if argument != "--finish"]
    # A terminal gets progress bars, a log file one line per epoch.
    verbose = 0 if args.quiet else 1 if sys.stdout.isatty() else 2
    preset = train(
        windows,
        args.out,
        settings,
        command=command_line(arguments),
        finish=args.finish,
        verbose=verbose,
    )
    print(f"preset: {preset}")


def _model_arguments(args: argparse.Namespace) -> dict[str, Any]:
    from keras_musicvae.errors import ConfigError

    arguments: dict[str, Any] = {"dropout": DROPOUT}
    if args.like:
        arguments = _arguments_of(args.like)
    for name in ("latent_dim", "dropout", "free_bits", "beta"):
        if getattr(args, name) is not None:
            arguments[name] = getattr(args, name)
    if args.flat:
        arguments["conductor_units"] = None
    for assignment in args.set:
        name, equals, text = assignment.partition("=")
        try:
            arguments[name] = json.loads(text)
        except ValueError:
            arguments[name] = text
        if not equals or name in ("preprocessor", "dtype", "seed"):
            raise ConfigError(
                "--set takes NAME=JSON, where NAME is an argument of MusicVAE. "
                f"Received: {assignment!r}"
            )
    return arguments


def _arguments_of(preset: str) -> dict[str, Any]:
    from keras_musicvae.models.music_vae import MusicVAE

    config = MusicVAE.from_preset(preset, load_weights=False).get_config()
    return {name: value for name, value in config.items() if name not in NOT_ALIKE}
