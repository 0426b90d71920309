"""The gate for MIDI files of strangers: bytes in, checked events or a typed error out.

One pass over the bytes, linear in their number and stopped by `MidiLimits`, verifies
every event and keeps those that a groove needs. Nothing behind the gate sees the
bytes: mido reads variable-length numbers of any length, miditoolkit pairs unclosed
notes in quadratic time, and both pass nonsense values on.

Format: "Standard MIDI Files 1.0", MIDI Manufacturers Association, RP-001.
"""

import struct
from dataclasses import dataclass, field

from keras_musicvae.errors import MidiFormatError, MidiLimitError

DRUM_CHANNEL = 10


@dataclass(frozen=True)
class MidiLimits:
    """How much of a file is read before it is refused.

    The defaults hold every file of the Groove MIDI Dataset with a wide margin, and
    keep any file below one second and 256 MB. To read a bigger file of your own, pass
    `dataclasses.replace(DEFAULT_LIMITS, max_events=...)`.

    Args:
        max_bytes: Size of the file. Defaults to 16 MiB.
        max_chunks: Tracks and unknown chunks together. Defaults to 1,024.
        max_events: Events of all tracks together. Defaults to 200,000.
        max_notes: Note-ons of all tracks together. Defaults to 50,000.
        max_quarters: Position of the last event in quarter notes; 20,000, the
            default, are 2 h 47 min at 120 bpm.
        max_tempo_changes: Defaults to 10,000.
        max_time_signature_changes: Defaults to 1,000.
        max_tempo: Fastest tempo in quarter notes per minute. Defaults to 1,000. (The
            slowest is that of the format, 3.6.)
        max_bar_quarters: Length of a bar in quarter notes. Defaults to 32.
        max_denominator: Of a time signature. Defaults to 64.
    """

    max_bytes: int = 16 * 2**20
    max_chunks: int = 1_024
    max_events: int = 200_000
    max_notes: int = 50_000
    max_quarters: int = 20_000
    max_tempo_changes: int = 10_000
    max_time_signature_changes: int = 1_000
    max_tempo: float = 1_000.0
    max_bar_quarters: int = 32
    max_denominator: int = 64


DEFAULT_LIMITS = MidiLimits()

# (tick, channel from 1, pitch, velocity; 0 is a note-off)
NoteEvent = tuple[int, int, int, int]


@dataclass
class CheckedTrack:
    """One track of a checked file: notes in file order, and where it ends."""

    name: str = ""
    notes: list[NoteEvent] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)  # tick, us per quarter
    time_signatures: list[tuple[int, int, int]] = field(
        default_factory=list
    )  # tick, n, d
    end_tick: int = 0


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
    if len(data) > limits.max_bytes:
        raise MidiLimitError(
            f"the file has {len(data):,} bytes; at most {limits.max_bytes:,} are read "
            "(MidiLimits.max_bytes)"
        )
    format_, announced, division, pos = _read_header(data)
    checked = CheckedMidi(format_, division, [], [])
    reader = _TrackReader(data, division, limits)
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
        if chunks > limits.max_chunks:
            raise MidiLimitError(
                f"the file has more than {limits.max_chunks:,} chunks "
                "(MidiLimits.max_chunks)"
            )
        start, pos = pos + 8, pos + 8 + size
        if pos > len(data):
            raise MidiFormatError(
                f"the chunk at byte {start - 8} announces {size:,} bytes, "
                f"{len(data) - start:,} follow; the file is truncated or damaged"
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
    return checked


def _read_header(data: bytes) -> tuple[int, int, int, int]:
    """Format, number of tracks, ticks per quarter, position of the first chunk."""
    if data[:4] != b"MThd":
        what = "an empty file" if not data else f"it begins with {data[:4]!r}"
        raise MidiFormatError(f"not a MIDI file: {what}, not with b'MThd'")
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


class _TrackReader:
    """Reads track after track and counts what all of them hold together."""

    def __init__(self, data: bytes, division: int, limits: MidiLimits):
        self.data = data
        self.limits = limits
        self.max_tick = limits.max_quarters * division
        self.num_events = 0
        self.num_notes = 0
        self.num_tempos = 0
        self.num_time_signatures = 0
        self.remarks: list[str] = []

    def read(self, start: int, end: int, number: int) -> CheckedTrack:
        """Reads the events of the bytes `start` to `end`."""
        track = CheckedTrack()
        try:
            pos = self._read_events(start, end, track)
        except IndexError:
            # Only a track that is the last chunk can run past the end of the data.
            pos = end + 1
        if pos > end:
            raise MidiFormatError(
                f"track {number}, which ends at byte {end}, ends inside an event; the "
                "file is truncated or damaged"
            )
        if pos < end:
            self.remarks.append(
                f"track {number}: {end - pos} bytes after its end were not read"
            )
        return track

    def _read_events(self, pos: int, end: int, track: CheckedTrack) -> int:
        """Fills `track`; returns the position after the end-of-track event."""
        data, max_tick = self.data, self.max_tick
        max_events = self.limits.max_events
        add_note = track.notes.append
        num_events, tick, running = self.num_events, 0, 0
        while pos < end:
            num_events += 1
            if num_events > max_events:
                raise MidiLimitError(
                    f"the file has more than {max_events:,} events "
                    "(MidiLimits.max_events)"
                )
            delta = data[pos]
            pos += 1
            if delta >= 0x80:
                delta, pos = _read_number(data, pos - 1)
            tick += delta
            if tick > max_tick:
                raise MidiLimitError(
                    f"the event at byte {pos} lies {tick:,} ticks after the start; at "
                    f"most {self.limits.max_quarters:,} quarter notes are read "
                    "(MidiLimits.max_quarters)"
                )
            status = data[pos]
            if status < 0x80:
                if not running:
                    raise MidiFormatError(
                        f"byte {pos}: a data byte ({status}) where an event begins"
                    )
                status = running
            else:
                pos += 1
                if status < 0xF0:
                    running = status
            kind = status & 0xF0
            if kind == 0x90 or kind == 0x80:
                pitch, velocity = data[pos], data[pos + 1]
                pos += 2
                if pitch > 127 or velocity > 127:
                    raise _data_byte_error(pos)
                if kind == 0x80:
                    velocity = 0
                elif velocity:
                    self.num_notes += 1
                add_note((tick, (status & 0x0F) + 1, pitch, velocity))
            elif kind == 0xC0 or kind == 0xD0:
                if data[pos] > 127:
                    raise _data_byte_error(pos + 1)
                pos += 1
            elif kind != 0xF0:
                if data[pos] > 127 or data[pos + 1] > 127:
                    raise _data_byte_error(pos + 2)
                pos += 2
            elif status == 0xFF:
                meta = data[pos]
                length, pos = _read_number(data, pos + 1)
                if pos + length > end:
                    return pos + length
                if meta == 0x2F:
                    pos += length
                    break
                self._read_meta(meta, tick, data[pos : pos + length], pos, track)
                pos += length
            elif status == 0xF0 or status == 0xF7:
                length, pos = _read_number(data, pos)
                pos += length
            else:
                raise MidiFormatError(
                    f"byte {pos - 1}: status 0x{status:02X} is not an event of a file"
                )
        self.num_events = num_events
        if self.num_notes > self.limits.max_notes:
            raise MidiLimitError(
                f"the file has more than {self.limits.max_notes:,} notes "
                "(MidiLimits.max_notes)"
            )
        track.end_tick = tick
        return pos

    def _read_meta(
        self, meta: int, tick: int, body: bytes, pos: int, track: CheckedTrack
    ) -> None:
        """Keeps a name, a tempo or a time signature."""
        limits = self.limits
        if meta == 0x03 and not track.name:
            track.name = body[:256].decode("latin-1")
        elif meta == 0x51:
            tempo = int.from_bytes(_body_of("tempo", body, 3, pos))
            if tempo == 0:
                raise MidiFormatError(f"byte {pos}: a tempo of 0 us per quarter note")
            if 60e6 / tempo > limits.max_tempo:
                raise MidiLimitError(
                    f"byte {pos}: a tempo of {60e6 / tempo:,.0f} bpm; at most "
                    f"{limits.max_tempo:,.0f} are read (MidiLimits.max_tempo)"
                )
            self.num_tempos += 1
            if self.num_tempos > limits.max_tempo_changes:
                raise MidiLimitError(
                    f"the file has more than {limits.max_tempo_changes:,} tempo "
                    "changes (MidiLimits.max_tempo_changes)"
                )
            track.tempos.append((tick, tempo))
        elif meta == 0x58:
            numerator, power = _body_of("time signature", body, 4, pos)[:2]
            if numerator == 0:
                raise MidiFormatError(f"byte {pos}: a time signature with 0 beats")
            if 2**power > limits.max_denominator:
                raise MidiLimitError(
                    f"byte {pos}: a time signature of {numerator}/2^{power}; the "
                    f"second number is at most {limits.max_denominator} "
                    "(MidiLimits.max_denominator)"
                )
            if numerator * 4 > limits.max_bar_quarters << power:
                raise MidiLimitError(
                    f"byte {pos}: a time signature of {numerator}/{2**power}; a bar "
                    f"has at most {limits.max_bar_quarters} quarter notes "
                    "(MidiLimits.max_bar_quarters)"
                )
            self.num_time_signatures += 1
            if self.num_time_signatures > limits.max_time_signature_changes:
                raise MidiLimitError(
                    f"the file has more than {limits.max_time_signature_changes:,} "
                    "time signatures (MidiLimits.max_time_signature_changes)"
                )
            track.time_signatures.append((tick, numerator, 2**power))


def _read_number(data: bytes, pos: int) -> tuple[int, int]:
    """A variable-length number of at most 4 bytes, and the position after it."""
    value = 0
    for index in range(pos, pos + 4):
        byte = data[index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, index + 1
    raise MidiFormatError(f"byte {pos}: a number of more than 4 bytes")


def _body_of(what: str, body: bytes, length: int, pos: int) -> bytes:
    if len(body) != length:
        raise MidiFormatError(
            f"byte {pos}: a {what} of {len(body)} bytes; it has {length}"
        )
    return body


def _data_byte_error(pos: int) -> MidiFormatError:
    return MidiFormatError(f"byte {pos - 1}: a data byte over 127")
