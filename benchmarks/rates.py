"""What the machine does at most: matrix products, copies, one LSTM step at a time.

Measured with the backend's own operations, because no contender on it can do better:
a large square matrix product, a copy of an array larger than the caches, and a chain
of LSTM steps at batch 1, of which each has to wait for the one before.
"""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from benchmarks.contenders.device import gpus, wait_for

MATRIX = {"cpu": 2048, "gpu": 8192}
COPY_BYTES = {"cpu": 2**28, "gpu": 2**32}
# Tried first: where a precision is done in software, the full size takes minutes.
TRIAL_MATRIX = 256
CHAIN_STEPS = 64
SECONDS = 1.0  # of each measurement, at least


def measure(backend: str, precision: str) -> dict[str, float]:
    """The machine's ceilings in this backend.

    Returns:
        `matrix_flops` operations per second; `copy_bytes` bytes per second, read plus
        written; `step_seconds` of one LSTM step at batch 1, by its units.
    """
    dtype = "bfloat16" if precision == "bfloat16" else "float32"
    device = "gpu" if gpus(backend) else "cpu"
    return {
        "matrix_flops": _matrix_rate(backend, MATRIX[device], dtype),
        "copy_bytes": _copy_rate(backend, COPY_BYTES[device]),
        **{
            f"step_seconds_{units}": _step_seconds(backend, units, dtype)
            for units in (256, 512)
        },
    }


def _matrix_rate(backend: str, size: int, dtype: str) -> float:
    if size > TRIAL_MATRIX:
        rate = _matrix_rate(backend, TRIAL_MATRIX, dtype)
        if 2 * size**3 / rate > 10 * SECONDS:
            return rate
    # Not zeros: on some chips they run faster than numbers do.
    rng = np.random.default_rng(0)
    a, b = (
        keras.ops.cast(rng.standard_normal((size, size), np.float32), dtype)
        for _ in range(2)
    )
    function = _compiled(backend, keras.ops.matmul)
    return 2 * size**3 / _fastest(backend, lambda: function(a, b))


def _copy_rate(backend: str, size: int) -> float:
    rng = np.random.default_rng(0)
    x = keras.ops.convert_to_tensor(rng.random(size // 4, np.float32))
    function = _compiled(backend, lambda x: x + 1.0)
    return 2 * size / _fastest(backend, lambda: function(x))


def _step_seconds(backend: str, units: int, dtype: str) -> float:
    """Of the layer that the project trains with, forward, per step."""
    from keras_musicvae.models.recurrent import LSTM

    layer = LSTM(units, dtype="mixed_bfloat16" if dtype == "bfloat16" else dtype)
    layer.build((1, CHAIN_STEPS, units))
    rng = np.random.default_rng(0)
    x = keras.ops.cast(rng.standard_normal((1, CHAIN_STEPS, units), np.float32), dtype)
    function = _compiled(backend, layer)
    return _fastest(backend, lambda: function(x)) / CHAIN_STEPS


def _fastest(backend: str, run: Callable[[], Any]) -> float:
    """The shortest of the times of as many runs as fit: a ceiling, not an average."""
    wait_for(backend, run())
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < SECONDS:
        start = time.perf_counter()
        wait_for(backend, run())
        times.append(time.perf_counter() - start)
    return min(times)


def _compiled(backend: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    import torch

    return torch.inference_mode()(function)
