"""Files out: grooves or latents, and a JSON record of what made them."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from keras_musicvae.cli.latents import SUFFIX, write_latents
from keras_musicvae.cli.messages import one_line, warn
from keras_musicvae.cli.music import Music
from keras_musicvae.cli.options import path as path_type
from keras_musicvae.cli.record import write_record
from keras_musicvae.errors import MusicVAEError, OutputError

if TYPE_CHECKING:
    from keras_musicvae.models.results import Grooves, Latents


def add_output(parser: argparse.ArgumentParser, *, grooves: bool) -> None:
    """Adds `--out`, and for grooves `--wav` and `--png`."""
    if not grooves:
        parser.add_argument(
            "--out",
            type=path_type,
            default=Path("latents.npz"),
            metavar="FILE",
            help=f"file to write, {SUFFIX} (default: latents.npz)",
        )
        return
    parser.add_argument(
        "--out",
        type=path_type,
        default=Path("samples"),
        metavar="DIR",
        help="folder to write (default: samples)",
    )
    parser.add_argument("--wav", action="store_true", help="write the sound too")
    parser.add_argument("--png", action="store_true", help="write pictures too")


def check_output(args: argparse.Namespace) -> None:
    """Tries whether files can be written, without leaving anything.

    Raises:
        OutputError: They cannot, or `--out` names the wrong kind of file.
    """
    folder = args.out
    if not hasattr(args, "wav"):
        if args.out.suffix != SUFFIX or args.out.is_dir():
            raise OutputError(f"--out must be a {SUFFIX} file. Received: {args.out}")
        folder = args.out.parent
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


def write_grooves(
    args: argparse.Namespace, grooves: "Grooves", music: Music, pattern: str
) -> int:
    """Writes grooves and the record, and prints what was written.

    Args:
        args: The options; `out`, `wav`, `png`, `drum_map`.
        grooves: What a verb gave.
        music: What it was given.
        pattern: The names of the files, see `Verb.files`.

    Returns:
        The exit code: 1 if a file could not be read or written, else 0.

    Raises:
        OutputError: The folder cannot be written, or a file of the input would be
            replaced.
    """
    from keras_musicvae.files import make_folder, sha256_of

    suffixes = ["mid", *(suffix for suffix in ("wav", "png") if getattr(args, suffix))]
    names = [args.out / name for name in file_names(pattern, grooves, music)]
    inputs = {Path(entry["file"]).resolve() for entry in music.inputs}
    for name in names:
        if name.with_name(f"{name.name}.mid").resolve() in inputs:
            raise OutputError(
                f"{name}.mid is an input and would be replaced. Choose another folder "
                "with --out."
            )
    make_folder(args.out)
    files: list[dict[str, str]] = []
    for name, groove in zip(names, grooves, strict=True):
        for suffix in suffixes:
            path = name.with_name(f"{name.name}.{suffix}")
            try:
                if suffix == "mid":
                    groove.save(path, drum_map=args.drum_map)
                else:
                    groove.save(path)
            except OutputError:
                raise
            except MusicVAEError as error:
                music.failures[str(path)] = one_line(error, args)
                warn(f"{path}: {error}; skipped")
                continue
            files.append({"file": path.name, "sha256": sha256_of(path)})
    return _finish(args, args.out / f"{args.command}.json", grooves.seed, music, files)


def file_names(pattern: str, grooves: "Grooves", music: Music) -> list[str]:
    """A name for each groove, without suffix.

    Example:
        >>> music = Music(names=["a", "b"])
        >>> file_names("{input}_{i}", [None] * 4, music)  # doctest: +SKIP
        ['a_01', 'a_02', 'b_01', 'b_02']
    """
    if grooves.grid is not None:
        rows, columns = grooves.grid
        return [
            f"row_{row:02}_column_{column:02}"
            for row in range(1, rows + 1)
            for column in range(1, columns + 1)
        ]
    inputs = music.names if "{input}" in pattern else [""]
    each = len(grooves) // len(inputs)
    digits = max(2, len(str(each)))
    return [
        pattern.format(input=name, i=f"{i:0{digits}}")
        for name in inputs
        for i in range(1, each + 1)
    ]


def write_latents_file(
    args: argparse.Namespace, latents: "Latents", music: Music
) -> int:
    """Writes latents and the record, and prints what was written."""
    from keras_musicvae.files import make_folder, sha256_of

    make_folder(args.out.parent)
    write_latents(args.out, latents, music.sources)
    files = [{"file": args.out.name, "sha256": sha256_of(args.out)}]
    record = args.out.with_suffix(".json")
    return _finish(args, record, latents.seed, music, files)


def _finish(
    args: argparse.Namespace,
    record: Path,
    seed: int | None,
    music: Music,
    files: list[dict[str, str]],
) -> int:
    write_record(record, args, seed, music, files)
    if not args.quiet:
        for entry in files:
            print(record.with_name(entry["file"]))
        print(record)
        if seed is not None:
            print(f"seed: {seed}")
    return 1 if music.failures else 0
