"""PyTorch: eager, with whole layers as one native call.

Keras's own LSTM loops over the steps in Python on a CPU and is five to six times
slower in training than `torch.lstm` (oneDNN on a CPU, cuDNN on a GPU), which is used
here on both.
"""

from collections.abc import Callable
from typing import Any

import keras
import torch


def fused_lstm(
    sequences: torch.Tensor,
    h: torch.Tensor,
    c: torch.Tensor,
    kernel: torch.Tensor,
    recurrent_kernel: torch.Tensor,
    bias: torch.Tensor,
    reverse: bool,
) -> tuple | None:
    """`torch.lstm` over the whole sequence; None while `torch.compile` traces."""
    if torch.compiler.is_compiling():
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


def apply_gradients(model: keras.Model, gradients: list) -> None:
    """One step of the optimizer."""
    with torch.no_grad():
        model.optimizer.apply(gradients, model.trainable_variables)


def scan(step: Callable, state: Any, inputs: Any) -> tuple[Any, Any]:
    """A Python loop: nothing to compile, and no slower than a compiled step here."""
    outputs = []
    for frame in zip(*(leaf.unbind(1) for leaf in keras.tree.flatten(inputs))):
        state, output = step(state, keras.tree.pack_sequence_as(inputs, list(frame)))
        outputs.append(output)
    stacked = keras.tree.map_structure(lambda *xs: torch.stack(xs, 1), *outputs)
    return state, stacked


def compiled(model: keras.Model, function: Callable) -> Callable:
    """Runs without recording gradients."""

    def call(*arrays: Any) -> Any:
        with torch.inference_mode():
            tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
            outputs = function(*tensors)
            return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)

    return call
