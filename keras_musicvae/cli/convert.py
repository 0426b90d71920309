"""Convert a checkpoint of Magenta's GrooVAE models into a preset.

SOURCE is a file or folder of this machine (model.ckpt-1000, a training folder, a .tar
or .tgz, a Magenta.js folder), its https:// address, or the name of a checkpoint that
Magenta released:

  keras-musicvae convert groovae_4bar presets/groovae_4bar
  keras-musicvae convert run/model.ckpt-1000 presets/mine --bars 2 --task humanize

TensorFlow is not needed. The table shows where each variable went; what training left
beside the weights is ignored, and any other variable that is unknown is refused.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_musicvae.cli.options import (
    add_backend,
    add_option,
    add_switch,
    name_or_path,
    path,
    show_log_messages,
    start_keras,
)
from keras_musicvae.errors import plain
from keras_musicvae.grooves.tasks import TASKS
from keras_musicvae.rules import integer

if TYPE_CHECKING:
    from keras_musicvae.magenta.checkpoint import MagentaCheckpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `convert`."""
    positional = parser.add_argument
    positional(
        "source", type=name_or_path, metavar="SOURCE", help="path, address or name"
    )
    positional("folder", type=path, metavar="PRESET_FOLDER", help="the preset to write")
    add_option(
        parser,
        "--bars",
        "bars of a window, where neither the name nor config.json says so",
        integer(1),
        metavar="N",
    )
    add_option(
        parser,
        "--task",
        "what the model is given, where neither the name nor config.json says so",
        list(TASKS),
    )
    add_option(
        parser,
        "--drum-map",
        "the kit of the model's music: magenta, as the original reads and writes (the "
        "default), roland_td11, the classes that it was trained on, another map or a "
        "JSON file",
        default="magenta",
        metavar="MAP",
    )
    add_switch(parser, "--quiet", "print no table")
    add_backend(parser)


def run(args: argparse.Namespace) -> None:
    """Runs `convert`."""
    from keras_musicvae.magenta.load import build_model, open_magenta

    if not args.quiet:
        show_log_messages()
    # All that can be wrong with the source is found before Keras is imported.
    checkpoint = open_magenta(args.source, verbose=not args.quiet)
    start_keras(args)
    from keras_musicvae.models.music_vae import MusicVAE

    model = build_model(
        MusicVAE,
        checkpoint,
        num_bars=args.bars,
        task=args.task,
        drum_map=args.drum_map,
    )
    if not args.quiet:
        print(_table(checkpoint))
    model.save_to_preset(args.folder, **_about(checkpoint))
    _verify(MusicVAE.from_preset(args.folder), checkpoint, args.folder)
    converter = model.preprocessor
    if not args.quiet and converter is not None:
        print(
            f"{model.count_params():,} parameters, {model.num_bars} bars, task: "
            f"{converter.task.name}; the preset was loaded "
            "again and has the checkpoint's weights"
        )
    print(args.folder)


def _table(checkpoint: "MagentaCheckpoint") -> str:
    """Every variable of the checkpoint, its shape, and the layer it went to."""
    from keras_musicvae.magenta.discovery import summarize

    places = {
        variable: layer.path
        for layer in checkpoint.architecture.layers
        for variable in layer.variables
    }
    rows = [("VARIABLE", "SHAPE", "LAYER")]
    rows += [
        (plain(name), _shape(checkpoint.weights[name].shape), place)
        for name, place in places.items()
    ]
    rows += [(plain(text), "", "ignored") for text in summarize(checkpoint.ignored)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(
        f"{name.ljust(widths[0])}  {shape.rjust(widths[1])}  {place}"
        for name, shape, place in rows
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def _about(checkpoint: "MagentaCheckpoint") -> dict[str, Any]:
    """What the model card says of the checkpoint."""
    from keras_musicvae.magenta.released import DATASET, LICENSE, RELEASED

    training: dict[str, Any] = {"converted from": Path(checkpoint.label).name}
    if checkpoint.step is not None:
        training["steps"] = checkpoint.step
    if checkpoint.released is None:
        return {"training": training}
    released = RELEASED[checkpoint.released]
    return {
        "description": f"Magenta's {checkpoint.released}: {released.purpose}.",
        "license": LICENSE,
        "training": {**training, "dataset": DATASET, "source": released.address},
    }


def _verify(loaded: Any, checkpoint: "MagentaCheckpoint", folder: Path) -> None:
    """Compares the weights of the preset, loaded again, with the checkpoint's."""
    import numpy as np

    from keras_musicvae.errors import OutputError
    from keras_musicvae.magenta.layout import export_magenta_variables

    for name, array in export_magenta_variables(loaded).items():
        # Equal but for the forget gate's bias, to which 1 was added and taken away.
        if not np.allclose(array, checkpoint.weights[name], rtol=1e-6, atol=1e-6):
            raise OutputError(
                f"{folder}: the preset, loaded again, has other values in {name!r} "
                "than the checkpoint."
            )
