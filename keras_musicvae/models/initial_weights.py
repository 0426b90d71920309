"""Initial weights that depend on the seed alone, not on the backend.

Keras's initializers give other numbers on each backend for the same seed. Here NumPy
draws them, so that a training run starts from the same weights everywhere. Layers are
built with `zeros`, so that nothing is drawn twice: on JAX, Keras's initializers are
compiled one by one, which takes seconds.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np

# Layers that start almost at zero, as in the original: every groove begins at the same
# posterior, every decoder state near zero, and no KL is huge in the first steps.
_SMALL_LAYERS = ("latent", "initial_state")
_SMALL_STDDEV = 0.001

_wanted: ContextVar[bool] = ContextVar("initial weights are wanted", default=True)


def zeros(shape: tuple[int, ...], dtype: Any = None) -> Any:
    """An initializer of Keras, for weights that `assign_initial_weights` draws."""
    return np.zeros(shape, "float32")


def forget_gate_ones(shape: tuple[int, ...], dtype: Any = None) -> Any:
    """An initializer of LSTM biases: 1 for the forget gate, so that it starts open.

    Jozefowicz et al. 2015; Keras's `unit_forget_bias`, without its three operations.
    """
    bias = np.zeros(shape, "float32")
    units = shape[0] // 4
    bias[units : 2 * units] = 1.0
    return bias


@contextlib.contextmanager
def no_initial_weights() -> Iterator[None]:
    """Models built here have zeros for weights, because others are loaded at once."""
    token = _wanted.set(False)
    try:
        yield
    finally:
        _wanted.reset(token)


def assign_initial_weights(model: keras.Model, seed: int) -> None:
    """Draws all kernels of a built model; biases stay as they were built.

    Not inside of `no_initial_weights()`.

    Glorot-uniform kernels, orthogonal recurrent kernels (Saxe et al. 2014), normal
    ones of standard deviation 0.001 in the latent and the initial states.

    Args:
        model: A built model.
        seed: The same seed gives the same weights on every backend.
    """
    if not _wanted.get():
        return
    rng = np.random.default_rng(seed)
    trainable = {id(variable) for variable in model.trainable_variables}
    # Drawn for the others, too: whether a layer is trained changes no other layer.
    for variable in model.weights:
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
        if id(variable) in trainable:
            variable.assign(value.astype("float32"))


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Rows that are orthonormal, uniformly distributed."""
    q, r = np.linalg.qr(rng.normal(size=shape[::-1]))
    return (q * np.sign(np.diag(r))).T
