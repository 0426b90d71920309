"""List the presets, or verify their files.

    keras-musicvae presets                      names, bars, size, purpose, licence
    keras-musicvae presets verify               all the packaged presets
    keras-musicvae presets verify groove_4bar   one of them
    keras-musicvae presets verify runs/x/preset a folder

A preset is verified by the SHA-256 of each file: built-in ones against the list that
comes with this package, others against their own metadata.json.
"""

import argparse
import json
import sys
from typing import Any

from keras_musicvae.cli.messages import warn
from keras_musicvae.cli.options import add_switch, name_or_path
from keras_musicvae.presets import registry
from keras_musicvae.presets.folder import PresetFolder
from keras_musicvae.presets.sources import find_preset
from keras_musicvae.presets.verification import verify

_COLUMNS = ("NAME", "BARS", "PARAMETERS", "SIZE", "LICENCE", "FOR")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    add_switch(parser, "--json", "list as JSON")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    check = actions.add_parser("verify", help="compare the SHA-256 of every file")
    check.add_argument(
        "presets",
        nargs="*",
        type=name_or_path,
        metavar="NAME_OR_FOLDER",
        help="presets to verify; default: all the packaged ones",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command; imports neither Keras nor a backend."""
    if args.action == "verify":
        return _verify(args.presets)
    presets = registry.presets()
    if args.json:
        print(json.dumps(presets, indent=2))
    else:
        print(_table(presets))
    return 0


def _verify(names: list[str]) -> int:
    """Prints one line per file; returns 1 if one of them is wrong."""
    failures = 0
    folders = [find_preset(name) for name in names] or _packaged()
    for folder in folders:
        for name, problem in verify(folder):
            print(f"{folder.label}: {name}: {'FAILED' if problem else 'OK'}")
            if problem is not None:
                failures += 1
                warn(str(problem))
    if failures:
        files = "1 file" if failures == 1 else f"{failures} files"
        print(f"keras-musicvae: error: {files} failed", file=sys.stderr)
    return 1 if failures else 0


def _packaged() -> list[PresetFolder]:
    folders = [registry.packaged_folder(name) for name in registry.presets()]
    return [folder for folder in folders if folder is not None]


def _table(presets: dict[str, dict[str, Any]]) -> str:
    rows = [_COLUMNS]
    for name, entry in presets.items():
        about = entry["metadata"]
        rows.append(
            (
                name,
                str(about["bars"]),
                f"{about['params']:,}",
                f"{about['size'] / 1e6:.1f} MB",
                about["license"],
                about["purpose"],
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = []
    for row in rows:
        cells = [
            # Numbers to the right.
            cell.rjust(width) if 0 < column < 4 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
