"""From a file, bytes or a `miditoolkit.MidiFile` to checked notes of one channel.

Whatever the source, what leaves this module is a `miditoolkit.MidiFile` within the
limits. Bytes are parsed by the gate (`midi_check`) alone: a check has to walk every
event in any case, and a second parse by mido would cost several times as much. (A
second parse by symusic would cost little and save little: `benchmarks/read_midi.py`.)
"""

import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import miditoolkit

from keras_musicvae.errors import MidiError, MidiFormatError, MidiLimitError
from keras_musicvae.grooves.groove import check_time_signature
from keras_musicvae.grooves.midi_check import (
    DEFAULT_LIMITS,
    DRUM_CHANNEL,
    CheckedMidi,
    CheckedTrack,
    MidiLimits,
    check_midi,
)

MidiSource: TypeAlias = str | PathLike[str] | bytes | bytearray | miditoolkit.MidiFile


@dataclass
class LoadedMidi:
    """The notes that were asked for, and what the file held besides.

    Attributes:
        midi: One instrument per track; notes in the order in which they end, those
            of zero length included. Its tempos and time signatures are sorted by time.
        end_tick: Where the file says that the tracks of these notes end; 0 if it
            does not say.
        unclosed: Notes without a note-off, closed at the end of their track.
        other_notes: `{channel: notes}` that were not asked for.
        remarks: What was odd, in words.
    """

    midi: miditoolkit.MidiFile
    end_tick: int = 0
    unclosed: int = 0
    other_notes: dict[int, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[miditoolkit.Note]:
        """The notes of all instruments."""
        return [note for part in self.midi.instruments for note in part.notes]


def load_midi(
    source: MidiSource,
    *,
    channel: int | None = DRUM_CHANNEL,
    track: int | str | None = None,
    limits: MidiLimits = DEFAULT_LIMITS,
) -> LoadedMidi:
    """Loads the notes of one channel or track of a MIDI file, safely.

    Args:
        source: A path, the bytes of a file, or a `miditoolkit.MidiFile`.
        channel: 1 to 16, or None for all. Defaults to 10, General MIDI's drums.
        track: Number (from 0) or name of the only track to read. None, the default,
            reads all; of a format 2 file, whose tracks are independent patterns, it
            reads the only one with such notes.
        limits: What is refused for its size.

    Raises:
        MidiFormatError: Not a MIDI file, or a damaged one.
        MidiLimitError: More than `limits` allow.
        MidiError: No such track or channel, or a format 2 file of several patterns.
        OSError: The file cannot be opened.
    """
    if channel is not None and not (isinstance(channel, int) and 1 <= channel <= 16):
        raise MidiError(f"channel must be 1 to 16, or None. Received: {channel!r}")
    if isinstance(source, miditoolkit.MidiFile):
        return _select_instruments(source, channel, track, limits)
    if isinstance(source, bytes | bytearray):
        return _select_tracks(check_midi(bytes(source), limits), channel, track)
    if not isinstance(source, str | PathLike):
        raise MidiError(
            "a MIDI source is a path, bytes or a miditoolkit.MidiFile. "
            f"Received: {type(source).__name__}"
        )
    path = Path(source)
    try:
        return _select_tracks(check_midi(_read(path, limits), limits), channel, track)
    except MidiError as error:
        raise type(error)(f"{path}: {error}") from None


def _read(path: Path, limits: MidiLimits) -> bytes:
    """The bytes of a regular file, never more than the limit and one."""
    # Asked before it is opened: opening a pipe waits for someone to write into it.
    if not stat.S_ISREG(path.stat().st_mode):
        raise MidiFormatError("not a file but a folder, a device or a pipe")
    with path.open("rb") as file:
        return file.read(limits.max_bytes + 1)


# --- From checked bytes -------------------------------------------------------


def _select_tracks(
    checked: CheckedMidi, channel: int | None, track: int | str | None
) -> LoadedMidi:
    chosen = _choose(checked, channel, track)
    # In formats 0 and 1 any track may hold the tempo; in format 2 each has its own.
    timing = chosen if checked.format == 2 else checked.tracks
    midi = miditoolkit.MidiFile(ticks_per_beat=checked.ticks_per_quarter)
    loaded = LoadedMidi(midi, remarks=list(checked.remarks))
    midi.tempo_changes = _tempo_changes(timing)
    midi.time_signature_changes = [
        miditoolkit.TimeSignature(numerator, denominator, tick)
        for tick, numerator, denominator in sorted(
            (
                time_signature
                for part in timing
                for time_signature in part.time_signatures
            ),
            key=lambda time_signature: time_signature[0],
        )
    ]
    for part in chosen:
        notes, unclosed = _pair(part, channel)
        loaded.unclosed += unclosed
        if notes:
            is_drum = channel in (DRUM_CHANNEL, None)
            midi.instruments.append(
                miditoolkit.Instrument(0, is_drum, part.name, notes)
            )
            loaded.end_tick = max(loaded.end_tick, part.end_tick)
    midi.max_tick = loaded.end_tick + 1
    loaded.other_notes = _count_others(checked.tracks, chosen, channel)
    return loaded


def _choose(
    checked: CheckedMidi, channel: int | None, track: int | str | None
) -> list[CheckedTrack]:
    tracks = checked.tracks
    if track is not None:
        matches = [
            part
            for number, part in enumerate(tracks)
            if track in (number, part.name or None)
        ]
        if len(matches) != 1:
            names = ", ".join(
                f"{i} {part.name!r}" for i, part in enumerate(tracks[:20])
            )
            raise MidiError(
                f"{'several tracks are' if matches else 'no track is'} called "
                f"{track!r}. The file has {len(tracks)}: {names}"
            )
        return matches
    if checked.format != 2:
        return tracks
    patterns = [
        (number, part)
        for number, part in enumerate(tracks)
        if any(note[3] and channel in (None, note[1]) for note in part.notes)
    ]
    if len(patterns) > 1:
        raise MidiError(
            f"a format 2 file of {len(patterns)} independent patterns; choose one by "
            f"track=, out of {', '.join(str(number) for number, _ in patterns[:20])}"
        )
    return [part for _, part in patterns]


def _pair(
    track: CheckedTrack, channel: int | None
) -> tuple[list[miditoolkit.Note], int]:
    """The notes in the order in which they end, and how many were never ended.

    A note-off ends every open note of its pitch that began on an earlier tick, as in
    pretty_midi and note-seq, whose order decides between equally loud notes of one
    cell. Every note is looked at twice at most, so that the time is linear.
    """
    notes: list[miditoolkit.Note] = []
    opened: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for tick, own_channel, pitch, velocity in track.notes:
        if channel is not None and own_channel != channel:
            continue
        key = own_channel, pitch
        if velocity:
            opened.setdefault(key, []).append((tick, velocity))
        elif waiting := opened.pop(key, None):
            earlier = [note for note in waiting if note[0] < tick]
            if earlier and len(earlier) < len(waiting):
                opened[key] = waiting[len(earlier) :]
                waiting = earlier
            for start, strength in waiting:
                notes.append(miditoolkit.Note(strength, pitch, start, tick))
    unclosed = [
        miditoolkit.Note(velocity, pitch, start, max(start + 1, track.end_tick))
        for (_, pitch), waiting in opened.items()
        for start, velocity in waiting
    ]
    return notes + unclosed, len(unclosed)


def _tempo_changes(tracks: Iterable[CheckedTrack]) -> list[miditoolkit.TempoChange]:
    events = sorted(
        (tempo for part in tracks for tempo in part.tempos), key=lambda tempo: tempo[0]
    )
    return [miditoolkit.TempoChange(6e7 / tempo, tick) for tick, tempo in events]


def _count_others(
    tracks: list[CheckedTrack], chosen: list[CheckedTrack], channel: int | None
) -> dict[int, int]:
    used = {id(part) for part in chosen}
    counts = Counter(
        note[1]
        for part in tracks
        for note in part.notes
        if note[3] and not (id(part) in used and channel in (None, note[1]))
    )
    return dict(sorted(counts.items()))


# --- From miditoolkit ---------------------------------------------------------


def _select_instruments(
    source: miditoolkit.MidiFile,
    channel: int | None,
    track: int | str | None,
    limits: MidiLimits,
) -> LoadedMidi:
    """Takes the drum instruments of a file in memory; it may be anything too."""
    if channel not in (DRUM_CHANNEL, None):
        raise MidiError(
            "miditoolkit keeps no channels, only whether an instrument is a drum "
            "kit; pass channel=10 or None, or choose the instrument by track=. "
            f"Received: channel={channel}"
        )
    chosen = [
        part
        for number, part in enumerate(source.instruments)
        if (track is None or track in (number, part.name or None))
        and (part.is_drum or channel is None or track is not None)
    ]
    others = sum(len(part.notes) for part in source.instruments if part not in chosen)
    midi = miditoolkit.MidiFile(ticks_per_beat=source.ticks_per_beat)
    midi.instruments = chosen
    midi.tempo_changes = sorted(source.tempo_changes, key=lambda event: event.time)
    midi.time_signature_changes = sorted(
        source.time_signature_changes, key=lambda event: event.time
    )
    midi.max_tick = source.max_tick
    _check_instruments(midi, limits)
    loaded = LoadedMidi(midi, end_tick=max(source.max_tick - 1, 0))
    if others:
        loaded.remarks.append(f"{others} notes of other instruments were not read")
    return loaded


def _check_instruments(midi: miditoolkit.MidiFile, limits: MidiLimits) -> None:
    division = midi.ticks_per_beat
    if not 0 < division < 0x8000:
        raise MidiFormatError(f"{division} ticks per quarter note; it is 1 to 32,767")
    if sum(len(part.notes) for part in midi.instruments) > limits.max_notes:
        raise MidiLimitError(
            f"more than {limits.max_notes:,} notes (MidiLimits.max_notes)"
        )
    last = limits.max_quarters * division
    for part in midi.instruments:
        for note in part.notes:
            if not 0 <= note.start <= last:
                raise MidiLimitError(
                    f"a note at tick {note.start}; it is 0 to {last:,} "
                    "(MidiLimits.max_quarters)"
                )
            if not (0 <= note.pitch <= 127 and 1 <= note.velocity <= 127):
                raise MidiFormatError(
                    f"a note of pitch {note.pitch}, velocity {note.velocity}; they "
                    "are 0 to 127 and 1 to 127"
                )
    if midi.max_tick - 1 > last:
        raise MidiLimitError(
            f"the file ends at tick {midi.max_tick:,}; at most {last:,} are read "
            "(MidiLimits.max_quarters)"
        )
    if len(midi.time_signature_changes) > limits.max_time_signature_changes:
        raise MidiLimitError(
            f"more than {limits.max_time_signature_changes:,} time signatures "
            "(MidiLimits.max_time_signature_changes)"
        )
    for time_signature in midi.time_signature_changes:
        beats, unit = check_time_signature(
            (time_signature.numerator, time_signature.denominator)
        )
        if beats * 4 > unit * limits.max_bar_quarters:
            raise MidiLimitError(
                f"a time signature of {beats}/{unit}; a bar has "
                f"at most {limits.max_bar_quarters} quarter notes "
                "(MidiLimits.max_bar_quarters)"
            )
    for change in midi.tempo_changes:
        if not 60e6 / (2**24 - 1) <= change.tempo <= limits.max_tempo:
            raise MidiLimitError(
                f"a tempo of {change.tempo} bpm; it is 3.6 to {limits.max_tempo:,.0f}"
            )
