"""From a groove to MIDI that every DAW plays as it was meant.

Magenta's output breaks in five ways: always 120 bpm, negative starts, velocity 0
(which is a note-off), overlapping notes of a pitch, no end of the loop. Here the file
has the groove's tempo and time signature, channel 10, starts from 0, velocities 1 to
127, notes that end before the next one of their pitch begins, and ends with the last
bar.
"""

import struct
from collections.abc import Iterable
from os import PathLike
from typing import Any

import miditoolkit
import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import GrooveError, MidiLimitError, shown
from keras_musicvae.files import replacing
from keras_musicvae.grooves.drum_maps import DrumMap, get_drum_map
from keras_musicvae.grooves.groove import Groove, check_groove
from keras_musicvae.grooves.midi_limits import (
    DEFAULT_LIMITS,
    DRUM_CHANNEL,
    MAX_REST_BARS,
    MidiLimits,
)

TICKS_PER_QUARTER = 480
MAX_TICKS_PER_QUARTER = 32_767
_MAX_WAIT = 2**28 - 1  # ticks, in the four bytes of a variable-length number
# The length of a drum note hardly matters to a sampler: a 16th, as Magenta writes.
NOTE_QUARTERS = 0.25
EARLY = ("clip", "wrap")

_NOTE_ON, _NOTE_OFF = 0x90 | DRUM_CHANNEL - 1, 0x80 | DRUM_CHANNEL - 1
# Kinds of events, in their order at one tick: a note ends before the next one of its
# pitch begins.
_META, _OFF, _ON = 0, 1, 2


def groove_to_midi(
    groove: Groove,
    *,
    drum_map: str | PathLike[str] | DrumMap | None = None,
    ticks_per_quarter: int = TICKS_PER_QUARTER,
    early: str = "clip",
    limits: MidiLimits = DEFAULT_LIMITS,
) -> miditoolkit.MidiFile:
    """A groove as a `miditoolkit.MidiFile` with one drum instrument.

    A hit is placed on the nearest tick inside its cell, so that reading the file
    gives the same hits again, at most half a tick away. (A hit within half a tick of
    the border between two steps is moved by up to one tick.)

    `max_tick - 1` is the end of the loop. `miditoolkit`'s own `dump` ends the file
    earlier, after the last note; `write_midi` ends it there.

    Args:
        groove: Any groove.
        drum_map: The map of the instrument that will play: a name, a JSON path or a
            `DrumMap`. Articulations are translated. None, the default: the map that
            the groove was read with, Roland TD-11 if it was not.
        ticks_per_quarter: Resolution, from the groove's `steps_per_quarter` up to
            32,767. Defaults to 480.
        early: A hit ahead of the first downbeat would start before the file does.
            `"clip"`, the default, plays it at tick 0; `"wrap"` at the end of the loop,
            which is in time when the loop repeats. (Reading such a file without
            looping gives one bar more, whose downbeat it anticipates.)
        limits: Nothing is written that `read_midi` with these limits would refuse.
            Defaults to `DEFAULT_LIMITS`.

    Raises:
        GrooveError: An impossible resolution, one at which the loop does not end
            on a tick, another `early`, or a groove beyond `limits`.
        DrumMapError: An unknown drum map.
    """
    check_groove(groove)
    if not isinstance(limits, MidiLimits):
        raise GrooveError(f"limits must be MidiLimits. Received: {shown(limits)}")
    _check_options(groove, ticks_per_quarter, early)
    _check_readable(groove, limits)
    target = groove.drum_map if drum_map is None else get_drum_map(drum_map)
    end = _ticks(groove.num_quarters, ticks_per_quarter)
    steps, drums = np.nonzero(groove.hits)
    starts = _start_ticks(groove, steps, drums, ticks_per_quarter, end, early)
    velocities = np.clip(np.rint(groove.velocities[steps, drums] * 127), 1, 127)
    pitches = groove.struck_pitches(target)[steps, drums]

    order = np.lexsort((drums, starts))
    starts, pitches = starts[order], pitches[order]
    ends = _end_ticks(starts, pitches, end, ticks_per_quarter)
    midi = miditoolkit.MidiFile(ticks_per_beat=ticks_per_quarter)
    midi.max_tick = end + 1
    midi.tempo_changes = [miditoolkit.TempoChange(groove.tempo, 0)] + [
        miditoolkit.TempoChange(tempo, _ticks(quarter, ticks_per_quarter))
        for quarter, tempo in groove.tempo_changes
    ]
    midi.time_signature_changes = [miditoolkit.TimeSignature(*groove.time_signature, 0)]
    midi.markers = [
        miditoolkit.Marker(text, _ticks(quarter, ticks_per_quarter))
        for quarter, text in groove.markers
    ]
    rest = groove.num_steps - 1 - int(steps.max(initial=0))
    if not len(steps) or rest // groove.steps_per_bar > MAX_REST_BARS:
        midi.markers.append(miditoolkit.Marker("end", end))  # it is meant to be so late
    midi.instruments = [
        miditoolkit.Instrument(
            0,
            is_drum=True,
            name=groove.name,
            notes=[
                miditoolkit.Note(*values)
                for values in zip(
                    velocities[order].astype(int).tolist(),
                    pitches.tolist(),
                    starts.tolist(),
                    ends.tolist(),
                    strict=True,
                )
            ],
        )
    ]
    return midi


def write_midi(
    groove: Groove,
    path: str | PathLike[str],
    *,
    drum_map: str | PathLike[str] | DrumMap | None = None,
    ticks_per_quarter: int = TICKS_PER_QUARTER,
    early: str = "clip",
    limits: MidiLimits = DEFAULT_LIMITS,
) -> None:
    """Writes a groove as a MIDI file (format 0) that ends with its last bar.

    The name of the groove becomes the name of the track, in UTF-8.

    Args:
        groove: Any groove; join several with `join_grooves`.
        path: The file; it is replaced as a whole or not at all.
        drum_map: As in `groove_to_midi`.
        ticks_per_quarter: Resolution. Defaults to 480.
        early: As in `groove_to_midi`.
        limits: As in `groove_to_midi`.

    Raises:
        GrooveError: As in `groove_to_midi`.
        DrumMapError: An unknown drum map.
        OutputError: The file cannot be written.

    Example:
        >>> write_midi(groove, "loop.mid", drum_map="general_midi")  # doctest: +SKIP
    """
    midi = groove_to_midi(
        groove,
        drum_map=drum_map,
        ticks_per_quarter=ticks_per_quarter,
        early=early,
        limits=limits,
    )
    data = midi_bytes(midi)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def midi_bytes(midi: miditoolkit.MidiFile) -> bytes:
    """The bytes of a drum file as `groove_to_midi` makes it, with its exact end.

    Written here and not by mido, whose messages are checked one by one: that takes
    longer than a model needs for the groove. An event is one integer, so that sorting
    is fast.
    """
    notes = np.array(
        [
            (note.start, note.end, note.pitch, note.velocity)
            for instrument in midi.instruments
            for note in instrument.notes
        ],
        np.int64,
    ).reshape(-1, 4)
    starts, ends, pitches, velocities = notes.T
    metas = _meta_events(midi)
    events = [_packed(tick, _META, i) for i, (tick, _) in enumerate(metas)]
    events += _packed(starts, _ON, pitches << 7 | velocities).tolist()
    events += _packed(ends, _OFF, pitches << 7 | 64).tolist()
    events.sort()
    track, now, status = bytearray(), 0, 0
    for event in events:
        tick = event >> 26
        wait = tick - now
        if wait > _MAX_WAIT:
            track += _pause(wait)
            wait, status = wait % _MAX_WAIT, 0
        if wait < 0x80:  # most are; a call would take longer than the rest
            track.append(wait)
        else:
            track += _variable_length(wait)
        now, kind = tick, event >> 24 & 3
        if kind == _META:
            track += metas[event & 0xFFFFFF][1]
            status = 0
            continue
        # Running status: a byte that repeats the one before is left out.
        if kind != status:
            track.append(_NOTE_ON if kind == _ON else _NOTE_OFF)
            status = kind
        track.append(event >> 7 & 0x7F)
        track.append(event & 0x7F)
    wait = midi.max_tick - 1 - now
    track += _pause(wait) + _variable_length(wait % _MAX_WAIT) + _meta(0x2F, b"")
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, midi.ticks_per_beat)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + bytes(track)


def _packed(tick: Any, kind: int, data: Any) -> Any:
    """An event, or an array of them: tick, kind (2 bits), data (24 bits)."""
    return (tick << 2 | kind) << 24 | data


def _meta_events(midi: miditoolkit.MidiFile) -> list[tuple[int, bytes]]:
    """(tick, event) of titles, time signatures and tempos, in their order at a tick."""
    events = []
    for instrument in midi.instruments:
        if instrument.name:
            # A title must not make writing fail.
            name = instrument.name.encode("utf-8", "replace")
            events.append((0, _meta(0x03, name)))
    for time_signature in midi.time_signature_changes:
        power = time_signature.denominator.bit_length() - 1
        # 24 MIDI clocks per metronome click, 8 32nd notes per quarter: the usual.
        events.append(
            (time_signature.time, _meta(0x58, (time_signature.numerator, power, 24, 8)))
        )
    for marker in midi.markers:
        events.append(
            (marker.time, _meta(0x06, marker.text.encode("utf-8", "replace")))
        )
    for change in midi.tempo_changes:
        tempo = min(max(round(60e6 / change.tempo), 1), 2**24 - 1)
        events.append((change.time, _meta(0x51, tempo.to_bytes(3, "big"))))
    return events


def _meta(kind: int, data: Iterable[int]) -> bytes:
    content = bytes(data)
    return bytes((0xFF, kind)) + _variable_length(len(content)) + content


def _pause(wait: int) -> bytes:
    """Empty texts for a wait that is longer than one event can wait."""
    return (_variable_length(_MAX_WAIT) + _meta(0x01, b"")) * (wait // _MAX_WAIT)


def _variable_length(number: int) -> bytes:
    """Seven bits to a byte, the first bit set in all but the last byte."""
    if number < 0x80:
        return bytes((number,))
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _check_options(groove: Groove, ticks_per_quarter: int, early: str) -> None:
    low = groove.steps_per_quarter
    if (
        not isinstance(ticks_per_quarter, int | np.integer)
        or not low <= ticks_per_quarter <= MAX_TICKS_PER_QUARTER
    ):
        raise GrooveError(
            f"ticks_per_quarter must be an integer from {low} (the groove's steps per "
            f"quarter) to {MAX_TICKS_PER_QUARTER}. "
            f"Received: {shown(ticks_per_quarter)}"
        )
    if groove.num_steps * ticks_per_quarter % groove.steps_per_quarter:
        raise GrooveError(
            f"the loop of {groove.num_quarters:g} quarter notes does not end on a "
            f"tick at {ticks_per_quarter} ticks per quarter; choose a multiple of "
            f"{groove.steps_per_quarter}"
        )
    if not isinstance(early, str) or early not in EARLY:
        raise GrooveError(
            f"early must be one of {', '.join(EARLY)}. Received: {shown(early)}"
        )


def _check_readable(groove: Groove, limits: MidiLimits) -> None:
    """What is written can be read again, or is not written."""
    beats, unit = groove.time_signature
    tempos = [groove.tempo, *(tempo for _, tempo in groove.tempo_changes)]
    try:
        limits.check("max_notes", groove.num_hits, "hits")
        limits.check("max_quarters", groove.num_quarters, "quarters")
        limits.check("max_tempo_changes", len(tempos), "tempos")
        limits.check("max_tempo", max(tempos), "bpm")
        limits.check("max_bar_quarters", 4 * beats / unit, "quarters in a bar")
        limits.check("max_denominator", unit, "as denominator")
    except MidiLimitError as error:
        raise GrooveError(f"what is written must be readable: {error}") from None


def _start_ticks(
    groove: Groove,
    steps: npt.NDArray[np.int64],
    drums: npt.NDArray[np.int64],
    ticks_per_quarter: int,
    end: int,
    early: str,
) -> npt.NDArray[np.int64]:
    """The nearest tick of each hit that lies inside its cell and inside the loop."""
    grid = groove.steps_per_quarter
    exact = (steps - groove.offsets[steps, drums].astype(np.float64)) / grid
    ticks = np.rint(exact * ticks_per_quarter).astype(np.int64)
    # The cell of step s is open: (s - 1/2, s + 1/2) steps, as whole numbers of ticks.
    low = (2 * steps - 1) * ticks_per_quarter // (2 * grid) + 1
    high = -(-(2 * steps + 1) * ticks_per_quarter // (2 * grid)) - 1
    ticks = np.minimum(np.maximum(ticks, low), high)  # np.clip takes thrice as long
    if early == "wrap":
        ticks = np.where(ticks < 0, ticks + end, ticks)
    return np.minimum(np.maximum(ticks, 0), end - 1)


def _end_ticks(
    starts: npt.NDArray[np.int64],
    pitches: npt.NDArray[np.uint8],
    end: int,
    ticks_per_quarter: int,
) -> npt.NDArray[np.int64]:
    """A 16th after the start, or where the pitch sounds again, or at the loop's end."""
    length = max(1, round(NOTE_QUARTERS * ticks_per_quarter))
    ends = np.minimum(starts + length, end)
    # The starts are in order: next to each other now are hits of one pitch, in time.
    by_pitch = np.argsort(pitches, kind="stable")
    this, following = by_pitch[:-1], by_pitch[1:]
    again = pitches[this] == pitches[following]
    this, following = this[again], following[again]
    ends[this] = np.minimum(ends[this], starts[following])
    return ends


def _ticks(quarters: float, ticks_per_quarter: int) -> int:
    return round(quarters * ticks_per_quarter)
