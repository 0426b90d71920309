"""From notes in ticks to the cells of a grid: the heart of reading.

A section of a file (one time signature) becomes one `Groove`. The arithmetic repeats
that of Magenta's `GrooveConverter` and note-seq, so that the arrays are equal bit for
bit.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import NoDrumsError, UnknownPitchError
from keras_musicvae.grooves.drum_maps import NUM_DRUMS, UNKNOWN, DrumMap
from keras_musicvae.grooves.groove import Groove, bar_steps
from keras_musicvae.grooves.midi_limits import MAX_REST_BARS
from keras_musicvae.grooves.midi_load import LoadedMidi
from keras_musicvae.grooves.read_options import ReadOptions
from keras_musicvae.grooves.read_report import ReadReport, name_channels, name_pitches
from keras_musicvae.grooves.timing import Section, TempoMap, split_sections

# Notes that a program set lie on this grid of a quarter note; played ones hardly ever.
PLAYED_GRID = 24


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


def quantize(loaded: LoadedMidi, options: ReadOptions, name: str = "") -> list[Groove]:
    """The parts of a file that hold drum hits, one groove for each.

    A file without a note is a silent groove if a marker stands at its end, as
    `write_midi` leaves it.

    Raises:
        NoDrumsError: There is no hit in the whole file.
        UnknownPitchError: With `unknown_pitch="error"`.
        GrooveError: The bars of a time signature do not end on steps of this grid.
    """
    notes, zero_length = _note_arrays(loaded, options.zero_length)
    off_grid = notes.ticks * PLAYED_GRID % loaded.ticks_per_quarter != 0
    drum_map, gaps = options.choose_map(
        _counts(notes.pitches),
        pedal=loaded.pedal,
        played=2 * int(off_grid.sum()) > len(notes),
    )
    drums, fallback = drum_map.drum_table[notes.pitches], gaps[notes.pitches]
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
        drum_map=drum_map.name,
        remarks=loaded.remarks,
    )
    silent = loaded.marked_end and loaded.end_tick > 0 and not loaded.has_notes
    if unknown.all() and not silent:
        raise NoDrumsError(_why_no_drums(report))
    if unknown.any() and options.unknown_pitch == "error":
        raise UnknownPitchError(
            f"the drum map {drum_map.name!r} lacks the pitches "
            f"{name_pitches(report.unknown_pitches)}; choose another drum_map or "
            'unknown_pitch="skip"'
        )
    # A mapped pitch is no articulation of the map: its drum's usual one is meant.
    struck = _Notes(notes.ticks, np.where(mapped, 0, notes.pitches), notes.velocities)
    sections, remarks = split_sections(
        loaded.time_signatures,
        loaded.end_tick,
        first_note=int(notes.ticks[~unknown].min(initial=loaded.end_tick)),
        ticks_per_quarter=loaded.ticks_per_quarter,
        marked_end=loaded.marked_end,
    )
    owners = _owners(notes.ticks, sections, loaded, options.steps_per_quarter)
    remarks += _silent_sections(loaded, sections, owners[~unknown])
    tempos = TempoMap(loaded.tempos)
    # The notes of a section lie together once they are ordered by section.
    order = np.argsort(owners, kind="stable")
    bounds = np.searchsorted(owners[order], np.arange(len(sections) + 1))
    grooves = []
    for section, start, stop in zip(sections, bounds, bounds[1:], strict=False):
        here = order[start:stop]
        known = here[~unknown[here]]
        if len(known) == 0 and not silent:
            continue
        section_report = replace(
            report,
            num_notes=len(here),
            unknown_pitches=_counts(notes.pitches[here][unknown[here]]),
            mapped_pitches=_counts(notes.pitches[here][mapped[here]]),
            remarks=(*loaded.remarks, *remarks),
        )
        groove, silent_bars = _groove(
            section,
            tempos,
            struck[known],
            drums[known],
            drum_map,
            loaded.ticks_per_quarter,
            options.steps_per_quarter,
        )
        grooves.append(
            replace(
                groove,
                name=name,
                report=replace(
                    section_report,
                    num_hits=groove.num_hits,
                    shared_cells=len(known) - groove.num_hits,
                    silent_bars=silent_bars,
                ),
            )
        )
    if len(grooves) > 1 and name:
        grooves = [
            replace(groove, name=f"{name} part {number}")
            for number, groove in enumerate(grooves, start=1)
        ]
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
    section: Section,
    tempos: TempoMap,
    notes: _Notes,
    drums: npt.NDArray[np.int8],
    drum_map: DrumMap,
    division: int,
    grid: int,
) -> tuple[Groove, int]:
    """One section on the grid, and how many empty bars follow it.

    In each cell the loudest note is kept, on a tie the first.
    """
    tempo = tempos.at(section.start)
    steps, offsets = quantize_positions(
        notes.ticks - section.start, division, tempo, grid
    )
    cells = steps * NUM_DRUMS + drums
    order = np.lexsort((np.arange(len(notes)), -notes.velocities, cells))
    _, firsts = np.unique(cells[order], return_index=True)
    winners = order[firsts]
    where = steps[winners], drums[winners]

    bars, silent_bars = _num_bars(int(steps.max(initial=-1)), section, division, grid)
    num_steps = bars * bar_steps(section.time_signature, grid)
    hits = np.zeros((num_steps, NUM_DRUMS), bool)
    velocities = np.zeros(hits.shape, np.float32)
    early = np.zeros(hits.shape, np.float32)
    pitches = np.zeros(hits.shape, np.uint8)
    hits[where] = True
    velocities[where] = notes.velocities[winners] / 127
    early[where] = offsets[winners]
    pitches[where] = notes.pitches[winners]
    end = section.start + -(-num_steps * division // grid)
    if not section.is_last:
        end = min(end, section.end)  # its last bar may reach into the next section
    groove = Groove(
        hits=hits,
        velocities=velocities,
        offsets=early,
        tempo=tempo,
        time_signature=section.time_signature,
        steps_per_quarter=grid,
        pitches=pitches,
        tempo_changes=tuple(
            ((tick - section.start) / division, bpm)
            for tick, bpm in tempos.changes(section.start, end)
        ),
        drum_map=drum_map,
    )
    return groove, silent_bars


def _num_bars(
    last_step: int, section: Section, division: int, grid: int
) -> tuple[int, int]:
    """Bars up to the last hit or the end of a loop; empty ones after them.

    A recording ends anywhere, a loop on a bar line: a rest at its end belongs to it.
    Without a hit, -1, all bars do.
    """
    bars = last_step // bar_steps(section.time_signature, grid) + 1
    beats, unit = section.time_signature
    length = (section.end - section.start) * unit
    bar_ticks = beats * 4 * division  # times `unit`, to stay in whole numbers
    if last_step < 0:
        return -(-length // bar_ticks), 0
    silent = max(0, length // bar_ticks - bars)
    if silent > MAX_REST_BARS and not section.marked:
        return bars, silent
    return (bars if length % bar_ticks else bars + silent), 0


def _note_arrays(loaded: LoadedMidi, zero_length: str) -> tuple[_Notes, int]:
    """The notes to read, and how many of zero length were left out."""
    starts, pitches, velocities, ends = loaded.notes.T
    notes = _Notes(starts, pitches, velocities)
    lasting = ends > starts
    dropped = int((~lasting).sum())
    if zero_length == "keep" or (zero_length == "auto" and 2 * dropped > len(notes)):
        return notes, 0
    return notes[lasting], dropped


def _owners(
    ticks: npt.NDArray[np.int64],
    sections: list[Section],
    loaded: LoadedMidi,
    grid: int,
) -> npt.NDArray[np.int64]:
    """The section of each note: a hit early on its first downbeat belongs to it."""
    half_step = loaded.ticks_per_quarter / grid / 2
    starts = np.array([section.start for section in sections[1:]]) - half_step
    return np.searchsorted(starts, ticks, side="right")


def _silent_sections(
    loaded: LoadedMidi, sections: list[Section], owners: npt.NDArray[np.int64]
) -> list[str]:
    """The sections without a hit before the last hit, in words."""
    remarks = []
    played = set(owners.tolist())
    for index, section in enumerate(sections[: max(played, default=0)]):
        if index not in played:
            quarters = (section.end - section.start) / loaded.ticks_per_quarter
            beats, unit = section.time_signature
            remarks.append(
                f"{quarters:g} quarter notes in {beats}/{unit}, in which nothing "
                "is played, were left out"
            )
    return remarks


def _counts(pitches: npt.NDArray[np.int64]) -> dict[int, int]:
    values, counts = np.unique(pitches, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _why_no_drums(report: ReadReport) -> str:
    if report.unknown_pitches:
        return (
            f"no drum of the map {report.drum_map!r}; the file plays "
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
