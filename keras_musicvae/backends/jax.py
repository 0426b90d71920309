"""JAX: state goes in and comes out of every compiled function.

Keras's own LSTM (`lax.scan` on a CPU, cuDNN on a GPU) is kept: on the CPU it matches
or beats hand-written loops, hoisting the input projection loses (benchmarks/).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import ops as ops

# Whether `compiled` compiles anew for each set of shapes.
COMPILES = True

EXPORT_FORMAT = "tf_saved_model"


def fused_lstm(
    sequences: Any,
    h: Any,
    c: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    reverse: bool,
) -> None:
    """Keras's own loop is the fast one here."""
    return None


def use_cudnn(dtype: str) -> bool | str:
    """Only in float32: jaxlib's `gpu_rnn` cannot be lowered in bfloat16."""
    return "auto" if dtype == "float32" else False


def check_training(model: keras.Model) -> None:
    """A distributed batch is one array: its noise and gradients are of the whole."""


def run_train_step(
    model: keras.Model, step: Callable[[Any], dict], arguments: tuple
) -> tuple:
    """`fit` hands over (state, data) and expects (logs, state)."""
    state, data = arguments
    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    mapping = [
        pair
        for group, values in zip(variables, state, strict=True)
        for pair in zip(group, values, strict=True)
    ]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        logs = step(data)
    return logs, tuple(
        [scope.get_current_value(variable) for variable in group] for group in variables
    )


def value_and_gradients(
    model: keras.Model, function: Callable[[], Any]
) -> tuple[Any, list]:
    """Differentiates `function` with respect to the trainable variables.

    What `function` assigns (metrics, counters) happens in an inner scope, which
    `jax.value_and_grad` can trace, and is assigned again in the outer one.
    """
    trainable = model.trainable_variables
    others = [
        *model.non_trainable_variables,
        *model.metrics_variables,
        *model.optimizer.variables,
    ]

    def stateless(trainable_values: list, other_values: list) -> tuple:
        mapping = [
            *zip(trainable, trainable_values, strict=True),
            *zip(others, other_values, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            loss = function()
        return loss, [scope.get_current_value(variable) for variable in others]

    differentiate = jax.value_and_grad(stateless, has_aux=True)
    (loss, other_values), gradients = differentiate(
        [variable.value for variable in trainable],
        [variable.value for variable in others],
    )
    for variable, value in zip(others, other_values, strict=True):
        variable.assign(value)
    return loss, gradients


def global_norm(tensors: list) -> Any:
    """XLA fuses the passes over the tensors."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(tensor)) for tensor in tensors))


def zeros_unless(sound: Any, tensors: list) -> list:
    """Fused with what follows; not a product, because 0 * inf is not a number."""
    return [jnp.where(sound, tensor, 0) for tensor in tensors]


def apply_gradients(model: keras.Model, gradients: list, norm: Any) -> None:
    """One step of the optimizer, which loss scaling needs to be stateless."""
    optimizer = model.optimizer
    trainable_values, optimizer_values = optimizer.stateless_apply(
        [variable.value for variable in optimizer.variables],
        gradients,
        [variable.value for variable in model.trainable_variables],
    )
    for variable, value in zip(
        [*model.trainable_variables, *optimizer.variables],
        [*trainable_values, *optimizer_values],
        strict=True,
    ):
        variable.assign(value)


def scan(step: Callable, state: Any, inputs: Any) -> tuple[Any, Any]:
    """`lax.scan` over the second axis."""
    time_major = jax.tree.map(lambda x: x.swapaxes(0, 1), inputs)
    state, outputs = jax.lax.scan(step, state, time_major)
    return state, outputs.swapaxes(0, 1)


def compiled(model: keras.Model, function: Callable) -> Callable:
    """`jax.jit`, with the variables as arguments: as constants they would go stale."""

    @jax.jit
    def stateless(values: list, *arrays: Any) -> Any:
        mapping = zip(model.variables, values, strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)):
            return function(*arrays)

    def call(*arrays: Any) -> Any:
        values = [variable.value for variable in model.variables]
        return jax.tree.map(np.asarray, stateless(values, *arrays))

    return call


def add_matmul(addend: Any, x: Any, matrix: Any) -> Any:
    """Traced once, so that the generic form costs nothing."""
    return addend + jnp.matmul(x, matrix)


def where_needed(needed: Any, function: Callable, *arrays: Any) -> Any:
    """Everywhere: shapes are fixed when the step is compiled."""
    return function(*arrays)


def lstm_step(projected: Any, h: Any, c: Any, recurrent_kernel: Any) -> tuple[Any, Any]:
    """The formula; XLA fuses it."""
    gates = projected + jnp.matmul(h, recurrent_kernel)
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c
