"""Rows in several arrays as if they were one, and runs of rows gathered from them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.datasets.layout import NUM_FEATURES

Frames = NDArray[np.float32]


class Shards:
    """Rows of 27 values that lie in one or more arrays, in memory or on disk.

    Rows are counted through all arrays. A run of rows never crosses from one array
    to the next.

    Args:
        arrays: (rows, 27) float32 each, C-contiguous.
    """

    def __init__(self, arrays: Sequence[Frames]):
        self._arrays = tuple(arrays)
        lengths = [len(array) for array in self._arrays]
        self._starts = np.cumsum([0, *lengths], dtype=np.int64)

    def gather(self, rows: NDArray[np.int64], length: int) -> Frames:
        """Copies the runs of `length` rows that begin at `rows`.

        Returns:
            (len(rows), length, 27) float32.
        """
        result = np.empty((len(rows), length, NUM_FEATURES), np.float32)
        owners = self._owners(rows)
        for owner in np.unique(owners):
            here = owners == owner
            runs = _runs(self._arrays[owner], length)
            result[here] = runs[rows[here] - self._starts[owner]]
        return result

    def hold(self, rows: NDArray[np.int64], length: int) -> bool:
        """Whether each run of `length` rows from `rows` on lies inside one array."""
        if not len(rows):
            return True
        if length < 1 or rows.min() < 0 or rows.max() >= self._starts[-1]:
            return False
        ends = self._starts[self._owners(rows) + 1]
        return bool((rows <= ends - length).all())

    def _owners(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._starts, rows, side="right") - 1


def _runs(rows: Frames, length: int) -> Frames:
    """Every run of `length` rows, as a view: (len(rows) - length + 1, length, 27)."""
    return np.lib.stride_tricks.as_strided(
        rows,
        shape=(len(rows) - length + 1, length, NUM_FEATURES),
        strides=(rows.strides[0], *rows.strides),
        writeable=False,
    )
