r"""Train a model on preprocessed windows.

The run ends with a preset folder. Interrupt it at any time: the same command goes on
after the last whole epoch.

  keras-musicvae train data/groove_4bar --out runs/first
  keras-musicvae train data/mine --out runs/mine --from groove_4bar
  keras-musicvae train data/groove_4bar --out runs/flat --epochs 10 \
      --set conductor_units=null
"""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from keras_musicvae.cli.options import (
    add_backend,
    add_option,
    add_switch,
    name_or_path,
    path,
    show_log_messages,
    start_keras,
)

# Fields of a recipe that have an option of their own.
RUN = {
    "task": "what the model is given of a groove: generate, the default (nothing), "
    "humanize (the hits), tap2drum, infill, continue...",
    "epochs": "passes over the training windows",
    "batch_size": "windows of a training step",
    "learning_rate": "the highest learning rate",
    "precision": "float32, or bfloat16 where the processor or GPU has it",
    "seed": "of the initial weights, the order of the windows and all noise",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `train`."""
    parser.add_argument("data", type=path, help="folder that `preprocess` wrote")
    option = partial(add_option, parser)
    option("--out", "folder of the run", path, required=True)
    option(
        "--recipe",
        "groove, the preset groove_4bar (the default); codec, the preset "
        "groove_4bar_codec; magenta, the original's groovae_4bar; or fine_tune, the "
        "default with --from",
    )
    option(
        "--from",
        "start from the weights of a preset: a name, folder or address",
        name_or_path,
        dest="base",
        metavar="PRESET",
    )
    option(
        "--fills",
        "windows of one bar (`preprocess --bars 1`), of which the fills take the place "
        "of the last bar of some windows",
        path,
        metavar="FOLDER",
    )
    for name, text in RUN.items():
        option(f"--{name.replace('_', '-')}", text, _value, metavar="VALUE")
    option(
        "--set",
        "change anything else of the recipe: schedule, augment, calibrate, "
        'conditions=["style","density"], or '
        "an argument of MusicVAE, such as beta=0.2 or encoder_units=[512]",
        metavar="NAME=VALUE",
        action="append",
    )
    add_switch(
        parser,
        "--finish",
        "train no further: make the preset of an interrupted run's best weights",
    )
    add_backend(parser)
    add_switch(parser, "--quiet", "no progress")


def run(args: argparse.Namespace) -> None:
    """Runs `train`."""
    show_log_messages(quiet=args.quiet)
    start_keras(args)
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.training.recipe import find_recipe
    from keras_musicvae.training.run import command_line, train

    recipe = find_recipe(args.recipe or ("fine_tune" if args.base else "groove"))
    given = {name: getattr(args, name) for name in RUN}
    given = {name: value for name, value in given.items() if value is not None}
    recipe = recipe.changed(**{**given, **_assignments(args.set or ())})
    # What a reader of the card should repeat is the training.
    arguments = [argument for argument in sys.argv[1:] if argument != "--finish"]
    preset = train(
        GrooveWindows.load(args.data),
        args.out,
        recipe,
        base=args.base,
        fills=args.fills and GrooveWindows.load(args.fills),
        command=command_line(arguments),
        finish=args.finish,
        verbose=not args.quiet,
    )
    print(f"preset: {preset}")


def _assignments(texts: Sequence[str]) -> dict[str, Any]:
    """`NAME=VALUE` as names and values; a value that is no JSON is text."""
    from keras_musicvae.errors import ConfigError

    values: dict[str, Any] = {}
    for assignment in texts:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set takes NAME=VALUE. Received: {assignment!r}")
        values[name] = _value(text)
    return values


def _value(text: str) -> Any:
    """JSON, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
