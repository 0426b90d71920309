"""What the verbs give back: lists and tuples that also say how they came about."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.names import unique_names

if TYPE_CHECKING:
    from keras_musicvae.grooves.groove import Groove
    from keras_musicvae.grooves.read_report import ReadReport


class Grooves(list["Groove"]):
    """Grooves, none of the name of another, and how they came about.

    Attributes:
        seed: The seed that was used; the same seed gives the same grooves.
        temperature: The temperature that was used.
        grid: (rows, columns) if they are a grid, row by row; else None.
        reports: What was left out of the MIDI files that were read, see `ReadReport`.

    Example:
        >>> model = MusicVAE.from_preset("groove_debug")  # doctest: +SKIP
        >>> model.sample(2, seed=7).seed  # doctest: +SKIP
        7
    """

    def __init__(
        self,
        grooves: Sequence["Groove"],
        *,
        seed: int,
        temperature: float,
        grid: tuple[int, int] | None = None,
        reports: Sequence["ReadReport"] = (),
    ) -> None:
        names = unique_names(groove.name for groove in grooves)
        super().__init__(
            groove if groove.name == name else replace(groove, name=name)
            for groove, name in zip(grooves, names, strict=True)
        )
        self.seed = seed
        self.temperature = temperature
        self.grid = grid
        self.reports = list(reports)

    def save(
        self, folder: str | os.PathLike[str], suffix: str = ".mid", **options: Any
    ) -> list[os.PathLike[str]]:
        """Writes every groove to a file of its name, as `save_grooves` does.

        Example:
            >>> model.sample(5, seed=1).save("samples")  # doctest: +SKIP
        """
        from keras_musicvae.grooves.groove import save_grooves

        return save_grooves(self, folder, suffix, **options)

    def __repr__(self) -> str:
        settings = f"seed={self.seed}, temperature={self.temperature:g}"
        if self.grid is not None:
            settings += f", grid={self.grid}"
        return f"Grooves({super().__repr__()}, {settings})"


class Latents(tuple[NDArray[np.float32], NDArray[np.float32]]):
    """Where music lies in the latent space: the pair (z, z_stddev).

    `z, z_stddev = model.encode(music)` unpacks it; each is (windows, latent_dim).

    Attributes:
        inputs: For each row, which of the inputs it is of, from 0.
        start_bars: For each row, the bar of the input in which its window starts.
        tempos: For each row, the tempo there; None if the input has none (arrays).
        seed: The seed, if z was drawn; None if z is the mean.
    """

    inputs: list[int]
    start_bars: list[int]
    tempos: list[float | None]
    seed: int | None

    def __new__(
        cls,
        z: NDArray[np.float32],
        z_stddev: NDArray[np.float32],
        *,
        inputs: Sequence[int],
        start_bars: Sequence[int],
        tempos: Sequence[float | None],
        seed: int | None = None,
    ) -> "Latents":
        """Makes the pair; a tuple is complete before `__init__`."""
        latents = super().__new__(cls, (z, z_stddev))
        latents.inputs = list(inputs)
        latents.start_bars = list(start_bars)
        latents.tempos = list(tempos)
        latents.seed = seed
        return latents

    @property
    def z(self) -> NDArray[np.float32]:
        """(windows, latent_dim): the mean of the posterior, or a sample of it."""
        return self[0]

    @property
    def z_stddev(self) -> NDArray[np.float32]:
        """(windows, latent_dim): the standard deviation of the posterior."""
        return self[1]

    def __getnewargs_ex__(self) -> tuple:
        return tuple(self), {
            "inputs": self.inputs,
            "start_bars": self.start_bars,
            "tempos": self.tempos,
            "seed": self.seed,
        }
