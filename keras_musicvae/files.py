"""Files: written whole or not at all, locked, and read within bounds."""

import contextlib
import ctypes
import errno
import hashlib
import io
import json
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from keras_musicvae.errors import OutputError, PathError

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits; reads it in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path as users write it: `~` is their home folder.

    Raises:
        PathError: It is no path, or one that no file can have: it holds a NUL or half
            a character.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        raise PathError(f"A path must be a string. Received: {type(path).__name__}")
    name = os.fsdecode(path)
    try:
        if b"\0" in os.fsencode(name):
            raise PathError(f"A path cannot hold a NUL character. Received: {name!r}")
    except UnicodeEncodeError:
        raise PathError(
            f"A path must be text that the file system can hold. Received: {name!r}"
        ) from None
    try:
        return Path(name).expanduser()
    except RuntimeError:  # `~someone`, who has no home here
        return Path(name)


# --- Writing ------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary name beside `path`, and renames it to `path` on success.

    Raises:
        PathError: As `user_path`.
        OutputError: the file cannot be written.
    """
    path = user_path(path)
    try:
        temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}"
        temporary.touch(exist_ok=False)  # follows no link of someone else
        try:
            yield temporary
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"Cannot write {path}: {reason(error)}.") from error


@contextlib.contextmanager
def replacing_files(
    folder: str | os.PathLike[str], names: Sequence[str]
) -> Iterator[list[Path]]:
    """Yields temporary paths with the suffixes of `names`, and moves them on success.

    Args:
        folder: Where to; it is created if it does not exist.
        names: Paths in the folder; those of subfolders have slashes.

    Raises:
        OutputError: A file cannot be written; none of them is there then.
    """
    folder = user_path(folder)
    make_folder(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as work:
            temporary = [Path(work) / name for name in names]
            for path in temporary:
                path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            for path, name in zip(temporary, names, strict=True):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                path.replace(folder / name)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"Cannot write to the folder {folder}: {reason(error)}. Choose another one."
        ) from error


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yields an empty folder and puts it in the place of `target` on success.

    On Linux and macOS the two folders are exchanged in one step, so that a kill at
    any moment leaves the old or the new one. Where the file system cannot do that, a
    kill between two renames leaves the old one aside: `recover_folder`, which the
    next call begins with, puts it back. What killed calls left is removed.

    Args:
        target: a folder, which is replaced with all that it holds, or a new name.

    Raises:
        OutputError: it cannot be written.
    """
    target = target.resolve()
    make_folder(target.parent)
    recover_folder(target)
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            with exclusive_lock(work / _LOCK, wait=True):
                new = work / "new"
                new.mkdir()
                yield new
                put_folder(new, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"Cannot write the folder {target}: {reason(error)}. Choose another one."
        ) from error


def put_folder(new: Path, target: Path) -> None:
    """Puts a folder in the place of another one, which lies beside `new` afterwards.

    Args:
        new: a complete folder, on the same file system.
        target: a folder or a new name.

    Raises:
        OSError: it cannot be renamed; `target` is as it was.
    """
    if not target.exists():
        new.rename(target)
    elif not _exchange(new, target):
        old = new.with_name(_OLD)
        target.rename(old)
        try:
            new.rename(target)
        except OSError:
            old.rename(target)
            raise


_LOCK, _OLD = "lock", "old"  # in the working folder of `replacing_folder`
_STARTING = 60.0  # seconds; an empty working folder is no longer about to be locked


def recover_folder(target: Path) -> None:
    """Clears up after calls of `replacing_folder` that were killed.

    The old folder is put back if `target` is missing; working folders are removed,
    except those of calls that are still running.
    """
    for work in target.parent.glob(f".{_escaped(target.name)}.????????"):
        if not (work / _LOCK).is_file():
            with contextlib.suppress(OSError):  # it holds files, and is none of ours
                if time.time() - work.stat().st_mtime > _STARTING:
                    work.rmdir()  # killed before its lock, or after
            continue
        with contextlib.suppress(OSError), exclusive_lock(work / _LOCK) as mine:
            if mine:
                if not target.exists() and (work / _OLD).is_dir():
                    (work / _OLD).rename(target)
                shutil.rmtree(work, ignore_errors=True)


def _escaped(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _exchange(left: Path, right: Path) -> bool:
    """Exchanges two names in one step; False if the system cannot."""
    names = os.fsencode(left), os.fsencode(right)
    try:
        library = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return library.renamex_np(*names, 2) == 0  # RENAME_SWAP
        here = -100  # AT_FDCWD
        return library.renameat2(here, names[0], here, names[1], 2) == 0
    except (AttributeError, OSError, TypeError):  # Windows, or an old C library
        return False


def write_json(path: Path, value: object) -> None:
    """Writes JSON atomically; the order of keys is kept (that of a drum map counts)."""
    text = json.dumps(value, indent=1)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def make_folder(path: Path) -> None:
    """Creates a folder and its parents.

    Raises:
        OutputError: it cannot be created, or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Cannot create the folder {path}: {reason(error)}. Choose another one."
        ) from error


@contextlib.contextmanager
def exclusive_lock(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Holds a lock on the file `path`; yields whether it was obtained.

    The operating system drops the lock with the process, so a killed run leaves none
    behind. The file itself stays.

    Args:
        path: a file of its own for the lock; created if missing.
        wait: whether to wait for the process that holds it. Defaults to False.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


# --- Reading what strangers wrote ---------------------------------------------


def open_regular(path: Path) -> BinaryIO:
    """Opens a file to read; a pipe, which one would wait for, is refused.

    Raises:
        OSError: It is no regular file, or cannot be opened.
    """
    descriptor = os.open(
        path,
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0),
    )
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return file


def strict_json(content: bytes) -> Any:
    """Parses JSON: UTF-8, no key twice, no NaN. Takes time in proportion to its size.

    Raises:
        ValueError: it is anything else, or nested too deeply.
    """
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise ValueError("not valid JSON: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not valid JSON: {error}") from None


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in pairs:
        if name in document:
            raise ValueError(f"the key {name[:80]!r} appears twice")
        document[name] = value
    return document


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number of JSON")


class BoundedZip(zipfile.ZipFile):
    """A zip opened for reading, if its table of contents is not too large.

    A zip states the table's size in up to three places; what counts is what `zipfile`
    is about to read.

    Args:
        path: the zip.
        max_directory: bytes of the table, at least 100; an entry takes 46 or more of
            them, and 600 in memory.

    Raises:
        zipfile.BadZipFile: it is no zip, is damaged, or its table is too large.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, *, max_directory: int) -> None:
        self._file = _BoundedFile(path, max_directory)
        try:
            super().__init__(self._file)
        except (ValueError, OverflowError, NotImplementedError) as error:
            raise zipfile.BadZipFile(str(error)) from error
        finally:
            if self.fp is None:
                self._file.close()
        self._file.limit = None

    def close(self) -> None:
        """Closes the zip and its file."""
        super().close()
        self._file.close()


class _BoundedFile(io.BufferedReader):
    """A file that refuses to read much at once, until its `limit` is None."""

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(io.FileIO(path))
        self.limit: int | None = limit

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and self.limit is not None and size > self.limit:
            raise zipfile.BadZipFile(
                f"its table of contents has {size:,} bytes; at most {self.limit:,} "
                "are read"
            )
        return super().read(size)


def reason(error: OSError) -> str:
    """What the operating system said, without number and path."""
    return error.strerror or str(error)
