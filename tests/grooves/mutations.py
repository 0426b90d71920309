"""Damages MIDI files at random, in the ways that find faults in parsers."""

import random

# Bytes with a meaning somewhere in a MIDI file, and the borders of ranges.
TELLING_BYTES = (
    *(0x00, 0x01, 0x7F, 0x80, 0x81, 0x89, 0x99),
    *(0xF0, 0xF1, 0xF2, 0xF6, 0xF7, 0xF8, 0xFC, 0xFF, 0x2F, 0x51),
)
TELLING_RUNS = (
    b"MTrk",
    b"MThd",
    b"\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\xff",
    b"\x00\xff\x2f\x00",
    b"\x00\xff\x51\x03\x00\x00\x00",
    b"\x00\xff\x51\x03\x07\xa1\x20",
    b"\x00\xff\x58\x04\x07\x08\x18\x08",
    b"\x00\xff\x58\x04\x00\xff\x18\x08",
    b"\x00\x99\x24\x7f",
    b"\x81\x70\x24\x7f",
    b"\x00\xf0\x7f",
    b"\x00\xf8",
    b"\x00\xff\x58\x02\x03\x02",
    b"\x00\xff\x51\x02\x07\xa1",
    b"\x00\xff\x03\x06\x83\x68\x83\x89\x83\x80",
    b"\x00\xff\x06\x00",
    b"RIFF\xff\xff\xff\xffRMIDdata",
    b"\x00\xc9\x01",
)


def mutate(data: bytes, others: list[bytes], generator: random.Random) -> bytes:
    """One to six random changes to a file."""
    result = bytearray(data)
    for _ in range(generator.randint(1, 6)):
        generator.choice(_CHANGES)(result, others, generator)
    if generator.random() < 0.7:
        # A wrong length is noticed at once; what lies behind it shall be read too.
        _mend_length(result)
    return bytes(result)


def _place(data, generator):
    # The first bytes, where the header and the lengths are, deserve more attention.
    limit = len(data) if generator.random() < 0.7 else min(len(data), 40)
    return generator.randrange(limit) if limit else 0


def _flip_bit(data, others, generator):
    if data:
        data[_place(data, generator)] ^= 1 << generator.randrange(8)


def _set_byte(data, others, generator):
    if data:
        data[_place(data, generator)] = generator.choice(TELLING_BYTES)


def _insert(data, others, generator):
    place = _place(data, generator)
    data[place:place] = generator.choice(TELLING_RUNS) * generator.randint(1, 3)


def _overwrite(data, others, generator):
    place, run = _place(data, generator), generator.choice(TELLING_RUNS)
    data[place : place + len(run)] = run


def _delete(data, others, generator):
    place = _place(data, generator)
    del data[place : place + generator.randint(1, 16)]


def _truncate(data, others, generator):
    del data[_place(data, generator) :]


def _repeat(data, others, generator):
    place = _place(data, generator)
    piece = data[place : place + generator.randint(1, 64)]
    data[place:place] = piece * generator.randint(1, 200)


def _splice(data, others, generator):
    other = generator.choice(others)
    place, start = _place(data, generator), generator.randrange(len(other))
    data[place:] = other[start:]


def _set_length(data, others, generator):
    place = data.find(b"MTrk", generator.randrange(len(data)) if data else 0)
    if place >= 0:
        size = generator.choice(
            (0, 1, len(data), 0xFFFFFFFF, generator.getrandbits(32))
        )
        data[place + 4 : place + 8] = size.to_bytes(4)


def _mend_length(data):
    """Makes the last track as long as it is."""
    place = data.rfind(b"MTrk")
    if place >= 0 and place + 8 <= len(data):
        data[place + 4 : place + 8] = (len(data) - place - 8).to_bytes(4)


_CHANGES = (
    _flip_bit,
    _set_byte,
    _insert,
    _overwrite,
    _delete,
    _truncate,
    _repeat,
    _splice,
    _set_length,
)
