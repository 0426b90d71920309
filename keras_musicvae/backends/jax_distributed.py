"""JAX: `keras.distribution.DataParallel`, a batch is one array over all devices.

Gradients, noise and metrics are those of the whole batch by themselves.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from keras_musicvae.backends.processes import Processes

# A collective that fails raises the one in a step and the other outside of it.
LOST = (jax.errors.JaxRuntimeError, ValueError)


class _DataParallel(keras.distribution.DataParallel):
    """Divides the batches of training; what comes whole, every device computes.

    Args:
        share: Examples of a batch of training that one process gives.
    """

    def __init__(self, share: int) -> None:
        super().__init__(auto_shard_dataset=False)
        self.share = share

    def get_data_layout(self, data_shape: tuple) -> Any:
        if data_shape[0] == self.share:
            return super().get_data_layout(data_shape)
        whole = [None] * len(data_shape)
        return keras.distribution.TensorLayout(whole, self.device_mesh)


@contextlib.contextmanager
def joined(processes: Processes | None, batch_size: int) -> Iterator[None]:
    """`keras.distribution.initialize`, and all devices of all processes."""
    if processes is None:
        yield
        return
    keras.distribution.initialize(
        processes.addresses[0], processes.number, processes.rank
    )
    with _DataParallel(batch_size // processes.number).scope():
        yield
    # Together, while all of them are there: at exit each would wait for the others.
    jax.distributed.shutdown()


def rank() -> int:
    """That of `jax.distributed`."""
    return jax.process_index()


def device_kind() -> str:
    """That of the default device."""
    return jax.default_backend()


def replicas() -> int:
    """The devices of the distribution."""
    distribution = keras.distribution.distribution()
    return distribution.device_mesh.devices.size if distribution else 1


def share(examples: int, training: bool) -> slice:
    """In training equal parts; otherwise all, because no batch is divided unevenly."""
    if not training:
        return slice(None)
    size = examples // jax.process_count()
    return slice(rank() * size, (rank() + 1) * size)


def first_example(examples: Any) -> int:
    """A step sees the whole batch."""
    return 0


def mean_gradients(gradients: list) -> list:
    """They are of the whole batch."""
    return gradients


def all_metrics(model: keras.Model, result: Callable[[], dict]) -> dict:
    """They are of the whole batch."""
    return result()


def gathered(number: int) -> list[int]:
    """By the collectives of the devices."""
    return multihost_utils.process_allgather(np.int32(number)).ravel().tolist()
