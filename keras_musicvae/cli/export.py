"""Write a preset for other runtimes: ONNX graphs, or the studio as a static page.

  keras-musicvae export web groove_4bar --out site
  keras-musicvae export onnx groove_4bar --out onnx

The page needs no server of its own: any static host will do, below any path. The
graphs need the extra `onnx`; graphs.json beside them says what they read and give.
"""

import argparse

from keras_musicvae.cli.options import (
    add_backend,
    add_option,
    name_or_path,
    open_model,
    path,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `export`."""
    parser.add_argument("format", choices=("onnx", "web"), help="what to write")
    parser.add_argument(
        "preset",
        type=name_or_path,
        metavar="PRESET",
        help="name, folder or address of a preset",
    )
    parser.add_argument(
        "--out", type=path, required=True, metavar="FOLDER", help="folder to write"
    )
    text = "how weights are stored (default: float16 for web, float32 for onnx)"
    add_option(parser, "--dtype", text, ["float16", "float32"])
    add_backend(parser)


def run(args: argparse.Namespace) -> None:
    """Runs `export`."""
    model = open_model(args)
    options = {"dtype": args.dtype} if args.dtype else {}
    if args.format == "onnx":
        written = model.export_onnx(args.out, **options)
    else:
        from keras_musicvae.export.web import export_web

        written = export_web(model, args.out, **options)
    for file in written:
        print(file)
