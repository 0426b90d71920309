"""Writes a preprocessed folder so that a kill at any moment costs and harms little.

Files arrive in a fixed order and are sealed into parts: a shard of rows, a table of
windows and, last, a JSON record that makes the part count. A later run of the same
work goes on behind the last sealed part. Where parts end depends on the files alone,
so an interrupted run leaves the same bytes as an undisturbed one. All of it happens in
`.NAME.partial` beside the result, which is renamed when it is complete.

    .NAME.partial/plan.json             what is being made, and from what
    .NAME.partial/parts/00000.json      record of part 0: files, rejections, counts
    .NAME.partial/parts/00000.npy       its windows, counted from the part's first row
    .NAME.partial/parts/00000.keys.npy  hashes of its windows, if they are de-duplicated
    .NAME.partial/dataset/...           the folder as described in `layout`
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.datasets.layout import INFO_NAME, WINDOW
from keras_musicvae.errors import OutputError
from keras_musicvae.files import (
    exclusive_lock,
    make_folder,
    put_folder,
    reason,
    replacing,
    sha256_of,
    write_json,
)

PART_ROWS = 1 << 18
"""Rows after which a part is sealed: 28 MB of frames."""

PART_FILES = 500
"""Files after which a part is sealed: the work that a kill can cost."""


@dataclass
class Part:
    """Files that were read one after the other.

    Attributes:
        first: Number of the first file, in the order of reading.
        next: Number of the file after the last.
        files: A record per file that gave windows.
        rejected: A record per file that gave none.
        counts: Sums over the files: numbers, or numbers by name.
        shard: Name, rows, size and SHA-256 of the frames; None if there are no rows.
    """

    first: int
    next: int
    files: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    counts: dict[str, Any]
    shard: dict[str, Any] | None = None


class PartStore:
    """The unfinished state of one preprocessed folder.

    Args:
        out: The folder to be made.
        plan: JSON value that says what is made from what. Parts of an earlier run
            are kept if its plan was equal.

    Raises:
        OutputError: the folder cannot be written, or another process writes it.
    """

    def __init__(self, out: Path, plan: Mapping[str, Any]):
        self.out = out
        self.partial = partial_folder(out)
        self.dataset = self.partial / "dataset"
        self._parts_folder = self.partial / "parts"
        self._stack = contextlib.ExitStack()
        self._new_parents = [path for path in out.parents if not path.exists()]
        make_folder(self.partial)
        with _reporting(self.partial):
            lock = exclusive_lock(self.partial / "lock", wait=False)
            if not self._stack.enter_context(lock):
                raise OutputError(
                    f"Another process is writing {out}. Wait for it, or choose another "
                    "folder."
                )
            if self._plan() != _as_json(plan):
                for folder in (self._parts_folder, self.dataset):
                    shutil.rmtree(folder, ignore_errors=True)
            for folder in (self._parts_folder, self.dataset):
                folder.mkdir(exist_ok=True)
            write_json(self.partial / "plan.json", plan)
            self.num_parts, self.next_file = self._sound_parts()

    def close(self) -> None:
        """Lets other processes write; what is unfinished stays for a later run."""
        self._stack.close()

    def discard(self) -> None:
        """Removes everything that is unfinished."""
        shutil.rmtree(self.partial, ignore_errors=True)
        self.close()
        with contextlib.suppress(OSError):  # not empty: the result lies there
            for path in self._new_parents:
                path.rmdir()

    def seal(
        self,
        part: Part,
        frames: list[NDArray[np.float32]],
        windows: NDArray[np.void],
        keys: NDArray[np.uint8] | None,
    ) -> None:
        """Writes a part; it counts once its record is renamed, which comes last."""
        stem = f"{self.num_parts:05d}"
        with _reporting(self.partial):
            if frames:
                path = self.dataset / f"frames-{stem}.npy"
                rows = np.concatenate(frames)
                save_array(path, rows)
                part.shard = {**describe(path), "rows": len(rows)}
            save_array(self._parts_folder / f"{stem}.npy", windows)
            if keys is not None:
                save_array(self._parts_folder / f"{stem}.keys.npy", keys)
            write_json(self._parts_folder / f"{stem}.json", vars(part))
        self.num_parts += 1
        self.next_file = part.next

    def parts(self) -> Iterator[Part]:
        """The sealed parts, read one at a time."""
        for number in range(self.num_parts):
            yield self._part(number)

    def windows(self, number: int) -> NDArray[np.void]:
        """The windows of a part; rows and files are counted from the part's first."""
        array: NDArray[np.void] = np.load(self._parts_folder / f"{number:05d}.npy")
        return array

    def keys(self, number: int) -> NDArray[np.uint8]:
        """(windows, 16) hashes of the windows of a part."""
        path = self._parts_folder / f"{number:05d}.keys.npy"
        array: NDArray[np.uint8] = np.load(path)
        return array

    def publish(self) -> None:
        """Puts the finished folder in its place."""
        with _reporting(self.out):
            put_folder(self.dataset, self.out)
        self.discard()

    def _plan(self) -> Any:
        try:
            return json.loads((self.partial / "plan.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _part(self, number: int) -> Part:
        path = self._parts_folder / f"{number:05d}.json"
        return Part(**json.loads(path.read_text("utf-8")))

    def _sound_parts(self) -> tuple[int, int]:
        """How many parts can be kept, and the first file behind them."""
        number = next_file = 0
        sealed = set()
        while True:
            try:
                part = self._part(number)
                self.windows(number)
                shard = part.shard
                if shard and describe(self.dataset / shard["file"]) != {
                    key: shard[key] for key in ("file", "size", "sha256")
                }:
                    break
            except (OSError, ValueError, TypeError, KeyError):
                break
            number, next_file = number + 1, part.next
            sealed.add(shard["file"] if shard else "")
        # What a killed run was about to write or to rename.
        for path in self.dataset.iterdir():
            if path.name not in sealed:
                path.unlink()
        return number, next_file


class PartBuilder:
    """Collects files until they make a part.

    Args:
        store: Where parts are sealed.
        keyed: Whether windows come with hashes. Defaults to False.
    """

    def __init__(self, store: PartStore, *, keyed: bool = False):
        self._store = store
        self._keyed = keyed
        self._start()

    def accept(
        self,
        record: dict[str, Any],
        frames: NDArray[np.float32],
        windows: Mapping[str, Sequence[float]],
        keys: NDArray[np.uint8] | None,
        counts: Mapping[str, Any],
    ) -> None:
        """Adds a file: its rows; and row, bar and tempo of each of its windows."""
        table = np.zeros(len(windows["row"]), WINDOW)
        for field, values in windows.items():
            table[field] = values
        table["row"] += self._rows
        table["file"] = len(self._part.files)
        self._windows.append(table)
        self._frames.append(frames)
        if keys is not None:
            self._keys.append(keys)
        self._part.files.append(record)
        self._rows += len(frames)
        self._count(counts)

    def reject(self, record: dict[str, Any], counts: Mapping[str, Any]) -> None:
        """Adds a file that gave no windows."""
        self._part.rejected.append(record)
        self._count(counts)

    def flush(self) -> None:
        """Seals what is left."""
        if self._part.next > self._part.first:
            keys = None
            if self._keyed:
                keys = np.concatenate([np.zeros((0, 16), np.uint8), *self._keys])
            windows = np.concatenate([np.zeros(0, WINDOW), *self._windows])
            self._store.seal(self._part, self._frames, windows, keys)
        self._start()

    def _count(self, counts: Mapping[str, Any]) -> None:
        add_counts(self._part.counts, counts)
        self._part.next += 1
        files = self._part.next - self._part.first
        if self._rows >= PART_ROWS or files >= PART_FILES:
            self.flush()

    def _start(self) -> None:
        first = self._store.next_file
        self._part = Part(first, first, [], [], {})
        self._frames: list[NDArray[np.float32]] = []
        self._windows: list[NDArray[np.void]] = []
        self._keys: list[NDArray[np.uint8]] = []
        self._rows = 0


def partial_folder(out: Path) -> Path:
    """Where the unfinished state of `out` lies."""
    return out.with_name(f".{out.name}.partial")


def check_output(out: Path) -> None:
    """Refuses a place where a folder cannot be made, before any work is done.

    Raises:
        OutputError: it is a file, or a folder with other things in it.
    """
    if not out.name:
        raise OutputError(f"Name a folder to write. Received: {out}.")
    with _reporting(out):
        if out.is_dir():
            if any(out.iterdir()) and not (out / INFO_NAME).is_file():
                raise OutputError(
                    f"{out} holds other files. Give an empty or new folder."
                )
        elif out.exists():
            raise OutputError(f"{out} is a file. Give an empty or new folder.")
    parent = next((path for path in out.absolute().parents if path.exists()), None)
    if parent is None or not parent.is_dir() or not os.access(parent, os.W_OK):
        raise OutputError(
            f"Cannot write {out}: {parent} is no folder that can be written. "
            "Choose another one."
        )


def add_counts(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds numbers, and numbers by name, to those of `total`."""
    for name, value in more.items():
        if isinstance(value, Mapping):
            add_counts(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Writes a `.npy` file atomically."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def describe(path: Path) -> dict[str, Any]:
    """Name, size and SHA-256 of a file."""
    return {
        "file": path.name,
        "size": path.stat().st_size,
        "sha256": sha256_of(path),
    }


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {reason(error)}. Choose another folder."
        ) from error
