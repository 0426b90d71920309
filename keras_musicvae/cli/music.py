"""What the commands that make grooves share: options, files in, files out, record.

model = open_model(args)           the output folder is checked first
music = read_music(args, model)    globs; bad files are reported and skipped
return write_grooves(...)          MIDI, WAV, PNG, and a JSON record of the run
"""

import argparse
import glob
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from keras_musicvae.cli.options import (
    add_backend,
    integer_from,
    number_from,
    start_keras,
)
from keras_musicvae.cli.record import write_record
from keras_musicvae.errors import MusicVAEError, OutputError

if TYPE_CHECKING:
    from keras_musicvae.grooves.groove import Groove
    from keras_musicvae.models.music_vae import MusicVAE
    from keras_musicvae.models.results import Grooves

MIDI_SUFFIXES = (".mid", ".midi")


@dataclass
class Music:
    """The grooves of the files that could be read, and what became of the others."""

    grooves: list["Groove"] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """A short name for each file, none twice."""
        return unique_names([path.stem for path in self.paths])


# --- Options ------------------------------------------------------------------


def add_music(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds the positional argument `files`."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="MIDI",
        help=f"{what}: files, folders, or patterns such as 'beats/**/*.mid'",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the options of every command that loads a preset."""
    parser.add_argument(
        "--preset",
        default="groove_4bar",
        help="name, folder or address of a preset (default: groove_4bar)",
    )
    parser.add_argument(
        "--drum-map",
        metavar="MAP",
        help="which pitch is which drum in the files: a name, such as general_midi, "
        "or a JSON file (default: the preset's, Roland TD-11)",
    )
    add_backend(parser)


def add_playing(
    parser: argparse.ArgumentParser, *, tempo: str = "that of the input"
) -> None:
    """Adds the options of every command that decodes and writes grooves."""
    parser.add_argument(
        "--temperature",
        type=number_from(0),
        default=1.0,
        help="0 is tidiest and not random; 1, the default, is the model's own "
        "distribution",
    )
    parser.add_argument("--tempo", type=number_from(1), help=f"bpm (default: {tempo})")
    parser.add_argument(
        "--seed",
        type=integer_from(0),
        help="the same seed gives the same notes on every backend (default: a new "
        "one, which is printed)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("samples"),
        metavar="DIR",
        help="folder to write (default: samples)",
    )
    parser.add_argument("--wav", action="store_true", help="write the sound too")
    parser.add_argument("--png", action="store_true", help="write pictures too")


# --- Before the work ----------------------------------------------------------


def open_model(args: argparse.Namespace, *, out: Path | None = None) -> "MusicVAE":
    """Loads the preset, after all that can fail at once has been tried.

    Args:
        args: The options.
        out: The folder to write to. Defaults to `--out`.

    Raises:
        OutputError: `--out` cannot be written.
        UnknownPresetError, DrumMapError...: As the options were given.
    """
    from keras_musicvae.presets.sources import find_preset

    check_writable(out or args.out)
    if args.drum_map is not None:
        from keras_musicvae.grooves.drum_maps import get_drum_map

        get_drum_map(args.drum_map)
    find_preset(args.preset)
    start_keras(args)
    from keras_musicvae.grooves.converter import GrooveConverter
    from keras_musicvae.models.music_vae import MusicVAE

    model = MusicVAE.from_preset(args.preset)
    if model.preprocessor is None:  # Saved by someone who works with arrays.
        model.preprocessor = GrooveConverter(model.num_bars)
    return model


def check_writable(path: Path) -> None:
    """Tries whether files can be made in a folder, without leaving anything.

    Raises:
        OutputError: They cannot; or it is not a folder.
    """
    existing = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not existing.is_dir():
        raise OutputError(f"Cannot write into {path}: {existing} is not a folder.")
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OutputError(
            f"Cannot write into {path}: {error.strerror or error} ({existing}). "
            "Choose another folder with --out."
        ) from None


# --- Files in -----------------------------------------------------------------


def read_music(args: argparse.Namespace, model: "MusicVAE") -> Music:
    """The grooves of the files that were named; each bad one is reported on stderr."""
    from keras_musicvae.grooves.inputs import read_groove

    music = Music()
    for pattern in args.files:
        paths = find_files(pattern)
        if not paths:
            _report(music.failures, pattern, "no such MIDI file")
        for path in paths:
            try:
                groove = read_groove(path, model.preprocessor, drum_map=args.drum_map)
            except (MusicVAEError, OSError) as error:
                _report(music.failures, str(path), _reason(error, path))
            else:
                music.paths.append(path)
                music.grooves.append(groove)
    return music


def find_files(pattern: str) -> list[Path]:
    """The files that a path, a folder or a pattern names, in order.

    A shell expands patterns before we see them, unless they are quoted, or the shell
    is Windows's.
    """
    path = Path(pattern).expanduser()
    if path.is_dir():
        files = (file for file in path.rglob("*") if _is_midi(file))
        return sorted(files)
    if path.exists():
        return [path]
    # `Path.glob` takes no absolute pattern before Python 3.13.
    found = glob.glob(str(path), recursive=True)  # noqa: PTH207
    return sorted(Path(name) for name in found if Path(name).is_file())


def unique_names(names: Sequence[str]) -> list[str]:
    """The same names, with a number where one would appear twice.

    Example:
        >>> unique_names(["beat", "fill", "beat"])
        ['beat', 'fill', 'beat_2']
    """
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name, 1
        # Files of two names that differ in case are one on some systems.
        while candidate.lower() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique


# --- Files out ----------------------------------------------------------------


def write_grooves(
    args: argparse.Namespace,
    grooves: "Grooves",
    names: Sequence[str],
    inputs: Sequence[Path] = (),
    failures: Mapping[str, str] | None = None,
) -> int:
    """Writes grooves and the record, prints what was written.

    Args:
        args: The options; `out`, `wav`, `png`, `drum_map`.
        grooves: What a verb gave.
        names: A file name for each groove, without suffix.
        inputs: The files that they were made from.
        failures: The files that could not be read, and why.

    Returns:
        The exit code: 1 if a file could not be read or written, else 0.
    """
    from keras_musicvae.files import make_folder, sha256_of

    failed = dict(failures or {})
    make_folder(args.out)
    files: list[dict[str, str]] = []
    for name, groove in zip(names, grooves, strict=True):
        for suffix in _suffixes(args):
            path = args.out / f"{name}.{suffix}"
            options = {"drum_map": args.drum_map} if suffix == "mid" else {}
            try:
                groove.save(path, **options)
            except OutputError:
                raise
            except MusicVAEError as error:
                _report(failed, str(path), str(error))
                continue
            files.append({"file": path.name, "sha256": sha256_of(path)})
            print(path)
    record = args.out / f"{args.command}.json"
    write_record(record, args, grooves.seed, inputs, files, failed)
    print(f"seed: {grooves.seed}")
    return 1 if failed else 0


def report_nothing(music: Music) -> int:
    """Says that there is nothing to work on; returns the exit code."""
    print(
        f"keras-musicvae: error: none of the {len(music.failures)} inputs could be "
        "read; nothing was written",
        file=sys.stderr,
    )
    return 1


def _suffixes(args: argparse.Namespace) -> list[str]:
    return ["mid", *(suffix for suffix in ("wav", "png") if getattr(args, suffix))]


def _is_midi(path: Path) -> bool:
    return path.suffix.lower() in MIDI_SUFFIXES and path.is_file()


def _report(failures: dict[str, str], what: str, why: str) -> None:
    why = " ".join(why.split())
    failures[what] = why
    print(f"keras-musicvae: {what}: {why}; skipped", file=sys.stderr)


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, OSError) and not isinstance(error, MusicVAEError):
        return os.strerror(error.errno) if error.errno else str(error)
    return str(error).removeprefix(f"{path}: ")
