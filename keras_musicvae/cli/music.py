"""Music in: the options that say how MIDI files are read, and their grooves.

A file that cannot be read is reported and skipped; what was left out of the others is
reported too, once, on stderr and in the record.
"""

import argparse
import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_musicvae.cli.messages import one_line, warn
from keras_musicvae.cli.options import add_option
from keras_musicvae.cli.options import path as path_type
from keras_musicvae.errors import GrooveError, MusicVAEError
from keras_musicvae.grooves.midi_limits import MIDI_SUFFIXES, MidiLimits
from keras_musicvae.names import unique_names

if TYPE_CHECKING:
    from keras_musicvae.grooves.converter import GrooveConverter
    from keras_musicvae.grooves.groove import Groove
    from keras_musicvae.grooves.read_report import ReadReport


@dataclass
class Music:
    """What a command works on, and what became of the files.

    Attributes:
        grooves: One for each file, or for each of its parts in one time signature.
        names: A name for each groove, none twice.
        sources: The file of each groove; if it has several parts, with their number.
        inputs: Path, SHA-256 and report of each file that was read, as JSON.
        failures: Why each of the others was not.
    """

    grooves: list["Groove"] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def add_input(self, path: Path, **about: Any) -> None:
        """Records a file that was read."""
        from keras_musicvae.files import sha256_of

        self.inputs.append({"file": str(path), "sha256": sha256_of(path), **about})


# --- Options ------------------------------------------------------------------


def add_music(parser: argparse.ArgumentParser, what: str, number: str = "+") -> None:
    """Adds the files of a command that reads MIDI, and how they are read.

    Args:
        parser: The parser of the command.
        what: What the files are.
        number: How many, as argparse says it. Defaults to one or more.
    """
    parser.add_argument(
        "files",
        nargs=number,
        type=path_type,
        metavar="MIDI",
        help=f"{what}: files, folders, or patterns such as 'beats/**/*.mid'",
    )
    add_reading(parser)


def add_reading(parser: argparse.ArgumentParser) -> Any:
    """Adds how MIDI files are read; returns the group of these options."""
    reading = parser.add_argument_group("reading")
    add_option(
        reading,
        "--channel",
        "MIDI channel of the drums (default: 10, else the only part that looks like "
        "drums)",
        channel,
        metavar="1-16|all",
    )
    add_option(
        reading,
        "--track",
        "number (from 0) or name of the only track to read (default: all)",
        track,
    )
    limits = ", ".join(f"{name} ({value:,})" for name, value in _limits().items())
    add_option(
        reading,
        "--limit",
        f"read larger files: another limit for one of {limits}",
        limit,
        action="append",
        metavar="NAME=N",
    )
    return reading


def channel(text: str) -> int | str:
    """An argparse type: a MIDI channel from 1, or all of them."""
    if text != "all" and not (text.isdecimal() and 1 <= int(text) <= 16):
        raise argparse.ArgumentTypeError(f"a channel is 1 to 16, or all, not {text!r}")
    return text if text == "all" else int(text)


def track(text: str) -> int | str:
    """An argparse type: the number or the name of a track."""
    return int(text) if text.isdecimal() else text


def limit(text: str) -> str:
    """An argparse type: NAME=N, where NAME is a field of `MidiLimits`."""
    name, _, value = text.partition("=")
    if name not in _limits() or not value.isdecimal():
        raise argparse.ArgumentTypeError(
            f"NAME is one of {', '.join(_limits())}, and N an integer, not {text!r}"
        )
    return text


def _limits() -> dict[str, Any]:
    return {item.name: item.default for item in fields(MidiLimits)}


def reading_options(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `read_midi` that were given as options."""
    options: dict[str, Any] = {}
    if args.channel is not None:
        options["channel"] = None if args.channel == "all" else args.channel
    if args.track is not None:
        options["track"] = args.track
    if args.limit is not None:
        pairs = (text.split("=") for text in args.limit)
        options["limits"] = MidiLimits(**{name: int(value) for name, value in pairs})
    return options


# --- Reading ------------------------------------------------------------------


def read_music(
    args: argparse.Namespace, converter: "GrooveConverter", **reading: Any
) -> Music:
    """The grooves of the files that were named, in the form that a model takes.

    Args:
        args: `files`, and the options of `add_music`.
        converter: The preprocessor of the model.
        **reading: How files are read, where no option says so.

    Raises:
        GrooveError: None of the files could be read.
    """
    music = Music()
    names: list[str] = []
    for path, error in _named_files(args.files):
        try:
            if error:
                raise error
            parts = _read_parts(path, args, converter, reading)
        except (MusicVAEError, OSError) as failure:
            reason = one_line(failure, args).removeprefix(f"{path}: ")
            music.failures[str(path)] = reason
            warn(f"{path}: {reason}; skipped")
            continue
        music.add_input(path, parts=[_as_json(part.report) for part in parts.values()])
        music.grooves += parts.values()
        named = [path.with_stem(f"{path.stem}{suffix}") for suffix in parts]
        music.sources += map(str, named)
        names += [part.stem for part in named]
    if not music.grooves:
        raise GrooveError(
            f"none of the {len(music.failures)} inputs could be read; nothing was "
            "written"
        )
    music.names = unique_names(names)
    return music


def _read_parts(
    path: Path,
    args: argparse.Namespace,
    converter: "GrooveConverter",
    reading: Mapping[str, Any],
) -> dict[str, "Groove"]:
    """The parts of a file that a model takes, by the suffix of their names."""
    options = {**reading, **reading_options(args)}
    if args.drum_map is not None:
        options["drum_map"] = args.drum_map
    found = converter.read(path, **options)
    parts: dict[str, Groove] = {}
    for number, groove in enumerate(found, start=1):
        several = len(found) > 1
        parts[f"_part_{number}" if several else ""] = groove
        notice = groove.report.notice() if groove.report else ""
        if notice:
            where = f"{path}: part {number}" if several else str(path)
            warn(f"{where}: {notice}")
    return parts


def _as_json(report: "ReadReport | None") -> dict[str, Any]:
    """What a report counts, without zeros."""
    counts = {} if report is None else report.to_json()
    return {name: value for name, value in counts.items() if value}


def _named_files(
    patterns: list[Path],
) -> Iterator[tuple[Path, FileNotFoundError | None]]:
    for pattern in patterns:
        found = find_files(pattern)
        yield from ((path, None) for path in found)
        if not found:
            yield pattern, FileNotFoundError("no such MIDI file")


def find_files(pattern: Path) -> list[Path]:
    """The files that a path, a folder or a pattern names, in order.

    A shell expands patterns before we see them, unless they are quoted, or the shell
    is Windows's.
    """
    if pattern.is_dir():
        return sorted(file for file in pattern.rglob("*") if _is_midi(file))
    if pattern.exists():
        return [pattern]
    # `Path.glob` takes no absolute pattern before Python 3.13.
    found = glob.glob(str(pattern), recursive=True)  # noqa: PTH207
    return sorted(Path(name) for name in found if Path(name).is_file())


def _is_midi(path: Path) -> bool:
    return path.suffix.lower() in MIDI_SUFFIXES and path.is_file()
