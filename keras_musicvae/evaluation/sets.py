"""Sets of grooves: what everything here measures, whoever made them.

A set is one array (n, steps, 27): hits, velocities and offsets of the nine drums side
by side, offsets being `2 * steps` and positive when early. It comes from arrays, from
`Groove`s, from a folder of MIDI files or from a split of a preprocessed dataset.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError, MusicVAEError
from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.grooves.midi_limits import MIDI_SUFFIXES

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.grooves.converter import GrooveConverter
    from keras_musicvae.grooves.groove import Groove

HIT_THRESHOLD = 0.5
ASKED_NAME = "asked.csv"

Scores = dict[str, float]  # name of a figure -> its value, NaN where it has none


class GrooveArrays(NamedTuple):
    """The three parts of a set of grooves, each (n, steps, 9).

    Attributes:
        hits: bool.
        velocities: float, 0 to 1; meaningful where there is a hit.
        offsets: float, -1 to 1, twice the offset in steps, positive when early;
            meaningful where there is a hit.
    """

    hits: np.ndarray
    velocities: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True)
class GrooveSet:
    """Some grooves of equal length, and what is known of them.

    Args:
        name: What the set is called in tables.
        grooves: (n, steps, 27), at least one.
        files: (n,), what each groove comes from, any labels; windows of one file
            resemble each other, so folds and resamples take whole files. None if
            unknown: the file of the nearest real groove takes its place.
        steps_per_bar: Defaults to 16.
        steps_per_quarter: Defaults to 4.
        tempos: (n,), quarter notes per minute; None if unknown.
        styles: (n,), names of styles; None if unknown.
        asked: Condition -> (n,), what the maker was asked for: `style` holds names;
            `density`, `loudness` and `swing` hold numbers, in any unit.
        held_out: A sentence: what the maker saw of the reference data.

    Raises:
        EvaluationError: Another shape, values that are not finite, or columns that
            are not as long as the grooves.

    Example:
        ```python
        mine = GrooveSet("mine", np.stack([converter.to_array(g) for g in grooves]))
        ```
    """

    name: str
    grooves: np.ndarray
    files: np.ndarray | None = None
    steps_per_bar: int = 16
    steps_per_quarter: int = 4
    tempos: np.ndarray | None = None
    styles: np.ndarray | None = None
    asked: Mapping[str, np.ndarray] = field(default_factory=dict)
    held_out: str = "not known"

    def __post_init__(self) -> None:
        split_grooves(self.grooves, self.name)
        if not len(self.grooves):
            raise EvaluationError(f"`{self.name}` must hold at least one groove")
        check_same_length(len(self.grooves), **self._columns(), **self.asked)

    def __len__(self) -> int:
        return len(self.grooves)

    def __getitem__(self, chosen: np.ndarray | slice) -> "GrooveSet":
        """The grooves that a mask, indices or a slice choose."""
        columns: dict[str, Any] = {
            name: None if column is None else column[chosen]
            for name, column in self._columns().items()
        }
        columns["asked"] = {name: values[chosen] for name, values in self.asked.items()}
        return replace(self, grooves=self.grooves[chosen], **columns)

    @property
    def num_bars(self) -> int:
        """Bars of each groove."""
        return self.grooves.shape[1] // self.steps_per_bar

    @property
    def labels(self) -> np.ndarray:
        """(n,) `files`, or a number of its own for each groove."""
        return np.arange(len(self)) if self.files is None else self.files

    def draw(self, number: int, seed: int) -> "GrooveSet":
        """At most `number` of the grooves, in their order, drawn by `seed`."""
        order = np.random.default_rng(seed).permutation(len(self))
        return self[np.sort(order[:number])]

    def _columns(self) -> dict[str, np.ndarray | None]:
        return {"files": self.files, "tempos": self.tempos, "styles": self.styles}


def set_of_windows(
    windows: "GrooveWindows", name: str, *, held_out: str = "not known"
) -> GrooveSet:
    """The windows of a preprocessed dataset as a set.

    Raises:
        EvaluationError: Fewer than two windows.
    """
    if len(windows) < 2:
        raise EvaluationError(
            f"An evaluation needs at least two windows of {name}. Received: "
            f"{len(windows)}; choose another split, or preprocess more files"
        )
    styles = np.array([style or "unknown" for style in windows.styles])
    return GrooveSet(
        name=name,
        grooves=windows.arrays(),
        files=np.asarray(windows.file),
        steps_per_bar=windows.steps_per_bar,
        steps_per_quarter=windows.converter.steps_per_quarter,
        tempos=np.asarray(windows.tempo, np.float64),
        styles=styles[windows.style],
        held_out=held_out,
    )


def set_of_grooves(
    grooves: Sequence["Groove"],
    converter: "GrooveConverter",
    name: str,
    *,
    asked: Mapping[str, Sequence[Any]] | None = None,
    held_out: str = "not known",
) -> GrooveSet:
    """`Groove`s of any length as a set of windows that do not overlap.

    Args:
        grooves: Those that are shorter than a window, or in another time signature or
            grid, give none.
        converter: Says the bars, the time signature and the grid.
        name: What the set is called.
        asked: Condition -> what each groove was made for, see `GrooveSet`.
        held_out: See `GrooveSet`.

    Raises:
        EvaluationError: Not one window.
    """
    frames, index = [], []
    for number, groove in enumerate(grooves):
        cut = converter.windows(groove, hop_bars=converter.num_bars)
        for bar in cut.start_bars:
            start = bar * converter.steps_per_bar
            frames.append(cut.frames[start : start + converter.num_steps])
            index.append(number)
    if not frames:
        raise EvaluationError(
            f"`{name}` has no groove of {converter.num_bars} bars of {{}}/{{}}".format(
                *converter.time_signature
            )
        )
    several = len(set(index)) < len(index)
    return GrooveSet(
        name=name,
        grooves=np.stack(frames),
        files=np.array(index) if several else None,
        steps_per_bar=converter.steps_per_bar,
        steps_per_quarter=converter.steps_per_quarter,
        tempos=np.array([grooves[i].tempo for i in index], np.float64),
        asked={
            condition: np.array(values)[index]
            for condition, values in (asked or {}).items()
        },
        held_out=held_out,
    )


def set_of_folder(
    folder: Path,
    converter: "GrooveConverter",
    name: str,
    *,
    drum_map: str | PathLike[str] | None = None,
) -> tuple[GrooveSet, dict[str, str]]:
    """The MIDI files below a folder as a set of windows that do not overlap.

    Args:
        folder: Searched with its folders, in the order of the names. A file
            `asked.csv` in it may say what each groove was made for: a column `file`
            (the path in the folder) and columns of the conditions, see `GrooveSet`.
        converter: Says how the files are read, and the bars of a window.
        name: What the set is called.
        drum_map: Replaces the drum map of the converter.

    Returns:
        The set, and the files that gave nothing: path -> reason.

    Raises:
        EvaluationError: No file of the folder gives a window, or `asked.csv` does not
            say what all of them were made for.
    """
    options = {} if drum_map is None else {"drum_map": drum_map}
    grooves, names, left_out = [], [], {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in MIDI_SUFFIXES:
            continue
        label = path.relative_to(folder).as_posix()
        try:
            parts = converter.read(path, **options)
        except (MusicVAEError, OSError) as error:
            left_out[label] = " ".join(str(error).split())
            continue
        long = [part for part in parts if part.num_bars >= converter.num_bars]
        grooves += long
        names += [label] * len(long)
        if not long:
            left_out[label] = f"it has fewer than {converter.num_bars} bars"
    if not grooves:
        first = next(iter(left_out.items()), ("", "it holds no MIDI file"))
        raise EvaluationError(
            f"{folder} gives no groove to evaluate. {': '.join(filter(None, first))}"
        )
    asked = _read_asked(folder / ASKED_NAME, names)
    held_out = "not known: files; ask whoever made them"
    made = set_of_grooves(grooves, converter, name, asked=asked, held_out=held_out)
    return made, left_out


def _read_asked(path: Path, files: Sequence[str]) -> dict[str, list[Any]]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as lines:
        rows = {row.pop("file", ""): row for row in csv.DictReader(lines)}
    missing = [name for name in files if name not in rows]
    if missing:
        raise EvaluationError(
            f"{path} must have a column `file` and a row for each of the files that "
            f"are read. Missing: {missing[0]}"
        )
    table: dict[str, list[Any]] = {}
    for condition in rows[files[0]]:
        values = [rows[name][condition] for name in files]
        try:
            table[condition] = values if condition == "style" else [*map(float, values)]
        except ValueError:
            raise EvaluationError(
                f"{path}: the column {condition} must hold numbers"
            ) from None
    return table


def split_grooves(grooves: ArrayLike, name: str = "grooves") -> GrooveArrays:
    """Splits grooves into hits, velocities and offsets.

    Args:
        grooves: (n, steps, 27), numbers; a hit is a value above 0.5.
        name: What to call the array in an error message.

    Raises:
        EvaluationError: Another shape, or a value that is not finite.
    """
    array = np.asarray(grooves)
    if array.ndim != 3 or array.shape[-1] != 3 * NUM_DRUMS or not array.shape[1]:
        raise EvaluationError(
            f"`{name}` must have the shape (n, steps, {3 * NUM_DRUMS}): hits, "
            f"velocities and offsets of {NUM_DRUMS} drums. Received: {array.shape}"
        )
    if not np.isfinite(array).all():
        raise EvaluationError(
            f"`{name}` must be finite. Received: values that are NaN or infinite; "
            "a model that gives them has diverged"
        )
    hits, velocities, offsets = np.split(array, 3, axis=-1)
    return GrooveArrays(hits > HIT_THRESHOLD, velocities, offsets)


def check_same_length(length: int, **arrays: np.ndarray | None) -> None:
    """Raises `EvaluationError` unless every array that is given has `length` rows."""
    for name, array in arrays.items():
        if array is not None and len(array) != length:
            raise EvaluationError(
                f"`{name}` must have one entry per groove, {length}. "
                f"Received: {len(array)}"
            )


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part / whole`, which are broadcast; NaN where there is no whole."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


def as_scores(figures: Mapping[str, np.ndarray]) -> Scores:
    """Figures of one set, arrays of one number each, as plain numbers."""
    return {name: float(value) for name, value in figures.items()}
