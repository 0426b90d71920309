"""Sorted string tables: the key-value files of LevelDB and of TensorFlow's `.index`.

    data blocks | metaindex block | index block | footer (48 bytes)

A block is a run of entries (shared prefix length, rest length, value length, rest of
the key, value), then the restart offsets and their number, and behind the block its
compression type and masked CRC-32C. The index block maps to each data block's place.
The format: https://github.com/google/leveldb/blob/main/doc/table_format.md and
`tensorflow/core/lib/io/format.cc`.

Every byte of the file is accounted for: blocks follow each other without a gap, keys
ascend, checksums match. So a flipped bit is found, and the work is bounded by the
file's size.
"""

from itertools import pairwise

import google_crc32c

from keras_musicvae.magenta.files import reading

MAX_ENTRIES = 10_000
_MAX_KEY_BYTES = 1024
_MASK_DELTA = 0xA282EAD8
_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57
# Behind each block: one byte of compression type, four of checksum.
_TRAILER_BYTES = 5
_COMPRESSION = {0: "none", 1: "snappy", 2: "zstd"}


def read_table(data: bytes, label: str) -> dict[bytes, bytes]:
    """Reads all entries of a table.

    Args:
        data: the file's bytes.
        label: what messages call the file.

    Returns:
        The values by key, in the order of the keys.

    Raises:
        CheckpointError: the file is truncated, damaged, compressed or too large.
    """
    with reading(label):
        if len(data) < _FOOTER_BYTES or _fixed(data[-8:]) != _MAGIC:
            raise ValueError(f"{len(data):,} bytes that end without a table's footer")
        body = memoryview(data)[:-_FOOTER_BYTES]
        metaindex, index = _footer(data[-_FOOTER_BYTES:-8])
        places = [_handle(value) for _, value in _entries(_block(body, index))]
        _check_places([*places, metaindex, index], len(body))
        # TensorFlow writes no metadata; reading it checks its bytes all the same.
        _entries(_block(body, metaindex))
        pairs: list[tuple[bytes, bytes]] = []
        for place in places:
            pairs += _entries(_block(body, place), MAX_ENTRIES - len(pairs))
        if any(left >= right for (left, _), (right, _) in pairwise(pairs)):
            raise ValueError("its keys do not ascend")
        return dict(pairs)


def masked_crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C of bytes as TensorFlow stores it.

    A checksum of data that itself holds checksums is weak, therefore the stored one
    is rotated by 15 bits and moved by a constant.
    """
    crc = google_crc32c.value(bytes(data))
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def read_varint(data: bytes | memoryview, start: int) -> tuple[int, int]:
    """Reads an unsigned integer of 7 bits a byte, the lowest first.

    Args:
        data: the bytes.
        start: where the integer begins.

    Returns:
        The integer, below 2**64, and the position behind it.

    Raises:
        ValueError: it is longer than 64 bits.
        IndexError: the data end before it does.
    """
    value = 0
    for position in range(10):
        byte = data[start + position]
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            if value >> 64:
                break
            return value, start + position + 1
    raise ValueError("a number is longer than 64 bits")


def _footer(footer: bytes) -> list[tuple[int, int]]:
    """The places of the metaindex and of the index."""
    numbers = []
    position = 0
    for _ in range(4):
        number, position = read_varint(footer, position)
        numbers.append(number)
    if any(footer[position:]):
        raise ValueError("its footer is malformed")
    return [(numbers[0], numbers[1]), (numbers[2], numbers[3])]


def _handle(value: bytes) -> tuple[int, int]:
    offset, position = read_varint(value, 0)
    size, position = read_varint(value, position)
    if position != len(value):
        raise ValueError("a block's place is malformed")
    return offset, size


def _check_places(places: list[tuple[int, int]], end: int) -> None:
    position = 0
    for offset, size in places:
        if offset != position:
            raise ValueError(f"a block should begin at byte {position}, not {offset}")
        position += size + _TRAILER_BYTES
    if position != end:
        raise ValueError(f"its blocks have {position:,} bytes of {end:,}")


def _block(body: memoryview, place: tuple[int, int]) -> bytes:
    offset, size = place
    end = offset + size
    if end + _TRAILER_BYTES > len(body):
        raise ValueError(f"a block ends beyond the file, at byte {end:,}")
    if masked_crc32c(body[offset : end + 1]) != _fixed(body[end + 1 : end + 5]):
        raise ValueError(f"the checksum of the block at byte {offset:,} is wrong")
    if body[end]:
        name = _COMPRESSION.get(body[end], f"type {body[end]}")
        raise ValueError(
            f"it is compressed ({name}), as TensorFlow before 1.2 did; save it again "
            "with a later one"
        )
    return bytes(body[offset:end])


def _entries(block: bytes, most: int = MAX_ENTRIES) -> list[tuple[bytes, bytes]]:
    """Keys and values, if they are not too many: few bytes can stand for a long key."""
    if len(block) < 4:
        raise ValueError("a block is too short")
    end = len(block) - 4 * (_fixed(block[-4:]) + 1)
    if end < 0:
        raise ValueError("a block is shorter than its restart points")
    found: list[tuple[bytes, bytes]] = []
    position, key = 0, b""
    while position < end:
        if len(found) == most:
            raise ValueError(f"it has more than {MAX_ENTRIES:,} entries")
        shared, position = read_varint(block, position)
        rest, position = read_varint(block, position)
        length, position = read_varint(block, position)
        value_start = position + rest
        value_end = value_start + length
        if shared > len(key) or value_end > end or shared + rest > _MAX_KEY_BYTES:
            raise ValueError("an entry is malformed")
        key = key[:shared] + block[position:value_start]
        found.append((key, block[value_start:value_end]))
        position = value_end
    return found


def _fixed(data: bytes | memoryview) -> int:
    return int.from_bytes(data, "little")
