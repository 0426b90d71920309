import time

import numpy as np
import pytest

from keras_musicvae.magenta.crc32c import crc32c, masked_crc32c


def bitwise_crc32c(data: bytes) -> int:
    """The definition, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# RFC 3720, appendix B.4.
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_published_values(data, expected):
    assert crc32c(data) == expected


@pytest.mark.parametrize(
    "size",
    [1, 3, 4, 5, 63, 255, 256, 257, 258, 1000]
    + [16 * 1024 + extra for extra in (-5, -4, -3, -1, 0, 1, 3, 4, 5)]
    + [32 * 1024 - 4, 32 * 1024, 32 * 1024 + 1],
)
def test_every_alignment_agrees_with_the_definition(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == bitwise_crc32c(data)


def test_takes_views_of_any_element_size():
    data = np.arange(1000, dtype=np.float32)
    assert crc32c(memoryview(data)) == crc32c(data.tobytes())


def test_masked_value_of_leveldb():
    # leveldb/util/crc32c_test.cc: a mask changes the value and can be undone.
    crc = crc32c(b"foo")
    masked = masked_crc32c(b"foo")
    rotated = (masked - 0xA282EAD8) & 0xFFFFFFFF
    assert masked != crc
    assert (rotated >> 17 | rotated << 15) & 0xFFFFFFFF == crc


def test_fifty_megabytes_take_less_than_a_second():
    data = np.random.default_rng(0).bytes(49 << 20)
    crc32c(data[:100_000])
    start = time.process_time()
    crc32c(data)
    assert time.process_time() - start < 3.0  # 1 on an idle machine
