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
from collections.abc import Sequence
from functools import partial
from typing import Any

from keras_musicvae.backends.processes import Processes
from keras_musicvae.cli.launch import ADDED, launch
from keras_musicvae.cli.options import (
    add_backend,
    add_option,
    add_switch,
    name_or_path,
    path,
    show_log_messages,
    start_keras,
)
from keras_musicvae.errors import ConfigError
from keras_musicvae.rules import integer

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
    several = parser.add_argument_group(
        "several devices",
        "Each has a part of every batch; the result is that of one, up to rounding.",
    )
    option = partial(add_option, several)
    option(
        "--devices",
        "devices of this machine to train on, a process for each",
        integer(1),
        default=1,
        metavar="N",
    )
    option(
        "--processes",
        "instead, on several machines: how many processes train together; start the "
        "same command as often, each with its --rank",
        integer(2),
        metavar="N",
    )
    option(
        "--coordinator",
        "address of the process of rank 0; for TensorFlow the addresses of all, by "
        "rank, with commas between them",
        metavar="HOST:PORT",
    )
    option(
        "--rank",
        "which of the processes this one is, from 0; 0 writes the files",
        integer(0),
        metavar="I",
    )
    add_switch(parser, "--quiet", "no progress")


def run(args: argparse.Namespace) -> int | None:
    """Runs `train`."""
    launched = args.devices > 1 and args.processes
    if args.devices > 1 and not launched and not args.finish:
        return launch(args.arguments, args.devices)
    processes = _processes(args)
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
    arguments = args.arguments[: -ADDED if launched else None]
    arguments = [argument for argument in arguments if argument != "--finish"]
    preset = train(
        GrooveWindows.load(args.data),
        args.out,
        recipe,
        base=args.base,
        fills=args.fills and GrooveWindows.load(args.fills),
        command=command_line(arguments),
        finish=args.finish,
        processes=processes,
        verbose=not args.quiet,
    )
    if not processes or processes.rank == 0:
        print(f"preset: {preset}")
    return None


def _processes(args: argparse.Namespace) -> Processes | None:
    given = (args.processes, args.rank, args.coordinator)
    if given == (None, None, None):
        return None
    if None in given:
        raise ConfigError("--processes, --coordinator and --rank go together.")
    return Processes(*given)


def _assignments(texts: Sequence[str]) -> dict[str, Any]:
    """`NAME=VALUE` as names and values; a value that is no JSON is text."""
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
