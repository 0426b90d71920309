"""The files of a checkpoint, in a folder or inside a .tar or .tgz, read in bounds.

Nothing is ever extracted: an archive's members are looked up by name and their bytes
stay in memory, so neither a member's path nor a link can touch the disk.
"""

import gzip
import io
import stat
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from keras_musicvae.errors import CheckpointError
from keras_musicvae.files import reason

# The largest groove checkpoint with its optimizer slots has 62 MB.
MAX_BYTES = 256 << 20
MAX_FILES = 1000
# Headers of archive members, long names included; far above what 1,000 files need.
_MAX_HEADER_BYTES = 4 << 20
_MAX_RATIO = 16
_GZIP_MAGIC = b"\x1f\x8b"
_ARCHIVE_SUFFIXES = (".tar", ".tgz", ".tar.gz")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """While bytes of strangers are read: what goes wrong is a `CheckpointError`.

    Args:
        what: What is read, for the message.

    Raises:
        CheckpointError: The bytes are damaged, or of a kind that is not read here.
    """
    try:
        yield
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{what} cannot be read: {reason(error)}.") from error
    # tarfile's and zlib's many ways to be surprised have no common base.
    except Exception as error:
        cause = str(error)
        if isinstance(error, IndexError | EOFError):
            cause = "it ends too early"
        elif isinstance(error, KeyError):
            cause = f"{error} is missing"
        raise CheckpointError(
            f"{what} is damaged, or of a kind that is not read here: {cause}."
        ) from error


class Files(ABC):
    """Named files of known sizes.

    Attributes:
        label: what messages call the place the files are in.
        sizes: bytes of each file, by its name; names use "/" and are relative.
    """

    label: str
    sizes: dict[str, int]

    @abstractmethod
    def _bytes(self, name: str) -> bytes:
        """The contents of a file that exists and is small enough."""

    def read(self, name: str, *, limit: int = MAX_BYTES) -> bytes:
        """Reads one file.

        Args:
            name: a name in `sizes`.
            limit: bytes above which the file is refused.

        Returns:
            All bytes of the file.

        Raises:
            CheckpointError: the file is missing, too large or shorter than stated.
        """
        if name not in self.sizes:
            raise CheckpointError(f"{self.label}: the file {name!r} is missing.")
        size = self.sizes[name]
        with reading(f"{self.label}: {name!r}"):
            if size > limit:
                raise ValueError(f"it has {size:,} bytes; at most {limit:,} are read")
            data = self._bytes(name)
            if len(data) != size:
                raise ValueError(f"it ends after {len(data):,} of {size:,} bytes")
        return data


def is_archive(path: Path) -> bool:
    """Whether the file's name says that it is a tar archive."""
    return path.name.lower().endswith(_ARCHIVE_SUFFIXES)


def without_archive_suffix(name: str) -> str:
    """The name of an archive without `.tar`, `.tgz` or `.tar.gz`."""
    for suffix in _ARCHIVE_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


class Folder(Files):
    """The regular files of a folder, without its subfolders.

    Args:
        path: an existing folder.

    Raises:
        CheckpointError: it cannot be listed or holds more than `MAX_FILES` entries.
    """

    def __init__(self, path: Path) -> None:
        self.label = str(path)
        self.sizes = {}
        self._path = path
        with reading(self.label):
            for count, entry in enumerate(path.iterdir()):
                if count == MAX_FILES:
                    raise ValueError(
                        f"it has more than {MAX_FILES} files; give the path of one "
                        "checkpoint"
                    )
                status = entry.stat() if entry.exists() else None
                if status is not None and stat.S_ISREG(status.st_mode):
                    self.sizes[entry.name] = status.st_size

    def _bytes(self, name: str) -> bytes:
        with (self._path / name).open("rb") as file:
            return file.read(self.sizes[name])


class Archive(Files):
    """The regular files of a .tar or .tgz.

    Args:
        path: the archive. A compressed one is unpacked in memory.

    Raises:
        CheckpointError: it is damaged, too large, holds more than `MAX_FILES`
            members, or one that leads out of the archive.
    """

    def __init__(self, path: Path) -> None:
        self.label = path.name
        self.sizes = {}
        self._starts: dict[str, int] = {}
        with reading(self.label):
            size = path.stat().st_size
            if size > MAX_BYTES:
                raise ValueError(
                    f"it has {size:,} bytes; at most {MAX_BYTES:,} are read"
                )
            self._data = self._unpacked(path.read_bytes())
            self._list_members()

    def _unpacked(self, data: bytes) -> bytes:
        if not data.startswith(_GZIP_MAGIC):
            return data
        # Weights hardly compress: what unpacks to far more is none.
        limit = min(MAX_BYTES, _MAX_RATIO * len(data) + _MAX_HEADER_BYTES)
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise ValueError(
                f"it unpacks to more than {limit:,} bytes; weights hardly compress. "
                "Unpack it and give the folder"
            )
        return data

    def _list_members(self) -> None:
        with tarfile.open(fileobj=_HeaderReader(self._data), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count == MAX_FILES:
                    raise ValueError(f"it has more than {MAX_FILES} members")
                if not member.isreg():
                    continue
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts or member.issparse():
                    raise ValueError(
                        f"refused the member {member.name!r}; a checkpoint holds plain "
                        "files with relative names"
                    )
                self.sizes[str(name)] = member.size
                self._starts[str(name)] = member.offset_data

    def _bytes(self, name: str) -> bytes:
        start = self._starts[name]
        return self._data[start : start + self.sizes[name]]


class _HeaderReader(io.BytesIO):
    """What `tarfile` reads while it lists members: headers only, and not many.

    A header may announce a long name of any size; this is where it ends.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MAX_HEADER_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = self._left + 1
        self._left -= size
        if self._left < 0:
            raise ValueError("its headers are too long")
        return super().read(size)
