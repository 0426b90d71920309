"""Random numbers that are the same on every backend.

`keras.random` gives other numbers on each backend for the same seed, and keeps a state
that weights files do not hold. In training `TrainingNoise` takes its place: its numbers
depend on (seed, step, site) and the position of an example in its batch alone, so that
a run repeats exactly, resumes exactly, and takes the same course on TensorFlow, JAX and
PyTorch, and on one device and several, up to rounding. The verbs take theirs from
`Draws`, which NumPy makes outside of the compiled functions.

The generator of `TrainingNoise` is a counter hashed by the 32-bit finaliser "lowbias32"
(C. Wellons, "Prospecting for hash functions", 2018), in wrapping int32 arithmetic. It
is meant for noise and dropout, not for cryptography.
"""

import math
import secrets
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from keras_musicvae.backends import distributed
from keras_musicvae.errors import ConfigError

# --- Training -----------------------------------------------------------------


@dataclass(frozen=True)
class TrainingNoise:
    """The random numbers of a model in training.

    They are functions of (seed, step, site) and of the position of an example: where
    several devices share a batch, its position in the whole batch.

    Args:
        seed: The seed of the run.
        step: The model's counter of training steps, an integer variable.
    """

    seed: int
    step: Any

    def uniform(self, shape: tuple, site: int) -> Any:
        """Uniform numbers in (0, 1), exact multiples of 2^-24 plus 2^-25, float32.

        Args:
            shape: (batch, ...), the shape of the result; entries may be symbolic.
            site: Which of the draws of a step this is.
        """
        bits = ops.cast(self.bits(shape, site), "float32")
        return ops.reshape((bits + 0.5) / 2**24, shape)

    def normal(self, shape: tuple, site: int) -> Any:
        """Standard normal numbers, by the Box-Muller transform of `uniform`."""
        pair = self.uniform((shape[0], 2, *shape[1:]), site)
        radius = ops.sqrt(-2.0 * ops.log(pair[:, 0]))
        return radius * ops.cos((2.0 * math.pi) * pair[:, 1])

    def bits(self, shape: tuple, site: int) -> Any:
        """Uniform integers in [0, 2^24), flat, for a batch of `shape`."""
        offset = _wrap(self.seed * 0x9E3779B9 + site * 0x85EBCA6B)
        key = _hash(ops.cast(ops.convert_to_tensor(self.step), "int32") + offset)
        # The counter is hashed before the key is added, or the streams of two keys
        # would be one stream, shifted.
        first = distributed.first_example(shape[0]) * math.prod(shape[1:])
        counter = ops.arange(math.prod(shape), dtype="int32") + first
        bits = _hash(_hash(counter) + key)
        return ops.bitwise_and(ops.right_shift(bits, 8), 0xFFFFFF)


@dataclass(frozen=True)
class Dropout:
    """Zeroes a share of the inputs of layers, and scales the others up.

    Args:
        noise: The random numbers.
        rate: Share to drop, in [0, 1).
        site: The first of the draws of a step that belong to these layers.
    """

    noise: TrainingNoise
    rate: float
    site: int

    def __call__(self, x: Any, draw: int) -> Any:
        """Drops features of `x`, (batch, steps, features), as the layer's `draw`."""
        if self.rate == 0.0:
            return x
        shape = ops.shape(x)
        bits = self.noise.bits(shape, self.site + draw)
        kept = ops.reshape(bits >= round(self.rate * 2**24), shape)
        return x * (ops.cast(kept, x.dtype) * (1.0 / (1.0 - self.rate)))

    def after(self, draws: int) -> "Dropout":
        """The dropout of the layers that come `draws` later."""
        return replace(self, site=self.site + draws)


def _hash(x: Any) -> Any:
    x = ops.bitwise_xor(x, ops.bitwise_and(ops.right_shift(x, 16), 0xFFFF))
    x = x * _wrap(0x7FEB352D)
    x = ops.bitwise_xor(x, ops.bitwise_and(ops.right_shift(x, 15), 0x1FFFF))
    x = x * _wrap(0x846CA68B)
    return ops.bitwise_xor(x, ops.bitwise_and(ops.right_shift(x, 16), 0xFFFF))


def _wrap(value: int) -> Any:
    """A Python integer as the int32 with the same low 32 bits."""
    value &= 0xFFFFFFFF
    return ops.convert_to_tensor(value - (value >> 31 << 32), dtype="int32")


# --- Verbs --------------------------------------------------------------------


class Purpose(IntEnum):
    """What a verb draws random numbers for; each has a stream of its own."""

    LATENTS = 0
    HITS = 1
    NEIGHBOURS = 2
    POSTERIOR = 3
    KNOWN = 4
    CHOICE = 5


class Draws:
    """The random numbers of a verb.

    They depend on the seed alone, neither on the backend nor on the batch size; and
    each purpose has a stream of its own, filled example by example, so that the first
    of five grooves is the one that asking for a single one gives.

    Args:
        seed: An integer of at least 0; None draws one.
        place: Numbers that say which of several draws this is. Defaults to none.

    Raises:
        ConfigError: Another seed.
    """

    def __init__(self, seed: int | None, place: tuple[int, ...] = ()) -> None:
        if seed is None:
            seed = secrets.randbits(32)
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise ConfigError(
                f"`seed` must be an integer of at least 0. Received: {seed!r}"
            )
        self.seed = int(seed)
        self.place = place

    def at(self, number: int) -> "Draws":
        """Other random numbers of the same seed, for one of several draws."""
        return Draws(self.seed, (*self.place, number))

    def stream(self, purpose: Purpose) -> np.random.Generator:
        """The random numbers of one purpose."""
        return np.random.default_rng([self.seed, int(purpose), *self.place])

    def normal(self, purpose: Purpose, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Standard normal numbers."""
        return self.stream(purpose).standard_normal(shape, np.float32)

    def uniform(self, purpose: Purpose, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """In (0, 1), never at the ends, where a logarithm is infinite."""
        integers = self.stream(purpose).integers(0, 1 << 23, shape, np.uint32)
        # Exact in float32: 23 bits and a half.
        return (integers.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)
