"""The `Groove`: what was played, as arrays over a grid of steps and nine drums.

Everything meets here: MIDI files are read into grooves and written from them, the
converter turns them into tensors for the model, plots and sound are made from them.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import GrooveError, shown
from keras_musicvae.files import replacing_files, user_path
from keras_musicvae.grooves.drum_maps import (
    NUM_DRUMS,
    ROLAND_TD11,
    DrumMap,
    get_drum_map,
)
from keras_musicvae.names import file_names

if TYPE_CHECKING:
    import miditoolkit

    from keras_musicvae.grooves.read_report import ReadReport

# A MIDI tempo is 1 to 2^24 - 1 microseconds per quarter note.
MIN_TEMPO = 60e6 / (2**24 - 1)
MAX_TEMPO = 60e6
MAX_NUMERATOR = 255
MAX_DENOMINATOR = 64
MAX_STEPS_PER_QUARTER = 24


@dataclass(frozen=True, eq=False, repr=False)
class Groove:
    """A drum performance of whole bars: hits, their strength, their timing.

    A step is a cell of the grid (a 16th note by default); a drum is struck at most
    once in it. The arrays are copied and become read-only.

    Args:
        hits: `(steps, 9)` bool; the drums in the order of `drum_maps.DRUMS`.
        velocities: `(steps, 9)` float32 from 0 to 1 (MIDI velocity / 127). Set to 0
            where there is no hit.
        offsets: `(steps, 9)` float32 from -0.5 to 0.5 steps, POSITIVE = EARLY. Set to
            0 where there is no hit.
        tempo: Quarter notes per minute at step 0. Defaults to 120.
        time_signature: The time signature, such as `(4, 4)` or `(6, 8)`. Defaults to
            `(4, 4)`.
        steps_per_quarter: Steps of a quarter note. Defaults to 4.
        pitches: `(steps, 9)` uint8, the MIDI pitch that was struck, in the numbers of
            `drum_map`: which articulation it was. 0 where there is no hit or where
            the drum's usual pitch is meant. None, the default, means 0 everywhere.
        tempo_changes: `(quarter, tempo)` of each change after the start, quarters
            counted from step 0. Defaults to none.
        name: A title for people. Defaults to "".
        drum_map: The map that `pitches` refer to: a `DrumMap`, a name of `DRUM_MAPS`
            or the path of a JSON file. Defaults to Roland TD-11.
        report: What reading the file left out or changed; None if the groove was not
            read from a file.
        markers: `(quarter, text)` of each marker of the MIDI file that is written.
            Defaults to none; none are read. Neither they nor `name` and `report` count
            when grooves are compared.

    Raises:
        GrooveError: Arrays of wrong shape, range or length (whole bars), or an
            impossible tempo, time signature or grid, or a name that is no text.
        DrumMapError: An unknown drum map.

    Example:
        >>> import numpy as np
        >>> hits = np.zeros((16, 9), bool)
        >>> hits[::4, 0] = True  # four to the floor
        >>> Groove(hits, hits * 0.8, hits * 0.0, tempo=124)
        Groove(1 bar of 4/4, 4 hits, 124 bpm)
    """

    hits: npt.NDArray[np.bool_]
    velocities: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.float32]
    tempo: float = 120.0
    time_signature: tuple[int, int] = (4, 4)
    steps_per_quarter: int = 4
    pitches: npt.NDArray[np.uint8] | None = None
    tempo_changes: tuple[tuple[float, float], ...] = ()
    name: str = ""
    drum_map: DrumMap = ROLAND_TD11
    report: "ReadReport | None" = field(default=None)
    markers: tuple[tuple[float, str], ...] = ()

    def __post_init__(self) -> None:
        steps_per_bar = bar_steps(self.time_signature, self.steps_per_quarter)
        try:
            hits = np.array(self.hits)
        except ValueError:  # rows of different lengths
            hits = np.empty(0, object)
        if hits.dtype.kind not in "biuf" or np.isnan(hits).any():
            raise GrooveError(
                f"hits must be an array of booleans. Received: {shown(self.hits)}"
            )
        if hits.ndim != 2 or hits.shape[1] != NUM_DRUMS or len(hits) == 0:
            raise GrooveError(
                f"hits must have the shape (steps, {NUM_DRUMS}) with at least one "
                f"bar. Received: shape {hits.shape}"
            )
        if len(hits) % steps_per_bar:
            raise GrooveError(
                f"a groove holds whole bars of {steps_per_bar} steps "
                f"({self.time_signature[0]}/{self.time_signature[1]}). "
                f"Received: {len(hits)} steps"
            )
        if not isinstance(self.name, str):
            raise GrooveError(f"name must be text. Received: {shown(self.name)}")
        hits = hits.astype(bool)
        values: dict[str, Any] = {
            "hits": hits,
            "velocities": _cells("velocities", self.velocities, hits, 0.0, 1.0),
            "offsets": _cells("offsets", self.offsets, hits, -0.5, 0.5),
            "tempo": _tempo(self.tempo),
            "time_signature": (
                int(self.time_signature[0]),
                int(self.time_signature[1]),
            ),
            "steps_per_quarter": int(self.steps_per_quarter),
            "drum_map": get_drum_map(self.drum_map),
            "tempo_changes": _tempo_changes(
                self.tempo, self.tempo_changes, len(hits) / self.steps_per_quarter
            ),
        }
        values["markers"] = _markers(self.markers, len(hits) / self.steps_per_quarter)
        if self.pitches is not None:
            pitches = _cells("pitches", self.pitches, hits, 0, 127)
            values["pitches"] = pitches.astype(np.uint8)
            _check_pitches(values["pitches"], values["drum_map"])
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for value in state.values():  # copies and pickles come writeable
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    # --- Sizes ----------------------------------------------------------------

    @property
    def num_steps(self) -> int:
        """The length in steps."""
        return len(self.hits)

    @property
    def steps_per_bar(self) -> int:
        """Steps of a bar: 16 in 4/4 at the default grid."""
        return bar_steps(self.time_signature, self.steps_per_quarter)

    @property
    def num_bars(self) -> int:
        """The length in bars."""
        return self.num_steps // self.steps_per_bar

    @cached_property
    def num_hits(self) -> int:
        """How many hits there are."""
        return int(self.hits.sum())

    @property
    def num_quarters(self) -> float:
        """The length in quarter notes."""
        return self.num_steps / self.steps_per_quarter

    @property
    def duration(self) -> float:
        """The length in seconds, tempo changes included."""
        times = [0.0, *(time for time, _ in self.tempo_changes), self.num_quarters]
        tempos = [self.tempo, *(tempo for _, tempo in self.tempo_changes)]
        return float(sum(np.diff(times) * 60.0 / np.array(tempos)))

    def tempo_at(self, quarter: float) -> float:
        """The tempo that holds at a position, in quarter notes from step 0."""
        passed = [tempo for time, tempo in self.tempo_changes if time <= quarter]
        return passed[-1] if passed else self.tempo

    # --- Parts and copies -----------------------------------------------------

    def bars(self, start: int, stop: int | None = None) -> "Groove":
        """The bars from `start` up to, not including, `stop`; None: to the end.

        Hits played early on the first downbeat stay (their offset is positive), and
        the tempo is the one that holds there.

        Raises:
            GrooveError: The groove does not have these bars.

        Example:
            >>> groove.bars(4, 8)  # doctest: +SKIP
            Groove(4 bars of 4/4, 61 hits, 92 bpm)
        """
        stop = self.num_bars if stop is None else stop
        whole = all(isinstance(bar, int | np.integer) for bar in (start, stop))
        if not whole or not 0 <= start < stop <= self.num_bars:
            raise GrooveError(
                f"bars must be integers, 0 <= start < stop <= {self.num_bars}. "
                f"Received: start={shown(start)}, stop={shown(stop)}"
            )
        steps = slice(start * self.steps_per_bar, stop * self.steps_per_bar)
        first = steps.start / self.steps_per_quarter
        end = steps.stop / self.steps_per_quarter
        return replace(
            self,
            hits=self.hits[steps],
            velocities=self.velocities[steps],
            offsets=self.offsets[steps],
            pitches=None if self.pitches is None else self.pitches[steps],
            tempo=self.tempo_at(first),
            tempo_changes=tuple(
                (time - first, tempo)
                for time, tempo in self.tempo_changes
                if first < time < end
            ),
            report=None,
            markers=tuple(
                (time - first, text)
                for time, text in self.markers
                if first <= time < end
            ),
        )

    def with_tempo(self, tempo: float) -> "Groove":
        """The same groove at one other tempo, its tempo changes left out."""
        return replace(self, tempo=tempo, tempo_changes=())

    # --- Ways out -------------------------------------------------------------

    def to_midi(self, **options: Any) -> "miditoolkit.MidiFile":
        """A `miditoolkit.MidiFile` of the groove; options as in `groove_to_midi`."""
        from keras_musicvae.grooves.midi import groove_to_midi

        return groove_to_midi(self, **options)

    def save(self, path: str | PathLike[str], **options: Any) -> None:
        """Writes `.mid`, `.wav` or `.png`, whichever the path ends in.

        Args:
            path: The file; it is replaced if it exists.
            **options: Those of `write_midi`, `audio.save_audio` or `plots.save_plot`.

        Raises:
            GrooveError: Another suffix.
            OutputError: The file cannot be written.
        """
        path = user_path(path)
        suffix = path.suffix.lower()
        if suffix in (".mid", ".midi"):
            from keras_musicvae.grooves.midi import write_midi

            write_midi(self, path, **options)
        elif suffix == ".wav":
            from keras_musicvae import audio

            audio.save_audio(self, path, **options)
        elif suffix == ".png":
            from keras_musicvae import plots

            plots.save_plot(self, path, **options)
        else:
            raise GrooveError(
                f"a groove is saved as .mid, .wav or .png. Received: {str(path)!r}"
            )

    def to_audio(self, **options: Any) -> npt.NDArray[np.float32]:
        """The groove as sound; options and result as in `audio.groove_to_audio`."""
        from keras_musicvae import audio

        return audio.groove_to_audio(self, **options)

    def _repr_html_(self) -> str:
        from keras_musicvae import html

        return html.groove_to_html(self)

    # --- Protocols ------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Groove):
            return NotImplemented
        return (
            self.time_signature == other.time_signature
            and self.steps_per_quarter == other.steps_per_quarter
            and self.tempo == other.tempo
            and self.tempo_changes == other.tempo_changes
            and np.array_equal(self.hits, other.hits)
            and np.array_equal(self.velocities, other.velocities)
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.struck_pitches(), other.struck_pitches())
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        bars = "1 bar" if self.num_bars == 1 else f"{self.num_bars} bars"
        hits = "1 hit" if self.num_hits == 1 else f"{self.num_hits} hits"
        changes = "+" if self.tempo_changes else ""
        beats, unit = self.time_signature
        tempo = f"{self.tempo:.6g}{changes} bpm"
        return f"Groove({name}{bars} of {beats}/{unit}, {hits}, {tempo})"

    def struck_pitches(
        self, drum_map: str | PathLike[str] | DrumMap | None = None
    ) -> npt.NDArray[np.uint8]:
        """The MIDI pitch of every hit, `(steps, 9)` uint8, 0 where there is none.

        Args:
            drum_map: The map to give them in. None: the groove's own.
        """
        target = self.drum_map if drum_map is None else get_drum_map(drum_map)
        usual = np.where(self.hits, target.written_pitches, 0).astype(np.uint8)
        if self.pitches is None:
            return usual
        known = self.pitches
        if target != self.drum_map:
            table = np.zeros(128, np.uint8)
            for pitch in np.unique(known[known > 0]):
                table[pitch] = self.drum_map.translate(int(pitch), target)
            known = table[known]
        return np.where(known > 0, known, usual).astype(np.uint8)


def save_grooves(
    grooves: Sequence[Groove],
    folder: str | PathLike[str],
    suffix: str = ".mid",
    **options: Any,
) -> list[PathLike[str]]:
    """Writes every groove to a file of its name: all of them, or none.

    Args:
        grooves: Any grooves; names that are equal or unsafe are changed.
        folder: Where to; it is created if it does not exist, and files of the same
            names are replaced.
        suffix: `".mid"`, `".wav"` or `".png"`. Defaults to `".mid"`.
        **options: As in `Groove.save`.

    Returns:
        The files, one for each groove.

    Raises:
        GrooveError: Another suffix.
        OutputError: A file cannot be written.
    """
    names = [f"{name}{suffix}" for name in file_names(g.name for g in grooves)]
    with replacing_files(folder, names) as temporary:
        for groove, path in zip(grooves, temporary, strict=True):
            groove.save(path, **options)
    return [user_path(folder) / name for name in names]


def check_groove(value: object) -> Groove:
    """A value that must be a groove.

    Raises:
        GrooveError: It is something else, such as a list of grooves.
    """
    if not isinstance(value, Groove):
        raise GrooveError(f"A Groove is needed. Received: {type(value).__name__}")
    return value


def join_grooves(grooves: Sequence[Groove], *, name: str = "") -> Groove:
    """One groove of several, one after the other.

    Each part keeps its tempo: a tempo change is set where two parts differ. Early
    hits on a part's first downbeat fall before the seam, where they belong.

    Args:
        grooves: At least one; all in one time signature and on one grid.
        name: The name of the result. Defaults to "".

    Raises:
        GrooveError: No grooves, or of different time signatures or grids.

    Example:
        >>> join_grooves([verse, fill, chorus])  # doctest: +SKIP
        Groove(12 bars of 4/4, 214 hits, 96 bpm)
    """
    if not isinstance(grooves, Sequence) or not grooves:
        raise GrooveError(
            f"A list of at least one groove is needed. Received: {shown(grooves)}"
        )
    first = check_groove(grooves[0])
    tempo, quarters = first.tempo, 0.0
    markers: list[tuple[float, str]] = []
    changes: list[tuple[float, float]] = []
    for groove in map(check_groove, grooves):
        if (groove.time_signature, groove.steps_per_quarter) != (
            first.time_signature,
            first.steps_per_quarter,
        ):
            raise GrooveError(
                "grooves to join must share time_signature and steps_per_quarter. "
                f"Received: {first.time_signature} at {first.steps_per_quarter} and "
                f"{groove.time_signature} at {groove.steps_per_quarter}"
            )
        for time, bpm in ((0.0, groove.tempo), *groove.tempo_changes):
            if bpm != tempo:
                changes.append((quarters + time, bpm))
                tempo = bpm
        markers += [(quarters + time, text) for time, text in groove.markers]
        quarters += groove.num_quarters
    articulated = any(groove.pitches is not None for groove in grooves)
    return Groove(
        hits=np.concatenate([groove.hits for groove in grooves]),
        velocities=np.concatenate([groove.velocities for groove in grooves]),
        offsets=np.concatenate([groove.offsets for groove in grooves]),
        tempo=first.tempo,
        time_signature=first.time_signature,
        steps_per_quarter=first.steps_per_quarter,
        pitches=np.concatenate(
            [groove.struck_pitches(first.drum_map) for groove in grooves]
        )
        if articulated
        else None,
        tempo_changes=tuple(changes),
        name=name,
        drum_map=first.drum_map,
        markers=tuple(markers),
    )


def bar_steps(time_signature: tuple[int, int], steps_per_quarter: int) -> int:
    """The steps of one bar.

    Raises:
        GrooveError: An impossible time signature or grid, or a bar that does not end
            on a step (7/16 needs a grid of 4, 8 or 12 steps per quarter).

    Example:
        >>> bar_steps((6, 8), 4)
        12
    """
    if (
        not isinstance(steps_per_quarter, int | np.integer)
        or isinstance(steps_per_quarter, bool)
        or not 1 <= steps_per_quarter <= MAX_STEPS_PER_QUARTER
    ):
        raise GrooveError(
            f"steps_per_quarter must be an integer from 1 to {MAX_STEPS_PER_QUARTER}. "
            f"Received: {shown(steps_per_quarter)}"
        )
    numerator, denominator = check_time_signature(time_signature)
    steps, rest = divmod(numerator * 4 * steps_per_quarter, denominator)
    if rest:
        raise GrooveError(
            f"a bar of {numerator}/{denominator} does not end on a step of a grid of "
            f"{steps_per_quarter} per quarter note; use steps_per_quarter="
            f"{_fitting_grid(numerator, denominator, steps_per_quarter)}"
        )
    return steps


def check_time_signature(time_signature: Sequence[int]) -> tuple[int, int]:
    """The time signature as two integers.

    Raises:
        GrooveError: Not a pair, or not a time signature that MIDI knows.
    """
    try:
        numerator, denominator = (operator.index(value) for value in time_signature)
    except (TypeError, ValueError):
        raise GrooveError(
            "time_signature must be a pair of integers such as (4, 4). "
            f"Received: {shown(time_signature)}"
        ) from None
    powers = [2**power for power in range(MAX_DENOMINATOR.bit_length())]
    if not 1 <= numerator <= MAX_NUMERATOR or denominator not in powers:
        raise GrooveError(
            f"a time signature is 1 to {MAX_NUMERATOR} over one of "
            f"{', '.join(map(str, powers))}. Received: {shown(time_signature)}"
        )
    return numerator, denominator


def same_time_signature(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether a model for one time signature takes the other.

    2/2, 4/4 and 8/8 are the same; 3/4 and 6/8, whose beats differ, are not.
    """
    if one == other:
        return True
    same_length = one[0] * other[1] == other[0] * one[1]
    return same_length and all(beats & (beats - 1) == 0 for beats in (one[0], other[0]))


def _fitting_grid(numerator: int, denominator: int, grid: int) -> int:
    while numerator * 4 * grid % denominator:
        grid += 1
    return grid


def _cells(
    name: str,
    values: npt.ArrayLike,
    hits: npt.NDArray[np.bool_],
    low: float,
    high: float,
) -> npt.NDArray[np.float32]:
    """`values` as float32, zero where there is no hit, inside its range elsewhere."""
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise TypeError
        array = array.astype(np.float32)
    except (TypeError, ValueError, OverflowError):
        raise GrooveError(
            f"{name} must be an array of numbers. Received: {shown(values)}"
        ) from None
    if array.shape != hits.shape:
        raise GrooveError(
            f"{name} must have the shape of hits, {hits.shape}. "
            f"Received: shape {array.shape}"
        )
    array = np.where(hits, array, np.float32(0))
    # Written so that NaN, which compares false with everything, is caught.
    wrong = ~((array >= low) & (array <= high))
    if wrong.any():
        raise GrooveError(
            f"{name} must be from {low} to {high} at each hit. "
            f"Received: {array[wrong][0]} at (step, drum) "
            f"{tuple(int(axis[0]) for axis in np.nonzero(wrong))}"
        )
    return array


def _check_pitches(pitches: npt.NDArray[np.uint8], drum_map: DrumMap) -> None:
    drums = np.broadcast_to(np.arange(NUM_DRUMS), pitches.shape)
    wrong = (pitches > 0) & (drum_map.drum_table[pitches] != drums)
    if wrong.any():
        step, drum = (int(axis[0]) for axis in np.nonzero(wrong))
        raise GrooveError(
            f"pitch {pitches[step, drum]} does not play drum {drum} in the drum map "
            f"{drum_map.name!r}; give the drum_map that the pitches refer to"
        )


def _tempo(tempo: float) -> float:
    try:
        value = float(tempo)
    except (TypeError, ValueError, OverflowError):
        value = float("nan")
    if not MIN_TEMPO <= value <= MAX_TEMPO:
        raise GrooveError(
            f"a tempo must be from {MIN_TEMPO:.4g} to {MAX_TEMPO:.4g} quarter notes "
            f"per minute. Received: {shown(tempo)}"
        )
    return value


def _tempo_changes(
    tempo: float, changes: Sequence[tuple[float, float]], quarters: float
) -> tuple[tuple[float, float], ...]:
    """The changes in order, without those that change nothing."""
    try:
        events = [(float(time), bpm) for time, bpm in changes]
    except (TypeError, ValueError, OverflowError):
        raise GrooveError(
            f"tempo_changes must be pairs (quarter, tempo). Received: {shown(changes)}"
        ) from None
    events = [(time, _tempo(bpm)) for time, bpm in events]
    times = [0.0, *(time for time, _ in events), quarters]
    if not all(a < b for a, b in pairwise(times)):
        raise GrooveError(
            "tempo_changes must be in order, after the start and before the end "
            f"({quarters:g} quarters). Received: {shown(changes)}"
        )
    before = [tempo, *(bpm for _, bpm in events)]
    return tuple(
        event for event, old in zip(events, before, strict=False) if event[1] != old
    )


def _markers(
    markers: Sequence[tuple[float, str]], quarters: float
) -> tuple[tuple[float, str], ...]:
    try:
        events = tuple((float(time), text) for time, text in markers)
    except (TypeError, ValueError, OverflowError):
        events = ((-1.0, ""),)
    if not all(0 <= time < quarters and isinstance(text, str) for time, text in events):
        raise GrooveError(
            "markers must be pairs (quarter, text) from the start to before the end "
            f"({quarters:g} quarters). Received: {shown(markers)}"
        )
    return events
