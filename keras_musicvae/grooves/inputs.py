"""Music of any kind, cut into the windows of a model and put together again.

The verbs of `MusicVAE` take MIDI files (paths, bytes, open files,
`miditoolkit.MidiFile`s), `Groove`s and arrays, one or many, of any length. Here they
become `Piece`s; the model sees nothing but arrays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, TypeAlias

import miditoolkit
import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import GrooveError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.frames import Frames, groove_to_frames
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.midi_load import MidiSource, is_file_object
from keras_musicvae.grooves.variants import hits_control

Music: TypeAlias = MidiSource | Groove

_ONE = (str, PathLike, bytes, bytearray, memoryview, miditoolkit.MidiFile, Groove)

# Grooves, files and arrays at once; beyond, a caller should work in batches.
MAX_PIECES = 100_000


@dataclass(frozen=True)
class Piece:
    """One piece of music, as the windows that a model takes.

    The windows follow one another; if the piece is not a whole number of them, a last
    one ends with the piece and overlaps the one before. A piece that is shorter than a
    window is played again from its start until the window is full.

    Attributes:
        frames: `(steps, features)` float32, what the model reads.
        num_bars: Bars of a window.
        steps_per_bar: Steps of a bar.
        groove: The music; None for an array.
        performance: `(steps, features)`, the music as it was played, which `frames`
            are a variant of.
    """

    frames: Frames
    num_bars: int
    steps_per_bar: int
    groove: Groove | None = None
    performance: Frames | None = None

    @property
    def length(self) -> int:
        """The length in bars."""
        return len(self.frames) // self.steps_per_bar

    @property
    def start_bars(self) -> list[int]:
        """The bar in which each window starts."""
        last = self.length - self.num_bars
        if last < 0:
            return [0]
        starts = list(range(0, last + 1, self.num_bars))
        return starts if starts[-1] == last else [*starts, last]

    @property
    def windows(self) -> Frames:
        """`(windows, num_bars * steps_per_bar, features)` float32."""
        return self.frames[self._steps()]

    @property
    def controls(self) -> npt.NDArray[np.float32]:
        """`(windows, num_bars * steps_per_bar, 9)`, the hits, for `hits_control`."""
        played = self.frames if self.performance is None else self.performance
        return hits_control(played)[self._steps()].astype(np.float32)

    def tempo_at(self, bar: int) -> float | None:
        """Quarter notes per minute in a bar; None for an array."""
        if self.groove is None:
            return None
        quarters = bar * self.steps_per_bar / self.groove.steps_per_quarter
        return self.groove.tempo_at(quarters)

    def join(self, windows: Frames) -> Frames:
        """Puts windows together to a piece of this length.

        A bar that two windows hold is taken from the first: there it goes on from the
        bar before.

        Args:
            windows: `(windows, num_bars * steps_per_bar, features)`, as `windows`.

        Returns:
            `(steps, features)`, as many steps as `frames`.
        """
        joined = np.empty((len(self.frames), windows.shape[-1]), windows.dtype)
        done = 0
        for start, window in zip(self.start_bars, windows, strict=True):
            end = min(start + self.num_bars, self.length)
            steps = slice(done * self.steps_per_bar, end * self.steps_per_bar)
            first = start * self.steps_per_bar
            joined[steps] = window[steps.start - first : steps.stop - first]
            done = end
        return joined

    def looped(self, length: int) -> "Piece":
        """The piece played over and over, up to a length in bars."""
        if length == self.length:
            return self
        steps = np.arange(length * self.steps_per_bar) % len(self.frames)
        played = None if self.performance is None else self.performance[steps]
        return replace(self, frames=self.frames[steps], performance=played)

    def _steps(self) -> npt.NDArray[np.int64]:
        starts = np.array(self.start_bars) * self.steps_per_bar
        steps = starts[:, None] + np.arange(self.num_bars * self.steps_per_bar)
        return steps % len(self.frames)


def is_music(value: object) -> bool:
    """Whether this is music of some kind, not an array, a batch or a dataset."""
    return isinstance(value, (*_ONE, list)) or is_file_object(value)


def read_pieces(
    music: object, converter: GrooveConverter, **options: Any
) -> list[Piece]:
    """Music of any kind as pieces.

    Args:
        music: A path, the bytes of a MIDI file, an open file, a
            `miditoolkit.MidiFile`, a `Groove`, or an array as `array_pieces` takes; or
            several of these, mixed.
        converter: Its settings say how files are read, its variant what the model
            gets of them. Arrays are taken as they are.
        **options: As in `GrooveConverter.read`, for all files.

    Returns:
        A piece for each, in the same order; for each part of a file in which the time
        signature changes.

    Raises:
        GrooveError: Nothing, another time signature or grid than the converter's, or
            an array of another shape.
        MidiError: As `read_midi`, with the path.
        OSError: A file cannot be opened.
    """
    sources = _as_list(music)
    pieces: list[Piece] = []
    for number, source in enumerate(sources, start=1):
        if _is_array(source):
            pieces += array_pieces(source, converter.num_bars, converter.steps_per_bar)
        else:
            where = f"input {number} of {len(sources)}" if len(sources) > 1 else ""
            for groove in read_grooves(source, converter, where=where, **options):
                played = groove_to_frames(groove)
                pieces.append(
                    Piece(
                        frames=converter.to_inputs(played),
                        num_bars=converter.num_bars,
                        steps_per_bar=converter.steps_per_bar,
                        groove=groove,
                        performance=played,
                    )
                )
    return pieces


def read_grooves(
    source: object, converter: GrooveConverter, *, where: str = "", **options: Any
) -> list[Groove]:
    """Grooves in the time signature and on the grid of a converter, of any length.

    Args:
        source: A path, the bytes of a MIDI file, an open file, a
            `miditoolkit.MidiFile`, a `Groove`.
        converter: Says how files are read.
        where: Which of several inputs this is, for messages about grooves.
        **options: As in `GrooveConverter.read`.

    Returns:
        One groove; several if the time signature of a file changes.

    Raises:
        GrooveError: Another time signature or grid, or no music at all.
        MidiError: As `read_midi`.
        OSError: The file cannot be opened.
    """
    if isinstance(source, Groove):
        converter.check_kind(source, where)
        return [source]
    if isinstance(source, _ONE) or is_file_object(source):
        return converter.read(source, **options)  # type: ignore[arg-type]
    raise GrooveError(
        "Music is a path of a MIDI file, its bytes, an open file, a "
        "miditoolkit.MidiFile, a Groove or a NumPy array, or a list of these. "
        f"Received: {type(source).__name__}"
    )


def array_pieces(
    array: object, num_bars: int, steps_per_bar: int, features: int = 27
) -> list[Piece]:
    """Arrays as pieces.

    Args:
        array: `(steps, features)` or `(number, steps, features)`, whole bars, finite;
            taken as it is.
        num_bars: Bars of a window.
        steps_per_bar: Steps of a bar.
        features: Width of a frame. Defaults to 27.

    Raises:
        GrooveError: Another shape, or numbers that are not finite.
    """
    try:
        frames = np.asarray(array, np.float32)
    except (TypeError, ValueError):
        raise GrooveError(
            f"An array of grooves must hold numbers. Received: {type(array).__name__}"
        ) from None
    shape = frames.shape
    if frames.ndim == 2:
        frames = frames[None]
    if (
        frames.ndim != 3
        or frames.shape[2] != features
        or not frames.size
        or frames.shape[1] % steps_per_bar
    ):
        raise GrooveError(
            f"An array of grooves must have the shape (steps, {features}) or (number, "
            f"steps, {features}), where steps are whole bars of {steps_per_bar}. "
            f"Received: the shape {shape}"
        )
    if not np.isfinite(frames).all():
        raise GrooveError(
            "An array of grooves must be finite. Received: NaN or infinity"
        )
    return [Piece(groove, num_bars, steps_per_bar) for groove in frames]


def _as_list(music: object) -> list[object]:
    if (
        isinstance(music, _ONE)
        or is_file_object(music)
        or _is_array(music)
        or not isinstance(music, Iterable)
    ):
        return [music]
    sources = list(music)
    if not 1 <= len(sources) <= MAX_PIECES:
        raise GrooveError(
            f"A list of music must hold 1 to {MAX_PIECES:,} items. "
            f"Received: {len(sources)}"
        )
    return sources


def _is_array(music: object) -> bool:
    """NumPy's arrays and the backends' tensors."""
    return hasattr(music, "__array__")
