"""Windows of N bars, cut from converted grooves that lie one after the other on disk.

A preprocessed folder (see `layout`) holds every groove once and a table that says
where windows begin. A window is a run of consecutive rows, so windows that hop one
bar share their rows and cost nothing.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_musicvae.datasets.convert import window_table
from keras_musicvae.datasets.layout import (
    FILES_NAME,
    FRAMES_NAME,
    KINDS,
    NUM_FEATURES,
    SPLITS,
    WINDOW,
    WINDOWS_NAME,
    check_file,
    damaged,
    load_array,
    read_info,
    read_names,
)
from keras_musicvae.errors import DatasetError
from keras_musicvae.files import user_path
from keras_musicvae.grooves.converter import GrooveConverter

if TYPE_CHECKING:
    from keras_musicvae.grooves.examples import Examples
    from keras_musicvae.grooves.groove import Groove


@dataclass(frozen=True)
class _Shared:
    """What all selections of one dataset have in common."""

    frames: NDArray[np.float32]
    info: Mapping[str, Any]
    file_names: Callable[[], Sequence[str]]


class GrooveWindows:
    """Windows of `num_bars` bars, ready to be gathered into batches.

    Made by `GrooveWindows.load`, `GrooveWindows.from_grooves` or a dataset module.
    Indexing gives arrays; `split` and `select` give smaller `GrooveWindows` over the
    same rows.

    Attributes:
        converter: How files are read and arrays are made; it goes into the models
            that are trained on these windows.
        num_bars: Bars of a window.
        hop_bars: Bars from one window of a file to the next, as they were cut.
        num_steps: Steps of a window.
        steps_per_bar: Steps of a bar.
        styles, drummers, kinds: The names that the codes below stand for. An empty
            name means unknown.
        info: The dataset's description (settings, counts, report), read-only.

    Example:
        ```python
        from keras_musicvae.datasets.windows import GrooveWindows

        windows = GrooveWindows.load("data/groove_4bar")
        train = windows.split("train")
        batch = train[[0, 5, 9]]  # (3, 64, 27) float32
        rock = train.select(style="rock")
        ```
    """

    def __init__(self, shared: _Shared, table: NDArray[np.void]):
        self._shared = shared
        self._table = table
        self.info = shared.info
        config = shared.info["config"]
        self.converter = GrooveConverter.from_config(config["converter"])
        self.num_bars = self.converter.num_bars
        self.hop_bars: int = config["hop_bars"]
        self.num_steps = self.converter.num_steps
        self.steps_per_bar = self.converter.steps_per_bar
        self.styles: tuple[str, ...] = tuple(shared.info["styles"])
        self.drummers: tuple[str, ...] = tuple(shared.info["drummers"])
        self.kinds: tuple[str, ...] = tuple(shared.info["kinds"])
        # Every run of `num_steps` rows as a view, (rows - num_steps + 1, steps, 27).
        frames = shared.frames
        self._runs = np.lib.stride_tricks.as_strided(
            frames,
            shape=(
                max(len(frames) - self.num_steps + 1, 0),
                self.num_steps,
                NUM_FEATURES,
            ),
            strides=(frames.strides[0], *frames.strides),
            writeable=False,
        )

    # --- Making ---------------------------------------------------------------

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], *, verify: bool = False
    ) -> "GrooveWindows":
        """Opens a preprocessed folder; the rows stay on disk until they are used.

        Args:
            folder: What `keras-musicvae preprocess --out` wrote.
            verify: Also compare the SHA-256 of every file. Sizes and ranges are
                always checked. Defaults to False.

        Raises:
            DatasetError: the folder is no dataset, or incomplete, or damaged.
            ChecksumError: with `verify`, a file has changed.
        """
        folder = user_path(folder)
        info = read_info(folder)
        for name, item in ((FRAMES_NAME, "frames"), (WINDOWS_NAME, "windows")):
            check_file(folder / name, info[item], verify=verify)
        frames = load_array(folder / FRAMES_NAME, np.dtype(np.float32), 2)
        if frames.shape[1] != NUM_FEATURES:
            raise damaged(folder / FRAMES_NAME, f"its shape is {frames.shape}")
        table = load_array(folder / WINDOWS_NAME, WINDOW, 1)
        names = cache(partial(read_names, folder / FILES_NAME))
        windows = cls(_Shared(frames, info, names), table)
        windows._check_table(folder / WINDOWS_NAME)
        return windows

    @classmethod
    def from_grooves(
        cls,
        grooves: Sequence["Groove"],
        converter: GrooveConverter,
        *,
        hop_bars: int = 1,
        short: str = "skip",
        silent: str = "skip",
        split: str = "train",
    ) -> "GrooveWindows":
        """Windows of grooves in memory, without files.

        Args:
            grooves: Whole grooves; the `file` of a window is its groove's index.
            converter: Says the bars, time signature and grid of a window. Grooves that
                do not fit give no window.
            hop_bars: Bars from one window to the next. Defaults to 1.
            short: `"skip"`, `"pad"` or `"loop"` grooves of fewer bars than a window.
            silent: `"skip"` or `"keep"` windows without a hit. Defaults to `"skip"`.
            split: The split of all windows. Defaults to `"train"`.
        """
        tables, frames, rows = [np.zeros(0, WINDOW)], [], 0
        for number, groove in enumerate(grooves):
            cut = converter.windows(groove, hop_bars=hop_bars, short=short)
            found = window_table(groove, cut, silent=silent)
            found["row"] += rows
            found["file"] = number
            tables.append(found[list(WINDOW.names or ())].astype(WINDOW))
            frames.append(cut.frames)
            rows += len(cut.frames)
        table = np.concatenate(tables)
        table["split"] = SPLITS.index(split)
        info = {
            "config": {
                "converter": converter.get_config(),
                "hop_bars": hop_bars,
                "short": short,
            },
            "num_steps": converter.num_steps,
            "styles": [""],
            "drummers": [""],
            "kinds": list(KINDS),
            "counts": {name: len(table) * (name == split) for name in SPLITS},
        }
        every = np.concatenate([np.zeros((0, NUM_FEATURES), np.float32), *frames])
        names = [groove.name for groove in grooves]
        return cls(_Shared(every, info, lambda: names), table)

    # --- Arrays ---------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, indices: Any) -> NDArray[np.float32]:
        """Gathers windows.

        Args:
            indices: An integer, a slice, integers or a mask, as for a NumPy array.

        Returns:
            (n, num_steps, 27) float32, or (num_steps, 27) for one integer.
        """
        if isinstance(indices, list) and not indices:
            indices = np.zeros(0, np.int64)  # NumPy makes an empty list float
        rows = np.asarray(self._table["row"])[indices]
        if rows.ndim > 1:
            raise IndexError(
                "Windows have one axis; give at most one-dimensional indices."
            )
        found = self._runs[rows]
        return found if rows.ndim else found.copy()

    def arrays(self) -> NDArray[np.float32]:
        """All windows at once: (len, num_steps, 27) float32."""
        return self[:]

    def examples(self, indices: Any = slice(None)) -> "Examples":
        """Windows with what is known of them, for tasks and conditions.

        Args:
            indices: Which, as for indexing. Defaults to all.
        """
        from keras_musicvae.grooves.examples import Examples

        rows = self._subset(np.asarray(np.arange(len(self))[indices]))
        return Examples(
            rows.arrays(),
            self.num_bars,
            tempo=rows.tempo.tolist(),
            style=[self.styles[code] or None for code in rows.style],
            kind=[self.kinds[code] or None for code in rows.kind],
            start_bar=rows.start_bar.tolist(),
        )

    def batches(
        self,
        batch_size: int,
        *,
        seed: int | None = None,
        epoch: int = 0,
        drop_remainder: bool = False,
    ) -> Iterator[NDArray[np.float32]]:
        """One pass over the windows in batches.

        Args:
            batch_size: Windows per batch.
            seed: Shuffles the windows; the same seed and epoch give the same order on
                every machine. None keeps the order of the files. Defaults to None.
            epoch: Changes the order from pass to pass. Defaults to 0.
            drop_remainder: Leave out a last, smaller batch. Defaults to False.

        Yields:
            (batch_size, num_steps, 27) float32; the last may be smaller.
        """
        order = np.arange(len(self))
        if seed is not None:
            np.random.default_rng((seed, epoch)).shuffle(order)
        end = len(self) - len(self) % batch_size if drop_remainder else len(self)
        for start in range(0, end, batch_size):
            yield self[order[start : start + batch_size]]

    def groove(self, index: int) -> "Groove":
        """One window as a `Groove` in the tempo in which it was played."""
        tempo = float(self.tempo[index])
        return self.converter.to_groove(self[int(index)], tempo=tempo)

    # --- What is known of each window -----------------------------------------

    @property
    def tempo(self) -> NDArray[np.float32]:
        """(len,) quarter notes per minute where each window begins."""
        return self._column("tempo")

    @property
    def style(self) -> NDArray[np.int32]:
        """(len,) indices into `styles`."""
        return self._column("style")

    @property
    def drummer(self) -> NDArray[np.int32]:
        """(len,) indices into `drummers`."""
        return self._column("drummer")

    @property
    def kind(self) -> NDArray[np.uint8]:
        """(len,) indices into `kinds`."""
        return self._column("kind")

    @property
    def start_bar(self) -> NDArray[np.int32]:
        """(len,) bar of the file in which each window begins, from 0."""
        return self._column("bar")

    @property
    def file(self) -> NDArray[np.int32]:
        """(len,) number of the file of each window, an index into `file_names`."""
        return self._column("file")

    @property
    def file_names(self) -> Sequence[str]:
        """The names of the files that gave windows, in order; read when first used."""
        return self._shared.file_names()

    # --- Selecting ------------------------------------------------------------

    def split(self, name: str) -> "GrooveWindows":
        """The windows of `"train"`, `"validation"` or `"test"`.

        Raises:
            DatasetError: there is no such split.
        """
        if name not in SPLITS:
            raise DatasetError(
                f"A split is one of {', '.join(SPLITS)}. Received: {name!r}."
            )
        return self._subset(self._column("split") == SPLITS.index(name))

    def canonical(self, split: str) -> "GrooveWindows":
        """The windows of a split that do not overlap, from the first bar of each file.

        Validation and evaluation use these. The test split of the Groove MIDI Dataset
        has 526 of 4 bars.

        Raises:
            DatasetError: There is no such split, or `hop_bars` does not divide
                `num_bars`.
        """
        return self.split(split).select(hop_bars=self.num_bars)

    def select(
        self,
        *,
        hop_bars: int | None = None,
        style: str | None = None,
        drummer: str | None = None,
        kind: str | None = None,
        tempo: tuple[float, float] | None = None,
        mask: ArrayLike | None = None,
    ) -> "GrooveWindows":
        """The windows that meet every condition that is given.

        Args:
            hop_bars: Keep windows that begin at a multiple of this many bars of their
                file; `num_bars` gives windows that do not overlap.
            style: One of `styles`.
            drummer: One of `drummers`.
            kind: `"beat"` or `"fill"`.
            tempo: Lowest and highest tempo, both included.
            mask: (len,) bool, or indices as for an array.

        Raises:
            DatasetError: unknown name, or a hop that the dataset was not cut for.
        """
        keep = np.ones(len(self), bool)
        if hop_bars is not None:
            if hop_bars < 1 or hop_bars % self.hop_bars:
                raise DatasetError(
                    f"Windows were cut every {self.hop_bars} bars; hop_bars must be a "
                    f"multiple of that. Received: hop_bars={hop_bars}."
                )
            keep &= self.start_bar % hop_bars == 0
        for field, names, value in (
            ("style", self.styles, style),
            ("drummer", self.drummers, drummer),
            ("kind", self.kinds, kind),
        ):
            if value is not None:
                if value not in names:
                    raise DatasetError(
                        f"No {field} is called {value!r}; there are: "
                        f"{', '.join(map(repr, names))}."
                    )
                keep &= self._column(field) == names.index(value)
        if tempo is not None:
            keep &= (self.tempo >= tempo[0]) & (self.tempo <= tempo[1])
        chosen = self._subset(keep)
        if mask is None:
            return chosen
        if keep.all():
            return self._subset(np.asarray(mask))
        wanted = np.zeros(len(self), bool)
        wanted[np.asarray(mask)] = True
        return self._subset(keep & wanted)

    def __repr__(self) -> str:
        return (
            f"GrooveWindows({len(self):,} windows of {self.num_bars} bars, "
            f"{self.num_steps} steps x {NUM_FEATURES})"
        )

    # --- Helpers --------------------------------------------------------------

    def _column(self, name: str) -> NDArray[Any]:
        return np.asarray(self._table[name])

    def _subset(self, indices: NDArray[Any]) -> "GrooveWindows":
        return GrooveWindows(self._shared, np.asarray(self._table)[indices])

    def _check_table(self, path: Path) -> None:
        """A table that points outside of its rows would read other memory."""
        rows = self._column("row")
        if not len(rows):
            return
        if rows.min() < 0 or rows.max() >= len(self._runs):
            raise damaged(path, "a window lies outside of the rows")
        for field, names in (
            ("style", self.styles),
            ("drummer", self.drummers),
            ("kind", self.kinds),
            ("split", SPLITS),
        ):
            codes = self._column(field)
            if codes.min() < 0 or codes.max() >= len(names):
                raise damaged(path, f"an unknown {field}")
