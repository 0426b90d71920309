"""Small file operations that leave nothing half-written, whatever interrupts them."""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

from keras_musicvae.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows: no advisory locks; runs must not share a folder.
    fcntl = None  # type: ignore[assignment]

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits; reads it in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path`, and renames it to `path` on success.

    Raises:
        OutputError: the file cannot be written.
    """
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
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


def write_json(path: Path, value: object) -> None:
    """Writes JSON atomically; the order of keys is kept (that of a drum map counts)."""
    text = json.dumps(value, indent=1)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


@contextlib.contextmanager
def exclusive_lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Holds an advisory lock on `path`; yields whether it was obtained.

    The operating system drops the lock with the process, so a killed run leaves
    none behind. Without `fcntl` (Windows) the lock is always granted.
    """
    with path.open("ab") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
        yield True


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


def reason(error: OSError) -> str:
    """What the operating system said, without number and path."""
    return error.strerror or str(error)
