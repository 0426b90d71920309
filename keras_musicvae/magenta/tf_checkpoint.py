"""TensorFlow's checkpoints (`.index`, `.data-00000-of-00001`), without TensorFlow.

The index is a sorted table (`sstable.py`) from variable names to records of type,
shape and place; the tensors' bytes lie behind each other in a data file,
little-endian and in row-major order. The records are protocol buffers:
`BundleHeaderProto` under the empty key, and a `BundleEntryProto` per variable
(`tensorflow/core/protobuf/tensor_bundle.proto`).

Everything is checked before it is used: sizes against shapes, places against the data
file, which the tensors must fill exactly, and every tensor's CRC-32C.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.magenta.files import Files, reading
from keras_musicvae.magenta.sstable import masked_crc32c, read_table, read_varint

MAX_INDEX_BYTES = 4 << 20
_MAX_RANK = 8
_INDEX_SUFFIX = ".index"
# `tensorflow/core/framework/types.proto`: all that Magenta's models hold.
_DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
}
_STRING = 7


@dataclass(frozen=True)
class _Entry:
    """Where a variable lies: a `BundleEntryProto`."""

    name: str
    dtype: int
    shape: tuple[int, ...]
    offset: int
    size: int
    crc: int


def find_checkpoints(files: Files) -> list[str]:
    """The checkpoints among files, the newest one last.

    Args:
        files: a folder or an archive.

    Returns:
        Their prefixes (`model.ckpt-1000`), by their step number.
    """
    prefixes = [
        name.removesuffix(_INDEX_SUFFIX)
        for name in files.sizes
        if name.endswith(_INDEX_SUFFIX)
    ]
    return sorted(prefixes, key=_step)


def read_tf_checkpoint(files: Files, prefix: str) -> dict[str, NDArray]:
    """Reads all variables of a checkpoint and verifies their checksums.

    Args:
        files: the folder or archive.
        prefix: the name without `.index`, as `find_checkpoints` gives it.

    Returns:
        Read-only arrays by variable name, in the order of the names.

    Raises:
        CheckpointError: a file is missing, truncated, damaged or too large, or it
            holds what no Magenta checkpoint holds (strings, partitioned variables).

    Example:
        >>> variables = read_tf_checkpoint(Folder(Path("run")), "model.ckpt-1000")
        >>> variables["encoder/mu/kernel"].shape
        (1024, 256)
    """
    index = files.read(prefix + _INDEX_SUFFIX, limit=MAX_INDEX_BYTES)
    table = read_table(index, f"{files.label}: {prefix}{_INDEX_SUFFIX}")
    with reading(f"{files.label}: {prefix}"):
        _check_header(table.pop(b"", b""))
        # A slice of a partitioned variable has a key of its own, which begins with a
        # zero; the variable, which is refused, has another.
        entries = [
            _entry(key, value)
            for key, value in table.items()
            if not key.startswith(b"\0")
        ]
        data = files.read(f"{prefix}.data-00000-of-00001")
        _check_places(entries, len(data))
        return {entry.name: _tensor(entry, data) for entry in entries}


def _step(prefix: str) -> int:
    found = re.search(r"-(\d{1,18})$", prefix)
    return int(found[1]) if found else -1


# --- Protocol buffers ---------------------------------------------------------


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The (field number, value) pairs of a message."""
    position = 0
    while position < len(message):
        tag, position = read_varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = read_varint(message, position)
            yield number, value
            continue
        if wire_type == 2:
            size, position = read_varint(message, position)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"unknown wire type {wire_type}")
        if position + size > len(message):
            raise IndexError
        data = message[position : position + size]
        position += size
        yield number, data if wire_type == 2 else int.from_bytes(data, "little")


def _check_header(header: bytes) -> None:
    fields = dict(_fields(header))
    if fields.get(1, 0) != 1:
        raise ValueError(f"{fields.get(1, 0)!r} data files, 1 is allowed")
    if fields.get(2, 0) != 0:
        raise ValueError("it is big-endian")


def _entry(key: bytes, record: bytes) -> _Entry:
    name = key.decode("utf-8")
    numbers = dict.fromkeys((1, 3, 4, 5, 6), 0)
    shape: tuple[int, ...] = ()
    for number, value in _fields(record):
        if number == 7:
            raise ValueError(
                f"{name!r} is partitioned into slices; save it in one piece"
            )
        if number == 2:
            shape = _shape(value)
        elif number in numbers and isinstance(value, int):
            numbers[number] = value
    dtype, shard, offset, size, crc = numbers.values()
    if dtype not in _DTYPES:
        kind = "strings" if dtype == _STRING else f"values of type {dtype}"
        raise ValueError(f"{name!r} holds {kind}")
    if len(shape) > _MAX_RANK:
        raise ValueError(f"{name!r} has {len(shape)} dimensions")
    if shard:
        raise ValueError(f"{name!r} lies in data file {shard} of 1")
    expected = math.prod(shape) * _DTYPES[dtype].itemsize
    if size != expected:
        raise ValueError(
            f"{name!r} of shape {shape} should have {expected:,} bytes, not {size:,}"
        )
    return _Entry(name, dtype, shape, offset, size, crc)


def _shape(message: int | bytes) -> tuple[int, ...]:
    if not isinstance(message, bytes):
        raise ValueError("a shape is malformed")
    sizes = []
    for number, value in _fields(message):
        if number != 2 or not isinstance(value, bytes):
            raise ValueError("a shape is not fully known")
        size = dict(_fields(value)).get(1, 0)
        if not isinstance(size, int) or not 1 <= size < 1 << 31:
            raise ValueError(f"a dimension of {size!r} is out of range")
        sizes.append(size)
    return tuple(sizes)


# --- Tensors ------------------------------------------------------------------


def _check_places(entries: list[_Entry], size: int) -> None:
    places = sorted((entry.offset, entry.offset + entry.size) for entry in entries)
    if any(end > start for (_, end), (start, _) in pairwise(places)):
        raise ValueError("two variables share the same bytes")
    end = places[-1][1] if places else 0
    if end != size:
        raise ValueError(
            f"the data file has {size:,} bytes, and its variables end at byte {end:,}: "
            f"it is {'truncated' if end > size else 'of another index'}"
        )


def _tensor(entry: _Entry, data: bytes) -> NDArray:
    content = memoryview(data)[entry.offset : entry.offset + entry.size]
    if masked_crc32c(content) != entry.crc:
        raise ValueError(f"the checksum of {entry.name!r} is wrong; fetch it again")
    array = np.frombuffer(content, _DTYPES[entry.dtype]).reshape(entry.shape)
    array.flags.writeable = False
    return array
