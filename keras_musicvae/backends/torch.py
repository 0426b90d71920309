"""PyTorch: eager, with whole layers as one native call.

Keras's own LSTM loops over the steps in Python on a CPU and is five to six times
slower in training than `torch.lstm` (oneDNN on a CPU, cuDNN on a GPU), which is used
here on both.
"""

import os
from collections.abc import Callable
from typing import Any

import keras
import torch
from torch.optim.adam import adam

from keras_musicvae.backends.optimizers import adam_moments, is_plain_adam
from keras_musicvae.errors import TrainingError

# Whether `compiled` compiles anew for each set of shapes.
COMPILES = False

EXPORT_FORMAT = "torch"

# Grooves at once from which on arithmetic costs more than calls do.
_MANY = 64


def fused_lstm(
    sequences: torch.Tensor,
    h: torch.Tensor,
    c: torch.Tensor,
    kernel: torch.Tensor,
    recurrent_kernel: torch.Tensor,
    bias: torch.Tensor,
    reverse: bool,
) -> tuple | None:
    """`torch.lstm` over the whole sequence; None while `torch.compile` traces.

    PyTorch does not document it, `nn.LSTM` calls it: without it Keras's loop is taken.
    """
    if torch.compiler.is_compiling() or not hasattr(torch, "lstm"):
        return None
    if reverse:
        sequences = sequences.flip(1)
    # Keras and PyTorch order the gates alike (i, f, c, o); PyTorch has two biases.
    # Its kernels want each weight contiguous in its own, transposed, layout.
    weights = [
        kernel.t().contiguous(),
        recurrent_kernel.t().contiguous(),
        bias,
        torch.zeros_like(bias),
    ]
    outputs, last_h, last_c = torch.lstm(
        sequences,
        (h[None].contiguous(), c[None].contiguous()),
        weights,
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )
    return last_h[0], outputs, [last_h[0], last_c[0]]


def use_cudnn(dtype: str) -> bool | str:
    """Where Keras finds it."""
    return "auto"


def check_training(model: keras.Model) -> None:
    """`torchrun` alone joins no processes; `torch.compile` cannot trace the step."""
    elastic = torch.distributed.is_available() and (
        torch.distributed.is_torchelastic_launched()
        and not torch.distributed.is_initialized()
    )
    if elastic and os.environ.get("WORLD_SIZE", "1") != "1":
        raise TrainingError(
            f"torchrun has started {os.environ['WORLD_SIZE']} processes, each of which "
            "would train a model of its own. Call "
            "`torch.distributed.init_process_group()` before `fit`."
        )
    if model.jit_compile:
        raise TrainingError(
            "PyTorch trains without `torch.compile`, which cannot trace the train "
            "step. Compile the model with `jit_compile=False`, the default."
        )


def run_train_step(
    model: keras.Model, step: Callable[[Any], dict], arguments: tuple
) -> dict:
    """`fit` hands over the data and expects the logs."""
    return step(*arguments)


def value_and_gradients(
    model: keras.Model, function: Callable[[], Any]
) -> tuple[Any, list]:
    """Backpropagates through the eager graph."""
    trainable = [variable.value for variable in model.trainable_variables]
    loss = function()
    gradients = torch.autograd.grad(loss, trainable, materialize_grads=True)
    return loss.detach(), list(gradients)


def global_norm(tensors: list) -> torch.Tensor:
    """One kernel for all the tensors."""
    return torch.nn.utils.get_total_norm(tensors)


def zeros_unless(sound: torch.Tensor, tensors: list) -> list:
    """On a CPU nothing is copied; on a GPU the answer is not waited for."""
    if sound.is_cpu:
        return tensors if sound else [torch.zeros_like(tensor) for tensor in tensors]
    # Not a product: 0 * inf is not a number.
    return [torch.where(sound, tensor, 0) for tensor in tensors]


def apply_gradients(model: keras.Model, gradients: list, norm: torch.Tensor) -> None:
    """One step of the optimizer, plain Adam by the fused kernel."""
    optimizer, variables = model.optimizer, model.trainable_variables
    with torch.no_grad():
        if is_plain_adam(optimizer, variables):
            _step_of_adam(optimizer, gradients, variables, norm)
        else:
            optimizer.apply(gradients, variables)


def _step_of_adam(
    optimizer: Any, gradients: list, variables: list, norm: torch.Tensor
) -> None:
    """What `optimizer.apply` does, in one pass over the weights."""
    # The kernel walks through memory. The gradients of `fused_lstm` lie transposed.
    gradients = [gradient.contiguous() for gradient in gradients]
    if optimizer.global_clipnorm:
        clip = optimizer.global_clipnorm
        factor = clip / norm.clamp(min=clip)
        for gradient in gradients:
            gradient.mul_(factor)
    count = (optimizer.iterations.value + 1).float()
    correction = torch.sqrt(1 - optimizer.beta_2**count) / (1 - optimizer.beta_1**count)
    first, second = adam_moments(optimizer, variables)
    # Keras adds epsilon to the uncorrected root of the second moment, PyTorch to the
    # corrected one. The correction is in the learning rate instead, and PyTorch's own
    # is made to vanish by a step number at which its powers of beta are 0.
    late = torch.full((len(variables),), 1e9, device=gradients[0].device)
    adam(
        [variable.value for variable in variables],
        gradients,
        first,
        second,
        [],
        list(late.unbind()),
        fused=True,
        amsgrad=False,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        lr=optimizer.learning_rate * correction,
        weight_decay=0.0,
        eps=optimizer.epsilon,
        maximize=False,
    )
    optimizer.iterations.assign_add(1)


def scan(
    step: Callable, state: Any, inputs: dict[str, torch.Tensor]
) -> tuple[Any, torch.Tensor]:
    """A Python loop: nothing to compile, and no slower than a compiled step here."""
    outputs = []
    for frame in zip(*(array.unbind(1) for array in inputs.values()), strict=True):
        state, output = step(state, dict(zip(inputs, frame, strict=True)))
        outputs.append(output)
    return state, torch.stack(outputs, 1)


def add_matmul(addend: torch.Tensor, x: torch.Tensor, matrix: torch.Tensor) -> Any:
    """One call without Keras's checks, which cost as much as the product itself."""
    return torch.addmm(addend, x, matrix)


def where_needed(
    needed: torch.Tensor, function: Callable, *arrays: torch.Tensor
) -> torch.Tensor:
    """On a CPU the others are left out; a GPU would have to wait for their number."""
    if needed.device.type != "cpu":
        return function(*arrays)
    values = function(*(array[needed] for array in arrays))
    return torch.zeros(needed.shape, dtype=values.dtype).masked_scatter(needed, values)


def lstm_step(
    projected: torch.Tensor,
    h: torch.Tensor,
    c: torch.Tensor,
    recurrent_kernel: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """In place, which saves a copy of all gates and a twentieth of the time."""
    i, f, g, o = projected.addmm_(h, recurrent_kernel).chunk(4, dim=-1)
    tanh = _tanh_of_many if c.is_cpu and len(c) >= _MANY else torch.tanh
    c = torch.addcmul(f.sigmoid() * c, i.sigmoid(), tanh(g))
    return o.sigmoid() * tanh(c), c


def _tanh_of_many(x: torch.Tensor) -> torch.Tensor:
    # On a CPU PyTorch's own tanh takes three times as long as its sigmoid.
    return 2 * torch.sigmoid(2 * x) - 1


class _Ops:
    """`keras.ops`, where a few functions are PyTorch's own, for loops of small steps.

    Keras's functions convert and check their arguments, in several times the time that
    PyTorch needs for the work itself. These take tensors only.
    """

    sigmoid = staticmethod(torch.sigmoid)
    tanh = staticmethod(torch.tanh)
    log = staticmethod(torch.log)

    matmul = staticmethod(torch.matmul)
    reshape = staticmethod(torch.reshape)
    clip = staticmethod(torch.clamp)

    @staticmethod
    def softmax(x: torch.Tensor, axis: int) -> torch.Tensor:
        return torch.softmax(x, dim=axis)

    @staticmethod
    def sum(x: torch.Tensor, axis: int) -> torch.Tensor:
        return torch.sum(x, dim=axis)

    @staticmethod
    def split(x: torch.Tensor, parts: int, axis: int) -> tuple:
        return x.chunk(parts, dim=axis)

    @staticmethod
    def concatenate(tensors: list, axis: int) -> torch.Tensor:
        return torch.cat(tensors, dim=axis)

    @staticmethod
    def cast(x: torch.Tensor, dtype: Any) -> torch.Tensor:
        return x.to(dtype if isinstance(dtype, torch.dtype) else getattr(torch, dtype))

    def __getattr__(self, name: str) -> Any:
        return getattr(keras.ops, name)


ops = _Ops()


def compiled(model: keras.Model, function: Callable) -> Callable:
    """Runs without recording gradients."""

    def call(*arrays: Any) -> Any:
        with torch.inference_mode():
            tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
            outputs = function(*tensors)
            return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)

    return call
