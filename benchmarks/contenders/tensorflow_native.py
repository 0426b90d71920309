"""TensorFlow by hand: `tf.while_loop` in one `tf.function`, gradient tape, own Adam."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import tensorflow as tf

from benchmarks.contenders.base import Contender
from benchmarks.contenders.device import wait_for
from benchmarks.contenders.functional import FunctionalModel, Weights
from benchmarks.tasks import CLIP_NORM, LEARNING_RATE, Arrays, Task


def _loop(step: Callable, state: Any, inputs: Any) -> tuple[Any, Any]:
    """`step(state, x) -> (state, output)` over axis 0, outputs of the state's dtype."""
    length = inputs.shape[0]
    source = tf.TensorArray(inputs.dtype, length).unstack(inputs)
    output = tf.nest.flatten(state)[0]
    sink = tf.TensorArray(output.dtype, length, element_shape=output.shape)

    def body(t: Any, state: Any, sink: Any) -> tuple:
        state, output = step(state, source.read(t))
        return t + 1, state, sink.write(t, output)

    _, state, sink = tf.while_loop(
        lambda t, *_: t < length,
        body,
        (tf.constant(0), state, sink),
        maximum_iterations=length,
    )
    return state, sink.stack()


OPERATIONS = SimpleNamespace(
    cast=tf.cast,
    concatenate=tf.concat,
    log=tf.math.log,
    maximum=tf.maximum,
    mean=tf.reduce_mean,
    pad=tf.pad,
    repeat=tf.repeat,
    reshape=tf.reshape,
    scan=_loop,
    sigmoid=tf.sigmoid,
    softplus=tf.nn.softplus,
    split=tf.split,
    sum=tf.reduce_sum,
    swap=lambda x: tf.transpose(x, (1, 0, 2)),
    tanh=tf.tanh,
    zeros=tf.zeros,
)


class TensorFlowNative(Contender):
    """Loops, since TensorFlow has no fused LSTM that trains on a CPU; fused Adam."""

    jit_compile = False

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        dtype = "bfloat16" if task.precision == "bfloat16" else "float32"
        self.model = FunctionalModel(OPERATIONS, task.size, dtype)
        self.grooves = tf.constant(inputs["grooves"])
        self.epsilon = tf.constant(inputs["epsilon"])
        self.weights = {name: tf.Variable(value) for name, value in weights.items()}
        self.first, self.second = (
            {name: tf.Variable(tf.zeros_like(w)) for name, w in self.weights.items()}
            for _ in range(2)
        )
        self.count = tf.Variable(0)
        compiled = tf.function(jit_compile=self.jit_compile)
        shape = (task.batch, task.size.latent_dim)
        self._gradients = compiled(self._compute_gradients)
        self._step = compiled(self._train)
        self._noisy_step = compiled(
            lambda grooves: self._train(grooves, tf.random.normal(shape))
        )
        self._encode = compiled(lambda x: self.model.posterior(self.weights, x))
        self._sample = compiled(lambda z, u: self.model.sample(self.weights, z, u))

    def gradients(self) -> tuple[Any, Mapping[str, Any]]:
        return self._gradients(self.grooves, self.epsilon)

    def step(self) -> Any:
        return self._step(self.grooves, self.epsilon)

    def train(self, repeats: int) -> None:
        for _ in range(repeats):
            self._noisy_step(self.grooves)
        wait_for("tensorflow", None)

    def encode(self) -> tuple[Any, Any]:
        mean, stddev = self._encode(tf.constant(self.inputs["grooves"]))
        return mean.numpy(), stddev.numpy()

    def sample(self, noise: Any) -> Any:
        z = tf.constant(self.inputs["z"])
        return self._sample(z, tf.constant(noise)).numpy()

    def _compute_gradients(self, grooves: Any, epsilon: Any) -> tuple[Any, Weights]:
        with tf.GradientTape() as tape:
            loss = self.model.loss(self.weights, grooves, epsilon)
        return loss, tape.gradient(loss, self.weights)

    def _train(self, grooves: Any, epsilon: Any) -> Any:
        loss, gradients = self._compute_gradients(grooves, epsilon)
        clipped, _ = tf.clip_by_global_norm(list(gradients.values()), CLIP_NORM)
        count = tf.cast(self.count.assign_add(1), tf.float32)
        for name, gradient in zip(gradients, clipped, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=self.weights[name].handle,
                m=self.first[name].handle,
                v=self.second[name].handle,
                beta1_power=0.9**count,
                beta2_power=0.999**count,
                lr=LEARNING_RATE,
                beta1=0.9,
                beta2=0.999,
                epsilon=1e-8,
                grad=gradient,
            )
        return loss


class TensorFlowXla(TensorFlowNative):
    """The same through XLA."""

    jit_compile = True
