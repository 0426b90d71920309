"""Files out: grooves or latents, and a JSON record of what made them."""

import argparse
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_musicvae.cli.latents import SUFFIX, write_latents
from keras_musicvae.cli.messages import one_line, warn
from keras_musicvae.cli.music import Music
from keras_musicvae.cli.options import add_option, add_switch
from keras_musicvae.cli.options import path as path_type
from keras_musicvae.cli.record import write_record
from keras_musicvae.errors import MusicVAEError, OutputError
from keras_musicvae.names import file_names as safe_names

if TYPE_CHECKING:
    from keras_musicvae.models.results import Grooves


def add_output(parser: argparse.ArgumentParser, *, grooves: bool) -> None:
    """Adds `--out`, and for grooves `--wav` and `--png`."""
    if grooves:
        add_option(
            parser, "--out", "folder to write", path_type, "samples", metavar="DIR"
        )
        add_switch(parser, "--wav", "write the sound too")
        add_switch(parser, "--png", "write pictures too")
    else:
        default, what = f"latents{SUFFIX}", f"file to write, {SUFFIX}"
        add_option(parser, "--out", what, path_type, default, metavar="FILE")


def check_output(args: argparse.Namespace) -> None:
    """Tries whether files can be written, without leaving anything.

    Raises:
        OutputError: They cannot, or `--out` names the wrong kind of file.
    """
    folder = args.out
    if not hasattr(args, "wav"):
        folder = args.out.parent
        if args.out.suffix != SUFFIX or args.out.is_dir():
            raise OutputError(f"--out must be a {SUFFIX} file. Received: {args.out}")
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not existing.is_dir():
        raise OutputError(f"Cannot write into {folder}: {existing} is not a folder.")
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OutputError(
            f"Cannot write into {folder}: {error.strerror or error} ({existing}). "
            "Choose another folder with --out."
        ) from None


def write_results(
    args: argparse.Namespace,
    results: Any,
    music: Music,
    pattern: str,
) -> int:
    """Writes what a verb gave and the record, and prints what was written.

    Args:
        args: The options.
        results: `Grooves` or `Latents`.
        music: What the verb was given.
        pattern: The names of grooves, see `Verb.names`; empty for latents.

    Returns:
        The exit code: 1 if a file could not be read or written, else 0.

    Raises:
        OutputError: A file cannot be written, or is an input and would be replaced.
    """
    from keras_musicvae.files import make_folder, sha256_of

    if pattern:
        record = args.out / f"{args.command}.json"
        make_folder(args.out)
        files = list(_write_grooves(args, results, music, pattern))
    else:
        record = args.out.with_suffix(".json")
        make_folder(args.out.parent)
        write_latents(args.out, results, music.sources)
        files = [args.out]
    sums = [{"file": path.name, "sha256": sha256_of(path)} for path in files]
    write_record(record, args, results.seed, music, sums)
    if not args.quiet:
        print(*files, record, sep="\n")
        if results.seed is not None:
            print(f"seed: {results.seed}")
    return 1 if music.failures else 0


def _write_grooves(
    args: argparse.Namespace, grooves: "Grooves", music: Music, pattern: str
) -> Iterator[Path]:
    """Writes grooves; yields the files. Nothing is written if that replaces inputs."""
    inputs = {Path(entry["file"]).resolve() for entry in music.inputs}
    names = [args.out / name for name in file_names(pattern, grooves, music.names)]
    for name in names:
        path = name.with_name(f"{name.name}.mid")
        if path.resolve() in inputs:
            raise OutputError(
                f"{path} is an input and would be replaced. Choose another folder "
                "with --out."
            )
    suffixes = ["mid", *(suffix for suffix in ("wav", "png") if getattr(args, suffix))]
    for name, groove in zip(names, grooves, strict=True):
        for suffix in suffixes:
            path = name.with_name(f"{name.name}.{suffix}")
            options = {"drum_map": args.drum_map} if suffix == "mid" else {}
            try:
                groove.save(path, **options)
            except OutputError:
                raise
            except MusicVAEError as error:
                music.failures[str(path)] = one_line(error, args)
                warn(f"{path}: {error}; skipped")
            else:
                yield path


def file_names(pattern: str, grooves: "Grooves", inputs: list[str]) -> list[str]:
    """A name for each groove, without suffix.

    Args:
        pattern: As `Verb.names`.
        grooves: As many for each input, one input after the other.
        inputs: The names of the inputs.
    """
    if grooves.grid is not None:
        cells = product(*(range(1, length + 1) for length in grooves.grid))
        return [f"row_{row:02}_column_{column:02}" for row, column in cells]
    if pattern == "{name}":
        return safe_names(groove.name for groove in grooves)
    inputs = inputs if "{input}" in pattern else [""]
    each = len(grooves) // len(inputs)
    digits = max(2, len(str(each)))
    return [
        pattern.format(input=name, i=f"{i:0{digits}}")
        for name in inputs
        for i in range(1, each + 1)
    ]
