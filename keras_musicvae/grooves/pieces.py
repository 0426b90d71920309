"""Pieces of music: cut into the windows of a model, and put together again."""

from dataclasses import dataclass, replace

import numpy as np

from keras_musicvae.errors import GrooveError
from keras_musicvae.grooves.frames import NUM_FEATURES, Frames
from keras_musicvae.grooves.groove import Groove


@dataclass(frozen=True)
class Piece:
    """One piece of music, as the windows that a model takes.

    The windows follow one another; if the piece is not a whole number of them, a last
    one ends with the piece and overlaps the one before. A piece that is shorter than a
    window is played again from its start until the window is full.

    Attributes:
        frames: `(steps, features)` float32.
        num_bars: Bars of a window.
        steps_per_bar: Steps of a bar.
        groove: The music; None for an array.
    """

    frames: Frames
    num_bars: int
    steps_per_bar: int
    groove: Groove | None = None

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
        starts = np.array(self.start_bars) * self.steps_per_bar
        steps = starts[:, None] + np.arange(self.num_bars * self.steps_per_bar)
        return self.frames[steps % len(self.frames)]

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
        return replace(self, frames=self.frames[steps])


def array_pieces(
    array: object, num_bars: int, steps_per_bar: int, features: int = NUM_FEATURES
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
