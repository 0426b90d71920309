"""Builds what a maintainer publishes: a preset's folder, its hashes, its card.

    python tools/build_preset.py runs/first/preset groove_4bar --packaged \
        --description "..." --purpose "..." --license Apache-2.0

SOURCE is any preset: it is loaded and checked as a user's would be, saved anew under
its public name, verified, and entered into `presets/registry.json` with the SHA-256 of
each file. With `--packaged` the folder becomes part of the package; with `--handle
hf://org/name` it is written to `--out` for an upload and the registry remembers where
users will find it. With neither, only the folder is written and the entry printed.
The same source gives the same bytes: the date is the source's.
"""

import argparse
import calendar
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_musicvae.errors import MusicVAEError
from keras_musicvae.evaluation.report import headline_figures
from keras_musicvae.files import replacing
from keras_musicvae.presets.folder import PRESET_FILES, PresetFolder
from keras_musicvae.presets.registry import PACKAGED_PRESETS, REGISTRY_FILE
from keras_musicvae.presets.sources import find_preset
from keras_musicvae.presets.verification import verify


def build(
    source: str | Path,
    name: str,
    folder: Path,
    *,
    description: str,
    purpose: str,
    license: str,
    handle: str | None = None,
    evaluation: Path | None = None,
) -> dict[str, Any]:
    """Writes the preset `name` to `folder` and returns its entry for the registry.

    With `evaluation`, the JSON of `keras-musicvae evaluate NAME` on the test split, its
    figures are added to the card.
    """
    from keras_musicvae.models.music_vae import MusicVAE
    from keras_musicvae.presets.preset_io import load_preset, save_preset

    about = find_preset(source).metadata
    _take_date_of(about)
    model = load_preset(MusicVAE, source)
    # The source under another name: not made from it, but from what it was made from.
    model.parents = tuple(about.get("parents") or ())
    save_preset(
        model,
        folder,
        name=name,
        description=description,
        training=about.get("training"),
        evaluation={**_of_training(about), **_figures(evaluation, name)},
        license=license,
    )
    built = PresetFolder(folder, label=name)
    for problem in filter(None, dict(verify(built)).values()):
        raise problem
    files = [folder / file for file in PRESET_FILES if (folder / file).exists()]
    entry: dict[str, Any] = {
        "metadata": {
            "description": description,
            "params": model.count_params(),
            "path": "music_vae",
            "bars": model.num_bars,
            "purpose": purpose,
            "license": license,
            "size": sum(path.stat().st_size for path in files),
        },
        "sha256": {path.name: built.sha256(path.name) for path in files},
    }
    if handle:
        entry["handle"] = handle
    return entry


def _of_training(about: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that training left in the metadata, without those of a card."""
    figures = about.get("evaluation") or {}
    return {k: v for k, v in figures.items() if not k.startswith(("test,", "test:"))}


def _figures(evaluation: Path | None, name: str) -> dict[str, str]:
    """The headline of the preset's samples at each temperature, and of its model."""
    if evaluation is None:
        return {}
    return headline_figures(json.loads(evaluation.read_text(encoding="utf-8")), name)


def register(name: str, entry: dict[str, Any]) -> None:
    """Enters a preset into the registry, or replaces its entry."""
    presets = json.loads(REGISTRY_FILE.read_text(encoding="utf-8"))
    presets[name] = entry
    text = json.dumps(dict(sorted(presets.items())), indent=2)
    with replacing(REGISTRY_FILE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="a preset: folder, name or address")
    parser.add_argument("name", help="the public name, such as groove_4bar")
    parser.add_argument("--description", required=True, help="one sentence")
    parser.add_argument("--purpose", required=True, help="a few words: what it is for")
    parser.add_argument("--license", required=True, help="SPDX identifier")
    parser.add_argument("--packaged", action="store_true", help="put into the package")
    parser.add_argument("--handle", help="where users will fetch it: hf://org/name")
    parser.add_argument(
        "--evaluation", type=Path, help="evaluation.json, for the model card"
    )
    parser.add_argument("--out", type=Path, default=Path("dist/presets"))
    args = parser.parse_args(arguments)
    if args.packaged and args.handle:
        parser.error("a preset is either --packaged or has a --handle")
    folder = (PACKAGED_PRESETS if args.packaged else args.out) / args.name
    try:
        entry = build(
            args.source,
            args.name,
            folder,
            description=args.description,
            purpose=args.purpose,
            license=args.license,
            handle=args.handle,
            evaluation=args.evaluation,
        )
    except MusicVAEError as error:
        print(f"build_preset: error: {error}", file=sys.stderr)
        return 1
    if args.packaged or args.handle:
        register(args.name, entry)
    print(json.dumps({args.name: entry}, indent=2))
    print(_next_step(args.handle, folder), file=sys.stderr)
    return 0


def _next_step(handle: str | None, folder: Path) -> str:
    if handle and handle.startswith("hf://"):
        return f"Upload: hf upload {handle.removeprefix('hf://')} {folder} ."
    if handle and handle.startswith("kaggle://"):
        model = handle.removeprefix("kaggle://").rpartition("/")[0]
        return (
            'Upload: python -c "import kagglehub; kagglehub.model_upload('
            f"'{model}', '{folder}')\""
        )
    return f"Written: {folder}"


def _take_date_of(metadata: dict[str, Any]) -> None:
    """A rebuilt preset keeps the date of its source, so that its bytes stay."""
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return
    try:
        date = time.strptime(str(metadata.get("date_saved")), "%Y-%m-%d@%H:%M:%S")
    except ValueError:
        return
    os.environ["SOURCE_DATE_EPOCH"] = str(calendar.timegm(date))


if __name__ == "__main__":
    sys.exit(main())
