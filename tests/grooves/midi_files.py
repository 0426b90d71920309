"""Builds MIDI files byte by byte, good ones and bad ones."""

import struct

END = b"\x00\xff\x2f\x00"


def number(value: int) -> bytes:
    """A variable-length number."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def header(tracks: int = 1, format_: int = 1, division: int = 480) -> bytes:
    return b"MThd" + struct.pack(">LHHH", 6, format_, tracks, division)


def chunk(body: bytes, kind: bytes = b"MTrk", size: int | None = None) -> bytes:
    return kind + struct.pack(">L", len(body) if size is None else size) + body


def file(*tracks: bytes, format_: int = 1, division: int = 480) -> bytes:
    """A file of tracks, each given by its events without the end."""
    return header(len(tracks), format_, division) + b"".join(
        chunk(track + END) for track in tracks
    )


def riff(data: bytes, *chunks: tuple[bytes, bytes], form: bytes = b"RMID") -> bytes:
    """A RIFF file that holds a MIDI file behind other chunks."""
    parts = [
        kind + struct.pack("<L", len(body)) + body + b"\0" * (len(body) % 2)
        for kind, body in (*chunks, (b"data", data))
    ]
    body = form + b"".join(parts)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def meta(kind: int, body: bytes, delta: int = 0) -> bytes:
    return number(delta) + bytes([0xFF, kind]) + number(len(body)) + body


def tempo(bpm: float, delta: int = 0) -> bytes:
    return meta(0x51, round(60e6 / bpm).to_bytes(3), delta)


def time_signature(beats: int, unit: int, delta: int = 0) -> bytes:
    return meta(0x58, bytes([beats, unit.bit_length() - 1, 24, 8]), delta)


def note(pitch=36, velocity=100, delta=0, length=60, channel=10) -> bytes:
    """A note-on `delta` ticks after the last event, and its note-off."""
    status = channel - 1
    return (
        number(delta)
        + bytes([0x90 | status, pitch, velocity])
        + number(length)
        + bytes([0x80 | status, pitch, 64])
    )


def notes(*ticks: int, pitch=36, velocity=100, channel=10, length=1) -> bytes:
    """Notes at absolute ticks, in order."""
    result, now = b"", 0
    for tick in ticks:
        result += note(pitch, velocity, tick - now, length, channel)
        now = tick + length
    return result


GOOD = file(tempo(100) + time_signature(4, 4) + notes(0, 480, 960, 1440))
