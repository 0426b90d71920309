"""The gate for MIDI files of strangers: bytes in, checked events or a typed error out.

One pass over the bytes, linear in their number and stopped by `MidiLimits`, verifies
every event and keeps those that a groove needs. Nothing behind the gate sees the
bytes: mido reads variable-length numbers of any length, miditoolkit pairs unclosed
notes in quadratic time, and both pass nonsense values on.

Format: "Standard MIDI Files 1.0", MIDI Manufacturers Association, RP-001.
"""

import struct
from dataclasses import dataclass

from keras_musicvae.errors import MidiFormatError
from keras_musicvae.grooves.midi_limits import DEFAULT_LIMITS, MidiLimits
from keras_musicvae.grooves.midi_track import CheckedTrack, TrackReader


@dataclass
class CheckedMidi:
    """The events of a file that passed."""

    format: int
    ticks_per_quarter: int
    tracks: list[CheckedTrack]
    remarks: list[str]


def check_midi(data: bytes, limits: MidiLimits = DEFAULT_LIMITS) -> CheckedMidi:
    """Verifies the bytes of a MIDI file and returns its notes, tempos and time
    signatures.

    Args:
        data: The whole file.
        limits: What is refused for its size. Defaults to `DEFAULT_LIMITS`.

    Returns:
        The events that a groove needs; of a sysex, a controller, a text, only the
        form is checked.

    Raises:
        MidiFormatError: Not a MIDI file, or a damaged one; says what, and at which
            byte.
        MidiLimitError: More than `limits` allow.
    """
    limits.check("max_bytes", len(data), "bytes")
    data = _unwrap(data, limits)
    format_, announced, division, pos = _read_header(data)
    checked = CheckedMidi(format_, division, [], [])
    reader = TrackReader(data, division, limits)
    chunks = 0
    while pos < len(data):
        if len(data) - pos < 8:
            checked.remarks.append(f"{len(data) - pos} bytes after the last chunk")
            break
        kind, size = struct.unpack_from(">4sL", data, pos)
        if kind != b"MTrk" and len(checked.tracks) >= announced:
            # The file is complete; some programs append tags of their own.
            checked.remarks.append(f"{len(data) - pos} bytes after the last track")
            break
        chunks += 1
        limits.check("max_chunks", chunks, "chunks")
        start, pos = pos + 8, pos + 8 + size
        if pos > len(data):
            raise MidiFormatError(
                f"the chunk at byte {start - 8} announces {size:,} bytes, "
                f"{len(data) - start:,} follow; {_why_too_long(data, start - 8, kind)}"
            )
        if kind == b"MTrk":
            checked.tracks.append(reader.read(start, pos, len(checked.tracks)))
        else:
            checked.remarks.append(f"unknown chunk {kind!r} skipped")
    if len(checked.tracks) < announced:
        raise MidiFormatError(
            f"the header announces {announced} tracks, the file holds "
            f"{len(checked.tracks)}; it is truncated"
        )
    if len(checked.tracks) > announced:
        checked.remarks.append(
            f"the header announces {announced} tracks, {len(checked.tracks)} were read"
        )
    if format_ == 0 and len(checked.tracks) > 1:
        checked.remarks.append("format 0 with several tracks, read as format 1")
    checked.remarks += reader.remarks
    checked.remarks += [f"{what}: {count}" for what, count in reader.odd.items()]
    return checked


def _unwrap(data: bytes, limits: MidiLimits) -> bytes:
    """The MIDI file that a RIFF-MIDI file (`.rmi`) holds; other data as it is."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    pos, chunks = 12, 0
    while pos + 8 <= len(data):
        kind, size = struct.unpack_from("<4sL", data, pos)
        if kind == b"data":
            return data[pos + 8 : pos + 8 + size]
        pos += 8 + size + size % 2
        chunks += 1
        limits.check("max_chunks", chunks, "chunks")
    raise MidiFormatError("a RIFF-MIDI file that holds no MIDI file")


def _why_too_long(data: bytes, chunk: int, kind: bytes) -> str:
    """What is likely wrong with a chunk that is longer than the file."""
    if kind == b"MTrk":
        return "the file is truncated or damaged"
    track = data.find(b"MTrk", chunk)
    if track < 0:
        return f"it begins with {kind!r}, which is no track: the file is damaged"
    number = track - chunk
    return (
        f"it begins with {kind!r}, which is no track, but one begins at byte {track}: "
        f"probably {number} stray byte{'s' * (number != 1)} before it"
    )


def _read_header(data: bytes) -> tuple[int, int, int, int]:
    """Format, number of tracks, ticks per quarter, position of the first chunk."""
    if data[:4] != b"MThd":
        what = f"begins with {data[:4]!r}, not with b'MThd'" if data else "is empty"
        raise MidiFormatError(f"not a MIDI file: it {what}")
    if len(data) < 14:
        raise MidiFormatError(f"the file ends inside its header, at byte {len(data)}")
    size, format_, tracks, division = struct.unpack_from(">LHHH", data, 4)
    if size < 6 or 8 + size > len(data):
        raise MidiFormatError(
            f"the header announces a length of {size:,} bytes; it has 6, or what the "
            "file holds"
        )
    if format_ > 2:
        raise MidiFormatError(f"MIDI file format {format_} is unknown; it is 0, 1 or 2")
    if division & 0x8000:
        raise MidiFormatError(
            "the file counts SMPTE frames, not musical time, so there are no bars to "
            "read; export it with ticks per quarter note"
        )
    if division == 0:
        raise MidiFormatError("the header gives 0 ticks per quarter note")
    return format_, tracks, division, 8 + size
