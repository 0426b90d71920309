"""TensorFlow by hand: `tf.while_loop` in one `tf.function`, gradient tape, own Adam."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.contenders.base import Contender
from benchmarks.contenders.device import wait_for
from benchmarks.tasks import (
    BETA,
    CLIP_NORM,
    FRAME_DIM,
    FREE_BITS,
    LEARNING_RATE,
    STEPS_PER_BAR,
    Arrays,
    ModelSize,
    Task,
)

Weights = dict[str, Any]

_EPSILON = 1e-7


class TensorFlowNative(Contender):
    """Loops, since TensorFlow has no fused LSTM that trains on a CPU; fused Adam."""

    jit_compile = False

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        self.inputs = inputs
        self.grooves = tf.constant(inputs["grooves"])
        self.weights = {name: tf.Variable(value) for name, value in weights.items()}
        self.first = {n: tf.Variable(tf.zeros_like(w)) for n, w in self.weights.items()}
        self.second = {n: tf.Variable(tf.zeros_like(w)) for n, w in self.first.items()}
        self.count = tf.Variable(0)
        self.dtype = tf.bfloat16 if task.precision == "bfloat16" else tf.float32
        compile_graph = tf.function(jit_compile=self.jit_compile)
        self._gradients = compile_graph(self._compute_gradients)
        self._step = compile_graph(self._train)
        self._noisy_step = compile_graph(
            lambda grooves: self._train(
                grooves, tf.random.normal((task.batch, task.size.latent_dim))
            )
        )
        self._encode = compile_graph(
            lambda grooves: _posterior(self._cast_weights(), grooves, 0.0, self.dtype)
        )
        self._sample = compile_graph(
            lambda z, noise: _sample(self._cast_weights(), task.size, z, noise)
        )

    def outputs(self) -> Arrays:
        """This side of the comparison."""
        if self.task.kind == "encode":
            mean, stddev = self._encode(self.grooves)
            return {"z_mean": mean.numpy(), "z_stddev": stddev.numpy()}
        if self.task.kind == "sample":
            z, noise = self.inputs["z"], self.inputs["noise"]
            return {"grooves": self._sample(z, noise).numpy()}
        epsilon = tf.constant(self.inputs["epsilon"])
        loss, gradients = self._gradients(self.grooves, epsilon)
        outputs = {f"gradient/{name}": g.numpy() for name, g in gradients.items()}
        outputs["loss"] = loss.numpy()
        for _ in range(3):
            loss = self._step(self.grooves, epsilon)
        return outputs | {"later_loss": loss.numpy()}

    def run(self, repeats: int) -> None:
        """Train steps with fresh noise; or encoding; or sampling, noise drawn first."""
        for _ in range(repeats):
            if self.task.kind == "train":
                self._noisy_step(self.grooves)
            elif self.task.kind == "encode":
                for x in self._encode(tf.constant(self.inputs["grooves"])):
                    x.numpy()
            else:
                rng = np.random.default_rng(1)
                noise = rng.random(self.inputs["noise"].shape, np.float32)
                z = tf.constant(self.inputs["z"])
                self._sample(z, tf.constant(noise)).numpy()
        wait_for("tensorflow", None)

    def _cast_weights(self) -> Weights:
        return {name: tf.cast(w, self.dtype) for name, w in self.weights.items()}

    def _compute_gradients(self, grooves: Any, epsilon: Any) -> tuple[Any, Weights]:
        with tf.GradientTape() as tape:
            loss = _loss(
                self._cast_weights(),
                self.task.size,
                grooves,
                epsilon,
                self.task.dropout,
                self.dtype,
            )
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


def _loss(
    weights: Weights,
    size: ModelSize,
    grooves: Any,
    epsilon: Any,
    rate: float,
    dtype: Any,
) -> Any:
    mean, stddev = _posterior(weights, grooves, rate, dtype)
    z = tf.cast(mean + stddev * epsilon, dtype)
    outputs = _teacher_forced(weights, size, z, tf.cast(grooves, dtype), rate)
    outputs = tf.cast(outputs, tf.float32)
    hits, velocities, offsets = tf.split(grooves, 3, -1)
    logits, a, b = tf.split(outputs, 3, -1)
    p = tf.sigmoid(logits)
    cost = -(
        hits * tf.math.log(p + _EPSILON) + (1 - hits) * tf.math.log(1 - p + _EPSILON)
    )
    cost += (tf.sigmoid(a) - velocities) ** 2 + (tf.tanh(b) - offsets) ** 2
    kl = 0.5 * (mean**2 + stddev**2 - 1) - tf.math.log(stddev)
    kl = tf.maximum(tf.reduce_sum(kl, -1) - FREE_BITS * math.log(2), 0.0)
    return tf.reduce_mean(tf.reduce_sum(cost, (1, 2)) + BETA * kl)


def _posterior(
    weights: Weights, grooves: Any, rate: float, dtype: Any
) -> tuple[Any, Any]:
    steps = tf.transpose(tf.cast(grooves, dtype), (1, 0, 2))
    units = weights["encoder/forward/recurrent_kernel"].shape[0]
    nothing = tf.zeros((grooves.shape[0], units), dtype)
    last = []
    for name in ("forward", "backward"):
        inputs = _drop(steps, rate)
        if name == "backward":
            inputs = tf.reverse(inputs, [0])
        last.append(_lstm(weights, f"encoder/{name}", inputs, nothing, nothing)[1])
    summary = tf.concat(last, -1)
    stddev = tf.nn.softplus(_dense(weights, "stddev", summary))
    mean = _dense(weights, "mean", summary)
    return tf.cast(mean, tf.float32), tf.cast(stddev, tf.float32)


def _teacher_forced(
    weights: Weights, size: ModelSize, z: Any, grooves: Any, rate: float
) -> Any:
    previous = tf.pad(grooves[:, :-1], ((0, 0), (1, 0), (0, 0)))
    embedding, steps = z, size.num_steps
    if size.hierarchical:
        embedding = _conduct(weights, size, z, rate)
        steps = STEPS_PER_BAR
        previous = tf.reshape(previous, (-1, steps, FRAME_DIM))
    repeated = tf.repeat(embedding[:, None], steps, 1)
    hidden = tf.transpose(tf.concat([previous, repeated], -1), (1, 0, 2))
    layers = len(size.decoder_units)
    for layer, (h, c) in enumerate(_start(weights, "notes", embedding, layers)):
        hidden, _ = _lstm(weights, f"notes/{layer}", _drop(hidden, rate), h, c)
    outputs = _dense(weights, "output", hidden)
    return tf.reshape(tf.transpose(outputs, (1, 0, 2)), grooves.shape)


def _conduct(weights: Weights, size: ModelSize, z: Any, rate: float) -> Any:
    """The embeddings, (batch * bars, units)."""
    hidden = tf.zeros((size.num_bars, z.shape[0], 1), z.dtype)
    layers = len(size.conductor_units)
    for layer, (h, c) in enumerate(_start(weights, "conductor", z, layers)):
        hidden, _ = _lstm(weights, f"conductor/{layer}", _drop(hidden, rate), h, c)
    return tf.reshape(tf.transpose(hidden, (1, 0, 2)), (-1, hidden.shape[-1]))


def _sample(weights: Weights, size: ModelSize, z: Any, noise: Any) -> Any:
    dtype = weights["output/kernel"].dtype
    z = tf.cast(z, dtype)
    embeddings = z[:, None]
    if size.hierarchical:
        embeddings = tf.reshape(
            _conduct(weights, size, z, 0.0), (len(z), size.num_bars, -1)
        )
    # u < sigmoid(logit)  <=>  logit > log(u / (1 - u))
    threshold = tf.transpose(tf.math.log(noise) - tf.math.log(1 - noise), (1, 0, 2))
    kernel = weights["notes/0/kernel"]
    layers = range(len(size.decoder_units))
    frame = tf.zeros((len(z), FRAME_DIM))
    parts = []
    for embedding, now in zip(
        tf.unstack(embeddings, axis=1),
        tf.split(threshold, embeddings.shape[1]),
        strict=True,
    ):
        # z is the same at every step: its share is computed once.
        constant = tf.matmul(embedding, kernel[FRAME_DIM:]) + weights["notes/0/bias"]

        def step(carry: tuple, threshold: Any, constant: Any = constant) -> tuple:
            frame, states = carry
            gates = tf.matmul(tf.cast(frame, dtype), kernel[:FRAME_DIM]) + constant
            following: list[tuple] = []
            for layer in layers:
                if layer:
                    gates = _dense(weights, f"notes/{layer}", following[-1][0])
                following.append(_cell(weights, f"notes/{layer}", gates, states[layer]))
            outputs = _dense(weights, "output", following[-1][0])
            logits, a, b = tf.split(tf.cast(outputs, tf.float32), 3, -1)
            hits = tf.cast(logits > threshold, tf.float32)
            frame = tf.concat([hits, tf.sigmoid(a), tf.tanh(b)], -1)
            return (frame, following), frame

        states = _start(weights, "notes", embedding, len(layers))
        (frame, _), frames = _loop(step, (frame, states), now)
        parts.append(frames)
    return tf.transpose(tf.concat(parts, 0), (1, 0, 2))


def _lstm(weights: Weights, name: str, steps: Any, h: Any, c: Any) -> tuple[Any, Any]:
    """(steps, batch, inputs) -> (steps, batch, units), and the last h."""

    def step(state: tuple, x: Any) -> tuple:
        h, c = _cell(weights, name, _dense(weights, name, x), state)
        return (h, c), h

    (h, _), hidden = _loop(step, (h, c), steps)
    return hidden, h


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


def _cell(weights: Weights, name: str, gates: Any, state: tuple) -> tuple:
    h, c = state
    gates = gates + tf.matmul(h, weights[f"{name}/recurrent_kernel"])
    into, forget, cell, out = tf.split(gates, 4, -1)
    c = tf.sigmoid(forget) * c + tf.sigmoid(into) * tf.tanh(cell)
    return tf.sigmoid(out) * tf.tanh(c), c


def _dense(weights: Weights, name: str, x: Any) -> Any:
    return tf.matmul(x, weights[f"{name}/kernel"]) + weights[f"{name}/bias"]


def _start(weights: Weights, name: str, z: Any, layers: int) -> list[tuple]:
    flat = tf.tanh(_dense(weights, f"{name}/start", z))
    parts = tf.split(flat, 2 * layers, -1)
    return [(parts[2 * i + 1], parts[2 * i]) for i in range(layers)]


def _drop(x: Any, rate: float) -> Any:
    return tf.nn.dropout(x, rate) if rate else x
