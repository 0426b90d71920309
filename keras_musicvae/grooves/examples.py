"""Examples: windows of grooves, with what is known about each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from keras_musicvae.grooves.frames import Frames


@dataclass(frozen=True)
class Examples:
    """Windows of grooves: what tasks and conditions look at.

    Attributes:
        grooves: (number, steps, 27) float32.
        num_bars: Bars of a window.
        tempo: Quarter notes per minute of each window, None where it is not known; an
            empty sequence: of none.
        style: The style of each window, alike.
        kind: `"beat"` or `"fill"`, alike.
        start_bar: The bar of its performance in which each window begins, from 0,
            alike.
    """

    grooves: Frames
    num_bars: int
    tempo: Sequence[float | None] = ()
    style: Sequence[str | None] = ()
    kind: Sequence[str | None] = ()
    start_bar: Sequence[int | None] = ()

    def __len__(self) -> int:
        return len(self.grooves)
