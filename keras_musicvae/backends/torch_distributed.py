"""PyTorch: a process for each device, and `torch.distributed` between them.

As in `DistributedDataParallel`, which hooks into `backward()`, that the train step of
Keras does not call, the gradients are averaged; here in one message after the backward
pass, which is short. It works in `fit` as soon as `init_process_group` was called, such
as under `torchrun`; each process then gives `fit` its own part of every batch.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import torch
import torch.distributed as dist

from keras_musicvae.backends.processes import Processes

# Gloo raises `RuntimeError`, of which `DistBackendError`, NCCL's, is a kind.
LOST = (RuntimeError,)


@contextlib.contextmanager
def joined(processes: Processes | None, batch_size: int) -> Iterator[None]:
    """Gloo between processors, NCCL between GPUs."""
    if processes is None:
        yield
        return
    dist.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"tcp://{processes.addresses[0]}",
        world_size=processes.number,
        rank=processes.rank,
    )
    yield
    dist.destroy_process_group()


def rank() -> int:
    """That of `torch.distributed`."""
    return dist.get_rank() if _are_several() else 0


def device_kind() -> str:
    """That of the default device."""
    return keras.ops.zeros(()).device.type


def replicas() -> int:
    """A process has one device."""
    return dist.get_world_size() if _are_several() else 1


def share(examples: int, training: bool) -> slice:
    """Parts of equal size, if they can be."""
    first, last = (examples * r // replicas() for r in (rank(), rank() + 1))
    return slice(first, last)


def first_example(examples: int) -> int:
    """After those of the processes before."""
    return rank() * examples


def mean_gradients(gradients: list) -> list:
    """All in one message."""
    if not _are_several():
        return gradients
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    parts = flat.div_(replicas()).split([gradient.numel() for gradient in gradients])
    return [part.view(g.shape) for part, g in zip(parts, gradients, strict=True)]


def all_metrics(model: keras.Model, result: Callable[[], dict]) -> dict:
    """The result of the sums, while the variables keep what this process has seen."""
    if not _are_several():
        return result()
    variables = model.metrics_variables
    own = [variable.value.detach().clone() for variable in variables]
    total = torch.stack(own)
    dist.all_reduce(total)
    _assign(variables, total.unbind())
    try:
        # Copies: the result of a sum is the memory of its variable.
        return {name: value.clone() for name, value in result().items()}
    finally:
        _assign(variables, own)


def gathered(number: int) -> list[int]:
    """Each process fills its own place of a vector of zeros."""
    if not _are_several():
        return [number]
    numbers = torch.zeros(replicas(), dtype=torch.int64)
    numbers = numbers.to(keras.ops.zeros(()).device)
    numbers[rank()] = number
    dist.all_reduce(numbers)
    return numbers.tolist()


def _are_several() -> bool:
    return dist.is_available() and dist.is_initialized()


def _assign(variables: list, values: Any) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
