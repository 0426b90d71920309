"""Runs encoder and decoder on NumPy arrays of any number, compiled once per size.

Where a backend compiles (JAX, TensorFlow), batches are padded to a few sizes, so that
asking for 5, 6 or 7 grooves compiles once. PyTorch takes them as they come.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from keras_musicvae.backends import native

BATCH_SIZES = (1, 8, 64, 512)

Arrays = NDArray[np.float32]


class Inference:
    """The compiled functions of a model.

    Args:
        model: A built `MusicVAE`.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._compiled: dict[tuple[str, ...], Callable] = {}

    def encode(self, batch: Mapping[str, Arrays]) -> tuple[Arrays, Arrays]:
        """A batch of any size -> z_mean, z_stddev; see `MusicVAE.posterior`."""
        names = tuple(batch)

        def posterior(*arrays: Any) -> Any:
            return self._model.posterior(dict(zip(names, arrays, strict=True)))

        function = self._function(("posterior", *names), posterior)
        mean, stddev = _in_batches(function, tuple(batch.values()))
        return mean, stddev

    def decode(
        self,
        z: Arrays,
        noise: Arrays,
        temperature: float,
        given: Mapping[str, Arrays] | None = None,
        kept: Arrays | None = None,
    ) -> Arrays:
        """Latents and uniform noise -> grooves; see `MusicVAE.free_running`."""
        model, given = self._model, dict(given or {})
        if kept is not None:
            given["kept"] = kept
        names = tuple(given)

        def free_running(z: Any, noise: Any, temperature: Any, *arrays: Any) -> Any:
            parts = dict(zip(names, arrays, strict=True))
            kept = parts.pop("kept", None)
            return model.free_running(z, noise, temperature, parts, kept)

        function = self._function(("free_running", *names), free_running)
        scale = np.float32(temperature)
        return _in_batches(
            lambda z, noise, *arrays: (function(z, noise, scale, *arrays),),
            (z, noise, *given.values()),
        )[0]

    def noise_behind(
        self,
        z: Arrays,
        chance: Arrays,
        temperature: float,
        batch: Mapping[str, Arrays],
    ) -> Arrays:
        """The noise behind grooves; see `MusicVAE.noise_behind`."""
        names = tuple(batch)

        def noise_behind(z: Any, chance: Any, temperature: Any, *arrays: Any) -> Any:
            parts = dict(zip(names, arrays, strict=True))
            return self._model.noise_behind(z, chance, temperature, parts)

        function = self._function(("noise_behind", *names), noise_behind)
        scale = np.float32(temperature)
        return _in_batches(
            lambda z, chance, *arrays: (function(z, chance, scale, *arrays),),
            (z, chance, *batch.values()),
        )[0]

    def hit_costs(
        self, z: Arrays, batch: Mapping[str, Arrays], cells: Arrays
    ) -> Arrays:
        """How unlikely the hits and rests of some cells are, in nats: (number,).

        Args:
            z: (number, latent_dim).
            batch: What the decoder reads, `grooves` with teacher forcing.
            cells: (number, num_steps, 9), 1 where a cell counts.
        """
        model, names = self._model, tuple(batch)

        def costs(z: Any, cells: Any, *arrays: Any) -> Any:
            given = dict(zip(names, arrays, strict=True))
            outputs = model.teacher_forced(z, given)
            of_cells = model.heads.hit_costs(outputs, given["grooves"])
            return (ops.sum(of_cells * cells, axis=(1, 2)),)

        function = self._function(("hit_costs", *names), costs)
        return _in_batches(function, (z, cells, *batch.values()))[0]

    def _function(self, name: tuple[str, ...], function: Callable) -> Callable:
        if name not in self._compiled:
            self._compiled[name] = native.compiled(self._model, function)
        return self._compiled[name]


def batch_plan(
    number: int, *, padded: bool = native.COMPILES
) -> Iterator[tuple[int, int]]:
    """Cuts `number` examples into batches.

    Args:
        number: How many there are.
        padded: Whether batches have one of a few sizes. Defaults to what suits the
            backend.

    Yields:
        How many examples a batch takes, and the size to which it is padded.

    Example:
        >>> list(batch_plan(100, padded=True))
        [(64, 64), (36, 64)]
    """
    # Size 1 is for one groove at once; a remainder of 1 is not worth compiling it.
    sizes = BATCH_SIZES if number < BATCH_SIZES[1] // 2 else BATCH_SIZES[1:]
    while number > 0:
        size = min(number, BATCH_SIZES[-1])
        if padded:
            larger = [size for size in sizes if size >= number]
            smaller = [size for size in sizes if size <= number]
            # Padding more than twofold costs more than another call.
            fits = larger and (larger[0] <= 2 * number or not smaller)
            size = larger[0] if fits else smaller[-1]
        yield min(size, number), size
        number -= min(size, number)


def _in_batches(
    function: Callable[..., tuple], arrays: tuple[Arrays, ...]
) -> list[Arrays]:
    start, parts = 0, []
    for taken, size in batch_plan(len(arrays[0])):
        batch = [array[start : start + taken] for array in arrays]
        if taken < size:
            batch = [
                np.concatenate([b, np.repeat(b[-1:], size - taken, axis=0)])
                for b in batch
            ]
        parts.append([output[:taken] for output in function(*batch)])
        start += taken
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
