"""Random numbers that are the same on every backend, as a function of a counter.

`keras.random` gives other numbers on each backend for the same seed, and keeps a state
that weights files do not hold. Training draws here instead: the numbers depend on
(seed, step, site) alone, so that a run repeats exactly, resumes exactly, and takes
the same course on TensorFlow, JAX and PyTorch up to rounding.

The generator is a counter hashed by the 32-bit finaliser "lowbias32" (C. Wellons,
"Prospecting for hash functions", 2018), in wrapping int32 arithmetic. It is meant for
noise and dropout, not for cryptography.
"""

import math
from typing import Any

from keras import ops


def uniform(shape: tuple, seed: int, step: Any, site: int) -> Any:
    """Uniform numbers in (0, 1), exact multiples of 2^-24 plus 2^-25.

    Args:
        shape: The shape of the result; entries may be symbolic.
        seed: The seed of the run.
        step: Counter of training steps, an integer scalar tensor or variable.
        site: Which of the draws of a step this is.

    Returns:
        A float32 tensor.
    """
    numbers = (ops.cast(_bits(shape, seed, step, site), "float32") + 0.5) / 2**24
    return ops.reshape(numbers, shape)


def normal(shape: tuple, seed: int, step: Any, site: int) -> Any:
    """Standard normal numbers, by the Box-Muller transform of `uniform`."""
    pair = uniform((2, *shape), seed, step, site)
    radius = ops.sqrt(-2.0 * ops.log(pair[0]))
    return radius * ops.cos((2.0 * math.pi) * pair[1])


def dropout(
    x: Any, rate: float, seed: int, step: Any, site: int, *, per_sequence: bool = False
) -> Any:
    """Zeroes a share `rate` of the features and scales the others by 1 / (1 - rate).

    Args:
        x: (batch, steps, features).
        rate: Share to drop, in [0, 1); at 0 `x` is returned as it is.
        seed: The seed of the run.
        step: Counter of training steps.
        site: Which of the draws of a step this is.
        per_sequence: One mask for all the steps of a sequence (variational dropout,
            Gal & Ghahramani 2016) instead of a new one at each step.

    Returns:
        A tensor like `x`.
    """
    if rate == 0.0:
        return x
    batch, steps, features = ops.shape(x)
    shape = (batch, 1 if per_sequence else steps, features)
    kept = ops.reshape(_bits(shape, seed, step, site) >= round(rate * 2**24), shape)
    return x * (ops.cast(kept, x.dtype) * (1.0 / (1.0 - rate)))


def _bits(shape: tuple, seed: int, step: Any, site: int) -> Any:
    """Uniform integers in [0, 2^24), flat."""
    key = _hash(ops.cast(step, "int32") + _wrap(seed * 0x9E3779B9 + site * 0x85EBCA6B))
    # The counter is hashed before the key is added, or the streams of two keys would
    # be one stream, shifted.
    bits = _hash(_hash(ops.arange(math.prod(shape), dtype="int32")) + key)
    return ops.bitwise_and(ops.right_shift(bits, 8), 0xFFFFFF)


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
