"""Some files, read into one part: the unit of work, of resume and of a cluster.

A part depends on its files and the settings alone, not on other parts, on the number
of processes or on time. It lies in the folder of all parts as

    00000.frames       its rows, (rows, 27) float32 without a header
    00000.windows.npy  its windows: rows and files are counted from the part's first
    00000.json         its record, which is written last and makes the part count
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.datasets.catalogue import FileFacts
from keras_musicvae.datasets.convert import (
    RejectedFile,
    WindowConfig,
    add_counts,
    convert_bytes,
)
from keras_musicvae.datasets.layout import KEYED_WINDOW
from keras_musicvae.files import replacing, sha256_of, write_json

PART_FILES = 128
"""Files of a part, and so the work that a kill can cost each process."""


@dataclass(frozen=True)
class SourceFile:
    """One file to read.

    Attributes:
        name: Its name in the source.
        facts: What is known of it beside its notes.
        data: Its bytes.
        problem: `(category, reason)` if it shall be rejected without being read.
    """

    name: str
    facts: FileFacts
    data: bytes = b""
    problem: tuple[str, str] | None = None


@dataclass(frozen=True)
class PartRecord:
    """The account of a part.

    Attributes:
        files: A row of `files.csv` per file that gave windows.
        rejected: A row of `rejected.csv` per file that gave none.
        counts: Sums over the files: numbers, or numbers by name.
        rows: Rows of the frames.
        sha256: Name -> SHA-256 of the part's other files.
    """

    files: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    counts: dict[str, Any]
    rows: int
    sha256: dict[str, str]

    @property
    def num_windows(self) -> int:
        """Windows of all files."""
        return sum(record["windows"] for record in self.files)


def write_part(
    folder: Path, number: int, config: WindowConfig, files: Iterable[SourceFile]
) -> Iterator[int]:
    """Reads files one after the other; the part is written when the last is done.

    Args:
        folder: The folder of all parts.
        number: The number of this part.
        config: How files are read and windows are cut.
        files: The files.

    Yields:
        The number of windows of each file; 0 for a rejected one.

    Raises:
        OutputError: The part cannot be written.
    """
    accepted: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    counts: dict[str, Any] = {}
    tables, rows = [np.zeros(0, KEYED_WINDOW)], 0
    frames, windows, record = part_paths(folder, number)
    with replacing(frames) as temporary, temporary.open("wb") as output:
        for file in files:
            digest = hashlib.sha256(file.data).hexdigest()
            try:
                if file.problem:
                    raise RejectedFile(*file.problem)
                result = convert_bytes(file.data, config)
            except RejectedFile as error:
                rejected.append(
                    {
                        "name": file.name,
                        "category": error.category,
                        "reason": str(error),
                        "sha256": digest,
                    }
                )
                add_counts(counts, {"rejected": {error.category: 1}, **error.counts})
                yield 0
                continue
            table = result.table
            table["row"] += rows
            table["file"] = len(accepted)
            tables.append(table)
            rows += len(result.frames)
            output.write(result.frames.tobytes())
            accepted.append(
                {
                    "name": file.name,
                    **asdict(file.facts),
                    "windows": len(table),
                    **result.about,
                    "sha256": digest,
                }
            )
            add_counts(counts, result.counts)
            yield len(table)
    with replacing(windows) as temporary, temporary.open("wb") as output:
        np.save(output, np.concatenate(tables), allow_pickle=False)
    digests = {path.name: sha256_of(path) for path in (frames, windows)}
    write_json(record, vars(PartRecord(accepted, rejected, counts, rows, digests)))


def read_record(folder: Path, number: int) -> PartRecord:
    """The record of a part."""
    *_, record = part_paths(folder, number)
    return PartRecord(**json.loads(record.read_text("utf-8")))


def read_sound_record(folder: Path, number: int) -> PartRecord | None:
    """The record of a part; None if the part is missing, incomplete or damaged."""
    try:
        part = read_record(folder, number)
        for name, digest in part.sha256.items():
            if sha256_of(folder / name) != digest:
                return None
    except (OSError, ValueError, TypeError):
        return None
    return part


def copy_frames(folder: Path, number: int, output: BinaryIO) -> None:
    """Appends the rows of a part to a file."""
    with part_paths(folder, number)[0].open("rb") as file:
        shutil.copyfileobj(file, output)


def read_windows(folder: Path, number: int) -> NDArray[np.void]:
    """The windows of a part, `KEYED_WINDOW` records."""
    array: NDArray[np.void] = np.load(part_paths(folder, number)[1], allow_pickle=False)
    return array


def part_paths(folder: Path, number: int) -> tuple[Path, Path, Path]:
    """The files of a part: frames, windows and, to be written last, the record."""
    stem = f"{number:05d}"
    return (
        folder / f"{stem}.frames",
        folder / f"{stem}.windows.npy",
        folder / f"{stem}.json",
    )
