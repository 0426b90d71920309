"""Where MIDI files come from: a folder, a zip or a single file.

A source lists its MIDI files in one fixed order and reads each with a bound. Nothing
is ever extracted, so a name inside a zip is a label and never a path.
"""

import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from keras_musicvae.errors import DatasetError
from keras_musicvae.files import BoundedZip, open_regular, reason, user_path
from keras_musicvae.grooves.midi_limits import MIDI_SUFFIXES

"""Names with other endings are counted, not read."""

MAX_DIRECTORY_BYTES = 32 << 20
"""Largest table of contents of a zip, about 300,000 files."""


@dataclass(frozen=True)
class Entry:
    """One MIDI file of a source.

    Attributes:
        name: Path inside the source, with forward slashes.
        size: Bytes, as announced (a zip may lie; reading is bounded all the same).
        stamp: Changes when the file does (modification time, or CRC in a zip).
    """

    name: str
    size: int
    stamp: int


class UnreadableFile(Exception):
    """A file of a source that cannot be read; the message says why."""


class FolderSource:
    """The MIDI files below a folder, or a single file.

    Links to files are followed, links to folders are not (they may form a loop).

    Args:
        path: A folder, or one file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._root = path if path.is_dir() else path.parent

    def entries(self) -> tuple[list[Entry], int]:
        """The MIDI files sorted by name, and how many other files there are."""
        if self._root != self.path:
            info = self.path.stat()
            return [Entry(self.path.name, info.st_size, info.st_mtime_ns)], 0
        found, ignored = [], 0
        for name, item in _walk(self.path, ""):
            if not is_midi_name(name):
                ignored += 1
                continue
            try:
                info = item.stat()
                found.append(Entry(name, info.st_size, info.st_mtime_ns))
            except OSError:  # removed or forbidden: reading it will say so
                found.append(Entry(name, 0, 0))
        return sorted(found, key=_order), ignored

    def read(self, name: str, limit: int) -> bytes:
        """The first `limit` bytes of a file; bytes beyond are not read.

        Raises:
            UnreadableFile: it is gone, forbidden, or no regular file.
        """
        try:
            with open_regular(self._root / name) as file:
                return file.read(limit)
        except OSError as error:
            raise UnreadableFile(f"cannot be read: {reason(error)}") from error


class ZipSource:
    """The MIDI files inside a zip, read in place.

    Args:
        path: The zip.

    Raises:
        DatasetError: it is no zip, is damaged, or its table of contents is too large.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._zip = BoundedZip(path, max_directory=MAX_DIRECTORY_BYTES)
        except (zipfile.BadZipFile, OSError, struct.error) as error:
            raise _bad_zip(path, error) from error
        self._members = {m.filename: m for m in self._zip.infolist()}

    def entries(self) -> tuple[list[Entry], int]:
        """The MIDI files sorted by name, and how many other files there are."""
        files = [m for m in self._members.values() if not m.is_dir()]
        found = [
            Entry(m.filename, m.file_size, m.CRC)
            for m in files
            if is_midi_name(m.filename)
        ]
        return sorted(found, key=_order), len(files) - len(found)

    def read(self, name: str, limit: int) -> bytes:
        """The first `limit` bytes of a member, however large it unpacks.

        Raises:
            UnreadableFile: it is absent, encrypted or damaged.
        """
        try:
            with self._zip.open(self._members[name]) as member:
                return _read_at_most(member, limit)
        except KeyError as error:
            raise UnreadableFile("is not in the zip") from error
        # zlib.error, lzma.LZMAError and the like share no base class.
        except Exception as error:
            text = str(error) or type(error).__name__
            raise UnreadableFile(f"cannot be unpacked: {text}") from error


Source = FolderSource | ZipSource


def open_source(path: str | os.PathLike[str]) -> Source:
    """Opens a folder, a zip or a single MIDI file.

    Raises:
        DatasetError: there is nothing at `path`, or it is something else.
    """
    path = user_path(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return FolderSource(path)
        if not stat.S_ISREG(mode):
            raise DatasetError(
                f"A folder, a zip or a MIDI file is needed. {path} is none of them."
            )
        with path.open("rb") as file:
            start = file.read(4)
    except FileNotFoundError as error:
        raise DatasetError(
            f"There is no {path}. Give a folder of MIDI files, a zip or a MIDI file, "
            "or leave it out to download the Groove MIDI Dataset."
        ) from error
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {reason(error)}.") from error
    if start[:2] == b"PK" or path.suffix.lower() == ".zip":
        return ZipSource(path)
    if start == b"MThd" or is_midi_name(path.name):
        return FolderSource(path)
    raise DatasetError(
        f"{path} is neither a zip nor a MIDI file (it starts with {start!r}). "
        "Give a folder of MIDI files, a zip or a MIDI file."
    )


def is_midi_name(name: str) -> bool:
    """Whether a file's name says MIDI; macOS's `._x.mid` shadows do not count."""
    base = name.rpartition("/")[2]
    return base.lower().endswith(MIDI_SUFFIXES) and not base.startswith("._")


def _order(entry: Entry) -> bytes:
    # By bytes, so that no locale changes the order; names need not be valid UTF-8.
    return entry.name.encode("utf-8", "surrogateescape")


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yields the regular files below a folder with their names relative to it."""
    pending = [(str(folder), prefix)]
    while pending:
        path, prefix = pending.pop()
        try:
            with os.scandir(path) as items:
                for item in items:
                    name = prefix + item.name
                    if item.is_dir(follow_symlinks=False):
                        pending.append((item.path, name + "/"))
                    elif item.is_file():
                        yield name, item
        except OSError as error:
            raise DatasetError(
                f"Cannot list the folder {path}: {reason(error)}."
            ) from error


def _read_at_most(file: IO[bytes], limit: int) -> bytes:
    pieces = []
    while limit > 0 and (piece := file.read(min(limit, 1 << 16))):
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)


def _bad_zip(path: Path, cause: object) -> DatasetError:
    return DatasetError(
        f"{path} is not a zip that can be read: {cause}. "
        "It may be cut short: fetch it again, or give a folder."
    )
