"""Synthetic MIDI files, whole and broken, written byte by byte without the package."""

import random
import struct
from pathlib import Path

PITCHES = (36, 38, 42, 46, 43, 47, 50, 49, 51, 37, 44, 53)
BROKEN = ("empty", "text", "truncated", "smpte", "no drums", "long", "number")


def midi_bytes(
    notes,
    *,
    bars=4,
    tempo=120.0,
    time_signature=(4, 4),
    division=480,
    channel=10,
    extra=(),
) -> bytes:
    """A format 0 file of `(tick, pitch, velocity)` notes that ends after `bars`."""
    bar = division * 4 * time_signature[0] // time_signature[1]
    microseconds = round(60e6 / tempo)
    events = [
        (0, 0, b"\xff\x51\x03" + microseconds.to_bytes(3, "big")),
        (
            0,
            0,
            bytes(
                [
                    0xFF,
                    0x58,
                    4,
                    time_signature[0],
                    time_signature[1].bit_length() - 1,
                    24,
                    8,
                ]
            ),
        ),
        *((tick, 0, data) for tick, data in extra),
    ]
    for tick, pitch, velocity in notes:
        events.append((tick, 2, bytes([0x90 + channel - 1, pitch, velocity])))
        events.append((tick + division // 8, 1, bytes([0x80 + channel - 1, pitch, 0])))
    events.sort(key=lambda event: event[:2])
    track, now = b"", 0
    for tick, _, data in events:
        track += number(tick - now) + data
        now = tick
    track += number(max(0, bars * bar - now)) + b"\xff\x2f\x00"
    header = struct.pack(">4sLHHH", b"MThd", 6, 0, 1, division)
    return header + struct.pack(">4sL", b"MTrk", len(track)) + track


def number(value: int) -> bytes:
    """A variable-length number."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def groove_bytes(seed: int, bars: int = 4, **options) -> bytes:
    """A groove of `bars` bars, another one for each seed; a hit in every bar."""
    rng = random.Random(seed)
    notes = []
    for step in range(bars * 16):
        for pitch in PITCHES:
            downbeat = step % 16 == 0 and pitch == 36
            if downbeat or rng.random() < 0.12:
                tick = max(0, step * 120 + rng.randint(-50, 50))
                notes.append((tick, pitch, rng.randint(1, 127)))
    options.setdefault("tempo", rng.choice((90.0, 104.0, 120.0, 138.0)))
    return midi_bytes(notes, bars=bars, **options)


def broken_bytes(kind: str) -> bytes:
    """A file that gives no groove."""
    whole = groove_bytes(1)
    if kind == "empty":
        return b""
    if kind == "text":
        return b"This is no MIDI file.\n"
    if kind == "truncated":
        return whole[: len(whole) // 2]
    if kind == "smpte":
        return whole[:12] + b"\xe7\x28" + whole[14:]
    if kind == "no drums":
        return groove_bytes(2, channel=3, bars=2)
    if kind == "long":
        return midi_bytes([(0, 36, 90), (100_000_000, 36, 90)], bars=1)
    if kind == "number":
        return whole[:22] + b"\xff" * 5000 + whole[22:]
    raise ValueError(kind)


def write_folder(folder: Path, count: int, *, per_folder: int = 1000) -> int:
    """Writes `count` files, every twentieth broken; returns how many are broken."""
    broken = 0
    for index in range(count):
        place = folder / f"style{index // per_folder}"
        place.mkdir(parents=True, exist_ok=True)
        if index % 20 == 7:
            data = broken_bytes(BROKEN[broken % len(BROKEN)])
            broken += 1
        else:
            data = groove_bytes(index, bars=4 + index % 5)
        (place / f"{index:06d}.mid").write_bytes(data)
    return broken
