"""The events of a track: bytes in, checked notes out, or a typed error.

Half of the gate: `midi_check` reads the file, this module the tracks in it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from keras_musicvae.errors import MidiFormatError
from keras_musicvae.grooves.midi_limits import MidiLimits
from keras_musicvae.grooves.track_names import track_names

HIHAT_PEDAL = 4  # the controller

# channel from 1 (0: unknown), start, pitch, velocity, end
Note = tuple[int, int, int, int, int]

# How many data bytes follow the messages of a cable, which have no place in a file.
_CABLE_MESSAGES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0} | dict.fromkeys(
    range(0xF8, 0xFF), 0
)
_CABLE = "messages of a cable (real-time or system) inside tracks, skipped"


@dataclass
class CheckedTrack:
    """One track of a checked file.

    Attributes:
        names: The name as text, read in each encoding that it may be in; the likeliest
            first.
        notes: In the order in which they end.
        unclosed: `{channel: notes}` that had no note-off.
        pedals: The channels that send the position of a hi-hat pedal.
        tempos: `(tick, quarter notes per minute)`.
        time_signatures: `(tick, numerator, denominator)`.
        end_tick: Where the track ends.
        marker_tick: Where its last marker is; -1 without any.
    """

    names: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list)
    unclosed: Counter[int] = field(default_factory=Counter)
    pedals: set[int] = field(default_factory=set)
    tempos: list[tuple[int, float]] = field(default_factory=list)
    time_signatures: list[tuple[int, int, int]] = field(default_factory=list)
    end_tick: int = 0
    marker_tick: int = -1

    @property
    def name(self) -> str:
        """The likeliest reading of the name; "" if the track has none."""
        return self.names[0] if self.names else ""


class TrackReader:
    """Reads track after track and counts what all of them hold together."""

    def __init__(self, data: bytes, division: int, limits: MidiLimits):
        self.data = data
        self.division = division
        self.limits = limits
        self.max_tick = limits.max_quarters * division
        self.num_events = 0
        self.num_notes = 0
        self.num_tempos = 0
        self.num_time_signatures = 0
        self.remarks: list[str] = []
        self.odd: Counter[str] = Counter()

    def read(self, start: int, end: int, number: int) -> CheckedTrack:
        """Reads the events of the bytes `start` to `end`."""
        track = CheckedTrack()
        events: list[tuple[int, int, int, int]] = []
        try:
            pos = self._read_events(start, end, track, events.append)
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
        _pair(events, track)
        return track

    def _read_events(
        self,
        pos: int,
        end: int,
        track: CheckedTrack,
        add_note: Callable[[tuple[int, int, int, int]], None],
    ) -> int:
        """Fills `track`; returns the position after the end-of-track event.

        `add_note` gets tick, channel, pitch and velocity; 0 is a note-off.
        """
        data, max_tick = self.data, self.max_tick
        max_events = self.limits.max_events
        num_events, tick, running = self.num_events, 0, 0
        while pos < end:
            num_events += 1
            if num_events > max_events:
                self.limits.check("max_events", num_events, "events")
            delta = data[pos]
            pos += 1
            if delta >= 0x80:
                delta, pos = _read_number(data, pos - 1)
            tick += delta
            if tick > max_tick:
                quarters = tick / self.division
                self.limits.check("max_quarters", quarters, f"quarters at byte {pos}")
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
                    pos, pitch, velocity = self._data_bytes(pos - 2, 2)
                if kind == 0x80:
                    velocity = 0
                elif velocity:
                    self.num_notes += 1
                add_note((tick, (status & 0x0F) + 1, pitch, velocity))
            elif kind == 0xC0 or kind == 0xD0:
                if data[pos] > 127:
                    pos, _ = self._data_bytes(pos, 1)
                else:
                    pos += 1
            elif kind != 0xF0:
                if kind == 0xB0 and data[pos] == HIHAT_PEDAL:
                    track.pedals.add((status & 0x0F) + 1)
                if data[pos] > 127 or data[pos + 1] > 127:
                    pos, *_ = self._data_bytes(pos, 2)
                else:
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
            elif status in _CABLE_MESSAGES:
                self.odd[_CABLE] += 1
                pos += _CABLE_MESSAGES[status]
            else:
                raise MidiFormatError(
                    f"byte {pos - 1}: status 0x{status:02X} is not an event of a file"
                )
        self.num_events = num_events
        self.limits.check("max_notes", self.num_notes, "notes")
        track.end_tick = tick
        return pos

    def _data_bytes(self, pos: int, count: int) -> list[int]:
        """The position after `count` data bytes, and these.

        Real-time bytes between them are skipped.
        """
        found = [pos]
        while len(found) <= count:
            byte = self.data[found[0]]
            if 0xF8 <= byte < 0xFF:
                self.odd[_CABLE] += 1
                self.limits.check("max_events", self.odd[_CABLE], "real-time bytes")
            elif byte > 127:
                raise MidiFormatError(f"byte {found[0]}: a data byte over 127")
            else:
                found.append(byte)
            found[0] += 1
        return found

    def _read_meta(
        self, meta: int, tick: int, body: bytes, pos: int, track: CheckedTrack
    ) -> None:
        """Keeps a name, a tempo or a time signature."""
        limits = self.limits
        if meta == 0x03 and not track.names:
            track.names = track_names(body)
        elif meta == 0x06:
            track.marker_tick = tick
        elif meta == 0x51 and len(body) != 3:
            self.odd[f"tempos of {len(body)} bytes (they have 3), skipped"] += 1
        elif meta == 0x51 and not any(body):
            self.odd["tempos of 0 us per quarter note, skipped"] += 1
        elif meta == 0x51:
            tempo = int.from_bytes(body)
            limits.check("max_tempo", 6e7 / tempo, f"bpm at byte {pos}")
            self.num_tempos += 1
            limits.check("max_tempo_changes", self.num_tempos, "tempos")
            track.tempos.append((tick, 6e7 / tempo))
        elif meta == 0x58 and len(body) < 2:
            self.odd[
                f"time signatures of {len(body)} bytes (they have 4), skipped"
            ] += 1
        elif meta == 0x58 and body[0] == 0:
            self.odd["time signatures with 0 beats, skipped"] += 1
        elif meta == 0x58:
            numerator, power = body[:2]
            if len(body) != 4:
                self.odd[
                    f"time signatures of {len(body)} bytes (they have 4), read by the "
                    "first two"
                ] += 1
            where = f"at byte {pos}, a time signature of {numerator}/2^{power}"
            limits.check("max_denominator", 2**power, f"as denominator {where}")
            quarters = 4 * numerator / 2**power
            limits.check("max_bar_quarters", quarters, f"quarters in a bar {where}")
            self.num_time_signatures += 1
            limits.check(
                "max_time_signature_changes",
                self.num_time_signatures,
                "time signatures",
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


def _pair(events: list[tuple[int, int, int, int]], track: CheckedTrack) -> None:
    """Fills `track.notes`, in the order in which they end, and `track.unclosed`.

    A note-off ends every open note of its pitch that began on an earlier tick, as in
    pretty_midi and note-seq, whose order decides between equally loud notes of one
    cell. Every note is looked at twice at most, so that the time is linear.
    """
    opened: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for tick, channel, pitch, velocity in events:
        key = channel, pitch
        if velocity:
            opened.setdefault(key, []).append((tick, velocity))
        elif waiting := opened.pop(key, None):
            earlier = [note for note in waiting if note[0] < tick]
            if earlier and len(earlier) < len(waiting):
                opened[key] = waiting[len(earlier) :]
                waiting = earlier
            track.notes += [
                (channel, start, pitch, loud, tick) for start, loud in waiting
            ]
    for (channel, pitch), waiting in opened.items():
        track.unclosed[channel] += len(waiting)
        track.notes += [
            (channel, start, pitch, loud, max(start + 1, track.end_tick))
            for start, loud in waiting
        ]
