"""From notes in ticks to the cells of a grid: the heart of reading.

A part of a file (one time signature) becomes one `Groove`. The arithmetic repeats that
of Magenta's `GrooveConverter` and note-seq, so that the arrays are equal bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import (
    DrumMapError,
    MidiError,
    NoDrumsError,
    UnknownPitchError,
)
from keras_musicvae.grooves.drum_maps import (
    DRUMS,
    NUM_DRUMS,
    NUM_PITCHES,
    UNKNOWN,
    DrumMap,
)
from keras_musicvae.grooves.groove import Groove, bar_steps
from keras_musicvae.grooves.midi_load import LoadedMidi
from keras_musicvae.grooves.report import ReadReport, name_channels, name_pitches
from keras_musicvae.grooves.timing import Part, TempoMap, split_parts

UnknownPitch: TypeAlias = str | Mapping[int, str]
ZERO_LENGTH = ("auto", "skip", "keep")


@dataclass(frozen=True)
class ReadOptions:
    """How notes become hits; the arguments of `read_midi`."""

    drum_map: DrumMap
    steps_per_quarter: int
    unknown_pitch: UnknownPitch
    zero_length: str
    name: str


@dataclass(frozen=True)
class _Notes:
    """Notes as arrays of equal length, in the order in which they end."""

    ticks: npt.NDArray[np.int64]
    pitches: npt.NDArray[np.int64]
    velocities: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ticks)

    def __getitem__(self, chosen: npt.NDArray[np.intp | np.bool_]) -> "_Notes":
        return _Notes(self.ticks[chosen], self.pitches[chosen], self.velocities[chosen])


def quantize(loaded: LoadedMidi, options: ReadOptions) -> list[Groove]:
    """The parts of a file that hold drum hits, one groove for each.

    Raises:
        NoDrumsError: There is no hit in the whole file.
        UnknownPitchError: With `unknown_pitch="error"`.
        GrooveError: The bars of a time signature do not end on steps of this grid.
    """
    notes, zero_length = _note_arrays(loaded, options.zero_length)
    drums = options.drum_map.drum_table[notes.pitches]
    fallback = _fallback_table(options.unknown_pitch)[notes.pitches]
    mapped = (drums == UNKNOWN) & (fallback != UNKNOWN)
    drums = np.where(mapped, fallback, drums)
    unknown = drums == UNKNOWN
    report = ReadReport(
        num_notes=len(notes),
        unknown_pitches=_counts(notes.pitches[unknown]),
        mapped_pitches=_counts(notes.pitches[mapped]),
        zero_length=zero_length,
        unclosed=loaded.unclosed,
        other_notes=loaded.other_notes,
        remarks=tuple(loaded.remarks),
    )
    if unknown.all():
        raise NoDrumsError(_why_no_drums(report, options.drum_map))
    if unknown.any() and options.unknown_pitch == "error":
        raise UnknownPitchError(
            f"the drum map {options.drum_map.name!r} lacks the pitches "
            f"{name_pitches(report.unknown_pitches)}; choose another drum_map or "
            'unknown_pitch="skip"'
        )
    # A mapped pitch is no articulation of the map: its drum's usual one is meant.
    struck = _Notes(notes.ticks, np.where(mapped, 0, notes.pitches), notes.velocities)
    parts = split_parts(loaded.midi, loaded.end_tick)
    owners = _owners(notes.ticks, parts, loaded, options.steps_per_quarter)
    report = replace(report, remarks=_remarks(loaded, parts, owners[~unknown]))
    tempos = TempoMap(loaded.midi)
    # The notes of a part lie together once they are ordered by part.
    order = np.argsort(owners, kind="stable")
    bounds = np.searchsorted(owners[order], np.arange(len(parts) + 1))
    grooves = []
    for part, start, stop in zip(parts, bounds, bounds[1:], strict=False):
        here = order[start:stop]
        known = here[~unknown[here]]
        if len(known) == 0:
            continue
        part_report = replace(
            report,
            num_notes=len(here),
            unknown_pitches=_counts(notes.pitches[here][unknown[here]]),
            mapped_pitches=_counts(notes.pitches[here][mapped[here]]),
        )
        grooves.append(
            _groove(
                loaded, part, tempos, struck[known], drums[known], options, part_report
            )
        )
    return grooves


def quantize_positions(
    ticks: npt.NDArray[np.int64],
    ticks_per_quarter: int,
    tempo: float,
    steps_per_quarter: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The nearest step of each position, and how much earlier than it the note is.

    `step = floor(position + 1/2)`: an exact half goes up. In exact arithmetic the tempo
    would not matter. Magenta goes from ticks to seconds and back; the rounding of the
    detour decides which way exact halves go, and is repeated here, operation by
    operation.

    Args:
        ticks: `(n,)` int64, from the start of the part.
        ticks_per_quarter: The resolution of the file.
        tempo: Quarter notes per minute at the start of the part. Later changes do
            not count: ticks follow them already.
        steps_per_quarter: The grid.

    Returns:
        Steps `(n,)` int64; offsets `(n,)` float64 from -0.5 to 0.5 steps, positive =
        early.
    """
    tick_seconds = 60.0 / (tempo * ticks_per_quarter)
    quarters_per_minute = 60.0 / (tick_seconds * ticks_per_quarter)
    step_seconds = 60.0 / quarters_per_minute / steps_per_quarter
    steps_per_second = steps_per_quarter * quarters_per_minute / 60.0
    seconds = tick_seconds * ticks
    steps = np.floor(seconds * steps_per_second + 0.5)
    offsets = (steps * step_seconds - seconds) / step_seconds
    return steps.astype(np.int64), np.clip(offsets, -0.5, 0.5)


def _groove(
    loaded: LoadedMidi,
    part: Part,
    tempos: TempoMap,
    notes: _Notes,
    drums: npt.NDArray[np.int8],
    options: ReadOptions,
    report: ReadReport,
) -> Groove:
    """One part on the grid: in each cell the loudest note, on a tie the first."""
    division, grid = loaded.midi.ticks_per_beat, options.steps_per_quarter
    tempo = tempos.at(part.start)
    steps, offsets = quantize_positions(notes.ticks - part.start, division, tempo, grid)
    cells = steps * NUM_DRUMS + drums
    order = np.lexsort((np.arange(len(notes)), -notes.velocities, cells))
    _, firsts = np.unique(cells[order], return_index=True)
    winners = order[firsts]
    where = steps[winners], drums[winners]

    num_steps = _num_steps(int(steps.max()), part, division, grid)
    hits = np.zeros((num_steps, NUM_DRUMS), bool)
    velocities = np.zeros(hits.shape, np.float32)
    early = np.zeros(hits.shape, np.float32)
    pitches = np.zeros(hits.shape, np.uint8)
    hits[where] = True
    velocities[where] = notes.velocities[winners] / 127
    early[where] = offsets[winners]
    pitches[where] = notes.pitches[winners]
    end = part.start + -(-num_steps * division // grid)
    if not part.is_last:
        end = min(end, part.end)  # its last bar may reach into the next part
    return Groove(
        hits=hits,
        velocities=velocities,
        offsets=early,
        tempo=tempo,
        time_signature=part.time_signature,
        steps_per_quarter=grid,
        pitches=pitches,
        tempo_changes=tuple(
            ((tick - part.start) / division, bpm)
            for tick, bpm in tempos.changes(part.start, end)
        ),
        name=options.name,
        drum_map=options.drum_map,
        report=replace(
            report,
            num_hits=len(winners),
            shared_cells=len(notes) - len(winners),
        ),
    )


def _num_steps(last_step: int, part: Part, division: int, grid: int) -> int:
    """Whole bars, up to the last hit or to an end of the track on a bar line.

    A recording ends anywhere, a loop on a bar line: its empty last bars belong to it.
    """
    bar = bar_steps(part.time_signature, grid)
    bars = last_step // bar + 1
    beats, unit = part.time_signature
    length = (part.end - part.start) * unit
    bar_ticks = beats * 4 * division  # times `unit`, to stay in whole numbers
    if length > 0 and length % bar_ticks == 0:
        bars = max(bars, length // bar_ticks)
    return bars * bar


def _note_arrays(loaded: LoadedMidi, zero_length: str) -> tuple[_Notes, int]:
    """The notes to read, and how many of zero length were left out."""
    if zero_length not in ZERO_LENGTH:
        raise MidiError(
            f"zero_length must be one of {', '.join(ZERO_LENGTH)}. "
            f"Received: {zero_length!r}"
        )
    values = np.array(
        [
            (note.start, note.pitch, note.velocity, note.end > note.start)
            for note in loaded.notes
        ],
        np.int64,
    ).reshape(-1, 4)
    notes = _Notes(values[:, 0], values[:, 1], values[:, 2])
    lasting = values[:, 3].astype(bool)
    dropped = int((~lasting).sum())
    if zero_length == "keep" or (zero_length == "auto" and 2 * dropped > len(notes)):
        return notes, 0
    return notes[lasting], dropped


def _fallback_table(unknown_pitch: UnknownPitch) -> npt.NDArray[np.int8]:
    """`(128,)`: the drum for each pitch that the drum map lacks."""
    table = np.full(NUM_PITCHES, UNKNOWN, np.int8)
    if isinstance(unknown_pitch, Mapping):
        chosen = unknown_pitch
    elif unknown_pitch in DRUMS:
        chosen = dict.fromkeys(range(NUM_PITCHES), unknown_pitch)
    elif unknown_pitch in ("skip", "error"):
        chosen = {}
    else:
        raise MidiError(
            'unknown_pitch must be "skip", "error", a drum or {pitch: drum}; the drums '
            f"are {', '.join(DRUMS)}. Received: {unknown_pitch!r}"
        )
    for pitch, drum in chosen.items():
        if drum not in DRUMS or not 0 <= pitch < NUM_PITCHES:
            raise DrumMapError(
                f"unknown_pitch maps pitches 0-127 to one of {', '.join(DRUMS)}. "
                f"Received: {pitch!r}: {drum!r}"
            )
        table[pitch] = DRUMS.index(drum)
    return table


def _owners(
    ticks: npt.NDArray[np.int64], parts: list[Part], loaded: LoadedMidi, grid: int
) -> npt.NDArray[np.int64]:
    """The part of each note: a hit early on a part's first downbeat belongs to it."""
    half_step = loaded.midi.ticks_per_beat / grid / 2
    starts = np.array([part.start for part in parts[1:]]) - half_step
    return np.searchsorted(starts, ticks, side="right")


def _remarks(
    loaded: LoadedMidi, parts: list[Part], owners: npt.NDArray[np.int64]
) -> tuple[str, ...]:
    """What was odd about the file, and its parts without a hit before the last hit."""
    remarks = list(loaded.remarks)
    played = set(owners.tolist())
    for index, part in enumerate(parts[: max(played)]):
        if index not in played:
            quarters = (part.end - part.start) / loaded.midi.ticks_per_beat
            beats, unit = part.time_signature
            remarks.append(
                f"{quarters:g} quarter notes in {beats}/{unit}, in which nothing "
                "is played, were left out"
            )
    return tuple(remarks)


def _counts(pitches: npt.NDArray[np.int64]) -> dict[int, int]:
    values, counts = np.unique(pitches, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _why_no_drums(report: ReadReport, drum_map: DrumMap) -> str:
    if report.unknown_pitches:
        return (
            f"no drum of the map {drum_map.name!r}; the file plays "
            f"{name_pitches(report.unknown_pitches)}. Choose another drum_map"
        )
    if report.other_notes:
        return (
            "no notes on the channel and track that were read; there are notes on "
            f"channel {name_channels(report.other_notes)}. Choose by channel= or track="
        )
    if report.zero_length:
        return f'{report.zero_length} notes of zero length; pass zero_length="keep"'
    return "the file holds no notes"
