"""The random numbers of the verbs, drawn by NumPy outside of the compiled functions.

They depend on the seed alone, neither on the backend nor on the batch size; and each
purpose has a stream of its own, filled example by example, so that the first of five
grooves is the one that asking for a single one gives.
"""

import secrets

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.errors import ConfigError

LATENTS, NOISE, NEIGHBOURS, POSTERIOR, COMPONENTS = range(5)


def checked_seed(seed: int | None) -> int:
    """The seed, or a new one for None.

    Raises:
        ConfigError: Not an integer of at least 0.
    """
    if seed is None:
        return secrets.randbits(32)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ConfigError(
            f"`seed` must be an integer of at least 0. Received: {seed!r}"
        )
    return int(seed)


def stream(seed: int, purpose: int) -> np.random.Generator:
    """The random numbers of one purpose."""
    return np.random.default_rng([seed, purpose])


def normal(seed: int, purpose: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal numbers."""
    return stream(seed, purpose).standard_normal(shape, np.float32)


def uniform(seed: int, purpose: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """In (0, 1), never at the ends, where a logarithm is infinite."""
    integers = stream(seed, purpose).integers(0, 1 << 23, shape, np.uint32)
    # Exact in float32: 23 bits and a half.
    return (integers.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)
