"""Makes windows that end in a fill, from windows of beats and fills of one bar.

In the Groove MIDI Dataset nearly all fills are files of a bar or two, too short for a
window, and the fills within beats are not marked. A fill is put in the place of the
last bar of a phrase of the same style at about the same tempo, by the same drummer
where there is one.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_musicvae.errors import DatasetError
from keras_musicvae.grooves.examples import Examples

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows

# Share of the windows that could get a fill which do.
SHARE = 0.15
# How much faster or slower the beat may be than the fill.
TEMPO_RATIO = 1.15


class FillSplicer:
    """Puts fills at the end of some windows.

    Args:
        windows: The training windows.
        fills: Windows of one bar, of which those of the kind "fill" are taken.

    Raises:
        DatasetError: They are not of one bar, of another grid, or none is a fill.
    """

    def __init__(self, windows: "GrooveWindows", fills: "GrooveWindows") -> None:
        if fills.num_bars != 1 or fills.steps_per_bar != windows.steps_per_bar:
            raise DatasetError(
                "Fills must be windows of 1 bar with as many steps as a bar of the "
                f"training windows, {windows.steps_per_bar}. Received: "
                f"{fills.num_bars} bars of {fills.steps_per_bar} steps. Make them by "
                "`keras-musicvae preprocess --bars 1`."
            )
        fills = fills.select(kind="fill")
        if not len(fills):
            raise DatasetError("None of the windows of one bar is marked as a fill.")
        self.fills = fills.arrays()
        self.bars = windows.num_bars
        self.start_bar = windows.start_bar
        self._fitting = _fitting(windows, fills)

    def __call__(
        self, examples: Examples, rows: Any, generator: np.random.Generator
    ) -> Examples:
        """The windows of `rows`, some of them with a fill where a phrase ends."""
        grooves, kinds = examples.grooves.copy(), list(examples.kind)
        chosen = generator.random(len(rows)) < SHARE
        picks = generator.random(len(rows))
        for place, row in enumerate(rows):
            fitting = self._fitting[row]
            if chosen[place] and len(fitting):
                fill = self.fills[fitting[int(picks[place] * len(fitting))]]
                last = self.bars - 1 - self.start_bar[row] % self.bars
                grooves[place, last * len(fill) : (last + 1) * len(fill)] = fill
                kinds[place] = "fill"
        return replace(examples, grooves=grooves, kind=kinds)


def _fitting(windows: "GrooveWindows", fills: "GrooveWindows") -> list[Any]:
    """For each window the fills that can end its phrases."""
    styles = np.array(fills.styles)[fills.style]
    drummers = np.array(fills.drummers)[fills.drummer]
    fitting = []
    for style, drummer, tempo in zip(
        np.array(windows.styles)[windows.style],
        np.array(windows.drummers)[windows.drummer],
        windows.tempo,
        strict=True,
    ):
        ratios = fills.tempo / tempo
        fits = (ratios < TEMPO_RATIO) & (ratios > 1 / TEMPO_RATIO) & (styles == style)
        own = fits & (drummers == drummer)
        fitting.append((own if own.any() else fits).nonzero()[0])
    return fitting
