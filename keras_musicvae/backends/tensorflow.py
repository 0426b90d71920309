"""TensorFlow: graphs through `tf.function`.

Keras's own LSTM (a `tf.while_loop` on a CPU, cuDNN on a GPU) is kept: XLA,
`BlockLSTMV2` and unrolled loops are all slower on a CPU (benchmarks/).
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops as ops

from keras_musicvae.backends.optimizers import adam_moments, is_plain_adam
from keras_musicvae.backends.tensorflow_distributed import are_workers

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
    """Where Keras finds it."""
    return "auto"


def check_training(model: keras.Model) -> None:
    """Refuses nothing; builds what Keras cannot build where workers share a batch."""
    if are_workers():
        # Keras takes the mean of a batch first, and fails where it is a dictionary.
        model.optimizer.build(model.trainable_variables)
        model._maybe_symbolic_build = lambda **_: None


def run_train_step(
    model: keras.Model, step: Callable[[Any], dict], arguments: tuple
) -> dict:
    """`fit` hands over the data and expects the logs."""
    return step(*arguments)


def value_and_gradients(
    model: keras.Model, function: Callable[[], Any]
) -> tuple[Any, list]:
    """Records the forward pass on a tape."""
    trainable = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = function()
    gradients = tape.gradient(
        loss, trainable, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return loss, gradients


def global_norm(tensors: list) -> Any:
    """No squares are written to memory."""
    return tf.linalg.global_norm(tensors)


def zeros_unless(sound: Any, tensors: list) -> list:
    """A branch copies nothing, `tf.where` would copy all of it."""
    return tf.cond(
        sound, lambda: list(tensors), lambda: [tf.zeros_like(x) for x in tensors]
    )


def apply_gradients(model: keras.Model, gradients: list, norm: Any) -> None:
    """One step of the optimizer, plain Adam by the fused kernel."""
    optimizer, variables = model.optimizer, model.trainable_variables
    if is_plain_adam(optimizer, variables):
        _step_of_adam(optimizer, gradients, variables, norm)
    else:
        # They are means over the replicas already. Keras would add them up.
        optimizer._all_reduce_sum_gradients = list
        optimizer.apply_gradients(zip(gradients, variables, strict=True))


def _step_of_adam(optimizer: Any, gradients: list, variables: list, norm: Any) -> None:
    """What `optimizer.apply` does, in one pass over the weights."""
    if optimizer.global_clipnorm:
        gradients, _ = tf.clip_by_global_norm(
            gradients, optimizer.global_clipnorm, use_norm=norm
        )
    count = tf.cast(optimizer.iterations.value + 1, "float32")
    first, second = adam_moments(optimizer, variables)
    for variable, gradient, m, v in zip(
        variables, gradients, first, second, strict=True
    ):
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=optimizer.beta_1**count,
            beta2_power=optimizer.beta_2**count,
            lr=optimizer.learning_rate,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
            grad=gradient,
        )
    optimizer.iterations.assign_add(1)


def scan(step: Callable, state: Any, inputs: Any) -> tuple[Any, Any]:
    """`tf.scan` would want outputs shaped like the state; a while loop does not."""
    leaves = [tf.transpose(x, _swapped(x)) for x in tf.nest.flatten(inputs)]
    length = leaves[0].shape[0]

    def frame(t: Any) -> Any:
        return tf.nest.pack_sequence_as(inputs, [x[t] for x in leaves])

    # Traced once beside the graph, for the shape of the outputs: running the first
    # step outside of the loop would put its operations into the graph twice.
    traced = tf.function(step).get_concrete_function(state, frame(0))
    _, expected = traced.structured_outputs

    def body(t: Any, state: Any, outputs: tf.TensorArray) -> tuple:
        state, output = step(state, frame(t))
        return t + 1, state, outputs.write(t, output)

    outputs = tf.TensorArray(expected.dtype, size=length, element_shape=expected.shape)
    _, state, outputs = tf.while_loop(
        lambda t, *_: t < length,
        body,
        (tf.constant(0), state, outputs),
    )
    stacked = tf.ensure_shape(outputs.stack(), (length, *expected.shape))
    return state, tf.transpose(stacked, _swapped(stacked))


def add_matmul(addend: Any, x: Any, matrix: Any) -> Any:
    """Traced once, so that the generic form costs nothing."""
    return addend + tf.matmul(x, matrix)


def where_needed(needed: Any, function: Callable, *arrays: Any) -> Any:
    """Everywhere: shapes are fixed when the step is compiled."""
    return function(*arrays)


def lstm_step(projected: Any, h: Any, c: Any, recurrent_kernel: Any) -> tuple[Any, Any]:
    """The formula; XLA fuses it."""
    gates = projected + tf.matmul(h, recurrent_kernel)
    i, f, g, o = tf.split(gates, 4, axis=-1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def compiled(model: keras.Model, function: Callable) -> Callable:
    """`tf.function`, one graph per set of shapes.

    On a CPU with XLA, which halves the time of a groove (5 ms instead of 11) for a
    second more of compilation. On a GPU without: XLA has no cuDNN LSTM.
    """
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    # Not a bound method itself, which takes twice as long for one groove.
    traced = tf.function(lambda *arrays: function(*arrays), jit_compile=not on_gpu)
    graphs: dict[tuple, Any] = {}

    def call(*arrays: Any) -> Any:
        tensors = [tf.convert_to_tensor(array) for array in arrays]
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        if shapes not in graphs:
            # Kept here, because `tf.function` warns of what is meant: a few shapes.
            graphs[shapes] = traced.get_concrete_function(*tensors)
        outputs = graphs[shapes](*tensors)
        return keras.tree.map_structure(lambda x: x.numpy(), outputs)

    return call


def _swapped(x: Any) -> list[int]:
    return [1, 0, *range(2, len(x.shape))]
