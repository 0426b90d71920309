"""From a file, bytes or a `miditoolkit.MidiFile` to the checked notes of its drums.

Bytes are parsed by the gate (`midi_check`) alone: a check has to walk every event in
any case, and a second parse by mido would cost several times as much.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import miditoolkit
import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import (
    GrooveError,
    MidiError,
    MidiFileError,
    MidiFormatError,
    shown,
)
from keras_musicvae.files import open_regular, reason, user_path
from keras_musicvae.grooves.drum_part import Channel, find_drums
from keras_musicvae.grooves.groove import MIN_TEMPO, check_time_signature
from keras_musicvae.grooves.midi_check import CheckedMidi, check_midi
from keras_musicvae.grooves.midi_limits import (
    DEFAULT_LIMITS,
    DRUM_CHANNEL,
    MidiLimits,
)
from keras_musicvae.grooves.midi_track import HIHAT_PEDAL, CheckedTrack
from keras_musicvae.grooves.track_names import clean_name

MidiSource: TypeAlias = (
    str
    | PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | miditoolkit.MidiFile
)


@dataclass(frozen=True)
class LoadedMidi:
    """The notes that were asked for, and what the file held besides.

    Attributes:
        ticks_per_quarter: The resolution.
        notes: `(notes, 4)` int64, start, pitch, velocity, end; in the order in which
            they end, those of zero length included.
        tempos: `(tick, tempo)` in the order of time.
        time_signatures: `(tick, numerator, denominator)` in the order of time.
        end_tick: Where the file says that the tracks of these notes end; 0 if it
            does not say.
        marked_end: Whether a marker stands there: the end is meant, however late.
        pedal: Whether they come with the position of a hi-hat pedal.
        unclosed: Notes without a note-off, closed at the end of their track.
        other_notes: `{channel: notes}` that were not asked for.
        remarks: What was odd, in words.
    """

    ticks_per_quarter: int
    notes: npt.NDArray[np.int64]
    tempos: list[tuple[int, float]]
    time_signatures: list[tuple[int, int, int]]
    end_tick: int = 0
    marked_end: bool = False
    pedal: bool = False
    unclosed: int = 0
    other_notes: dict[int, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def has_notes(self) -> bool:
        """Whether there are notes, to be read or not."""
        return bool(len(self.notes) or self.other_notes)


def load_midi(
    source: MidiSource,
    *,
    channel: Channel = "auto",
    track: int | str | None = None,
    limits: MidiLimits = DEFAULT_LIMITS,
) -> LoadedMidi:
    """Loads the notes of one channel or track of a MIDI file, safely.

    Arguments and errors as in `read_midi`.
    """
    known = channel in ("auto", None, *range(1, 17))
    if not known or isinstance(channel, bool | float):
        raise MidiError(
            f'channel must be 1 to 16, None or "auto". Received: {shown(channel)}'
        )
    if isinstance(source, miditoolkit.MidiFile):
        if channel not in ("auto", None, DRUM_CHANNEL):
            raise MidiError(
                "miditoolkit keeps no channels, only whether an instrument is a drum "
                "kit; pass channel=10 or None, or choose the instrument by track=. "
                f"Received: channel={channel}"
            )
        midi = _check_instruments(source, limits)
    else:
        midi = check_midi(_read(source, limits), limits)
    part = find_drums(midi, channel, track)
    # In formats 0 and 1 any track may hold the tempo; in format 2 each has its own.
    timing = part.tracks if midi.format == 2 else midi.tracks
    played = part.played
    end_tick = max((track.end_tick for track in played or timing), default=0)
    channels = Counter(note[0] for track in midi.tracks for note in track.notes)
    channels.subtract(note[0] for note in part.notes)
    remarks = [*midi.remarks, *filter(None, [part.remark])]
    if unknown := channels.pop(0, 0):
        remarks.append(f"{unknown} notes of other instruments were not read")
    return LoadedMidi(
        ticks_per_quarter=midi.ticks_per_quarter,
        notes=np.array([note[1:] for note in part.notes], np.int64).reshape(-1, 4),
        tempos=sorted(
            (event for track in timing for event in track.tempos), key=itemgetter(0)
        ),
        time_signatures=sorted(
            (event for track in timing for event in track.time_signatures),
            key=itemgetter(0),
        ),
        end_tick=end_tick,
        marked_end=any(track.marker_tick == end_tick for track in timing),
        pedal=any(part.reads(number) for track in played for number in track.pedals),
        unclosed=sum(
            count
            for track in played
            for number, count in track.unclosed.items()
            if part.reads(number)
        ),
        other_notes={number: n for number, n in sorted(channels.items()) if n},
        remarks=tuple(remarks),
    )


def _read(source: object, limits: MidiLimits) -> bytes:
    """The bytes of a source, never more than the limit and one."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source[: limits.max_bytes + 1])
    if isinstance(source, str | PathLike):
        path = user_path(source)
        try:
            if path.exists() and not path.is_file():
                raise MidiFormatError("not a file but a folder, a device or a pipe")
            with open_regular(path) as file:
                return file.read(limits.max_bytes + 1)
        except OSError as error:
            raise MidiFileError(f"cannot be read: {reason(error)}") from None
    if is_file_object(source):
        return _read_object(source, limits.max_bytes + 1)
    raise MidiError(
        "a MIDI source is a path, bytes, a file opened in binary mode or a "
        f"miditoolkit.MidiFile. Received: {type(source).__name__}"
    )


def _read_object(source: Any, size: int) -> bytes:
    """At most `size` bytes of an open file, which may give fewer at a time."""
    data = bytearray()
    while len(data) < size:
        try:
            piece = source.read(size - len(data))
        except (OSError, ValueError) as error:  # ValueError: it is closed
            raise MidiFileError(f"the open file cannot be read: {error}") from None
        if not isinstance(piece, bytes):
            raise MidiError(
                'a MIDI file must be opened in binary mode, open(path, "rb"). '
                f"Received: a file that gives {type(piece).__name__}"
            )
        if not piece:
            break
        data += piece
    return bytes(data)


def is_file_object(source: object) -> bool:
    """Whether a source is an open file, or something like it (`BytesIO`)."""
    return callable(getattr(source, "read", None))


def source_path(source: object) -> Path | None:
    """The path of a source that has one."""
    if isinstance(source, str | PathLike):
        return Path(source)
    name = getattr(source, "name", None) if is_file_object(source) else None
    return Path(name) if isinstance(name, str) else None


def _check_instruments(source: miditoolkit.MidiFile, limits: MidiLimits) -> CheckedMidi:
    """A file in memory, which may hold anything too, as a checked one."""
    try:
        return _from_instruments(source, limits)
    except (TypeError, ValueError, OverflowError, AttributeError, GrooveError) as error:
        if isinstance(error, MidiError):
            raise
        raise MidiFormatError(f"not a possible MidiFile: {error}") from None


def _from_instruments(source: miditoolkit.MidiFile, limits: MidiLimits) -> CheckedMidi:
    division = int(source.ticks_per_beat)
    if not 0 < division < 0x8000:
        raise MidiFormatError(f"{division} ticks per quarter note; it is 1 to 32,767")
    signatures = source.time_signature_changes
    notes = sum(len(part.notes) for part in source.instruments)
    limits.check("max_notes", notes, "notes")
    limits.check("max_tempo_changes", len(source.tempo_changes), "tempos")
    limits.check("max_time_signature_changes", len(signatures), "time signatures")
    limits.check("max_quarters", (source.max_tick - 1) / division, "quarters")
    timing = CheckedTrack()
    for marker in source.markers:
        timing.marker_tick = max(timing.marker_tick, int(marker.time))
    for change in source.tempo_changes:
        limits.check("max_tempo", change.tempo, "bpm")
        if not change.tempo >= MIN_TEMPO:
            raise MidiFormatError(
                f"a tempo of {change.tempo} bpm; it is {MIN_TEMPO:.1f} or more"
            )
        timing.tempos.append((int(change.time), float(change.tempo)))
    for event in signatures:
        beats, unit = check_time_signature((event.numerator, event.denominator))
        limits.check("max_bar_quarters", 4 * beats / unit, "quarters in a bar")
        timing.time_signatures.append((int(event.time), beats, unit))
    tracks = []
    for part in source.instruments:
        names = tuple(filter(None, [clean_name(str(part.name or ""))]))
        channel = DRUM_CHANNEL if part.is_drum else 0
        track = CheckedTrack(names, end_tick=max(int(source.max_tick) - 1, 0))
        if any(change.number == HIHAT_PEDAL for change in part.control_changes):
            track.pedals.add(channel)
        for note in part.notes:
            values = (note.start, note.pitch, note.velocity, note.end)
            start, pitch, velocity, end = map(math.floor, values)
            limits.check("max_quarters", start / division, "quarters")
            if start < 0 or not (0 <= pitch <= 127 and 1 <= velocity <= 127):
                raise MidiFormatError(
                    f"a note at tick {start} of pitch {pitch}, velocity {velocity}; "
                    "these are 0 or more, 0 to 127 and 1 to 127"
                )
            track.notes.append((channel, start, pitch, velocity, end))
        tracks.append(track)
    # The tempo is no instrument's; it stands behind them, so that they keep their
    # numbers.
    return CheckedMidi(1, division, [*tracks, timing], [])
