"""Initial weights that depend on the seed alone, not on the backend.

Keras's initializers give other numbers on each backend for the same seed. Here NumPy
draws them, so that a training run starts from the same weights everywhere.
"""

from typing import Any

import keras
import numpy as np

# Layers that start almost at zero, as in the original: every groove begins at the same
# posterior, every decoder state near zero, and no KL is huge in the first steps.
_SMALL_LAYERS = ("latent", "initial_state")
_SMALL_STDDEV = 0.001


def assign_initial_weights(model: keras.Model, seed: int) -> None:
    """Draws all kernels of a built model; biases stay as they were built.

    Glorot-uniform kernels, orthogonal recurrent kernels (Saxe et al. 2014), normal
    ones of standard deviation 0.001 in the latent and the initial states.

    Args:
        model: A built model.
        seed: The same seed gives the same weights on every backend.
    """
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        shape = tuple(variable.shape)
        if variable.name == "recurrent_kernel":
            value = _orthogonal(rng, shape)
        elif variable.name == "kernel":
            if any(layer in variable.path for layer in _SMALL_LAYERS):
                value = rng.normal(0.0, _SMALL_STDDEV, shape)
            else:
                limit = np.sqrt(6.0 / sum(shape))
                value = rng.uniform(-limit, limit, shape)
        else:
            continue
        variable.assign(value.astype("float32"))


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Rows that are orthonormal, uniformly distributed."""
    q, r = np.linalg.qr(rng.normal(size=shape[::-1]))
    return (q * np.sign(np.diag(r))).T
