"""JAX by hand: `lax.scan` under `jit`, gradients and Adam in one donated step."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from benchmarks.contenders.base import Contender
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

Weights = dict[str, Array]

_EPSILON = 1e-7


class JaxNative(Contender):
    """Input projections stay inside the scan: on a CPU hoisting them is slower."""

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        self.inputs = inputs
        self.grooves = jnp.asarray(inputs["grooves"])
        self.weights = {name: jnp.array(value) for name, value in weights.items()}
        self.key = jax.random.key(0)
        dtype = jnp.bfloat16 if task.precision == "bfloat16" else jnp.float32
        size, rate = task.size, task.dropout

        def loss(weights: Weights, grooves: Array, epsilon: Array, key: Any) -> Array:
            return _loss(weights, size, grooves, epsilon, _Dropout(rate, key), dtype)

        def step(state: tuple, grooves: Array, epsilon: Array, key: Any) -> tuple:
            value, gradients = jax.value_and_grad(loss)(state[0], grooves, epsilon, key)
            return _adam(state, gradients), value

        def noisy_step(state: tuple, grooves: Array, key: Any) -> tuple:
            key, *keys = jax.random.split(key, 3)
            epsilon = jax.random.normal(keys[0], (len(grooves), size.latent_dim))
            state, value = step(state, grooves, epsilon, keys[1])
            return state, key, value

        self._gradients = jax.jit(jax.value_and_grad(loss))
        self._step = jax.jit(step, donate_argnums=0)
        self._noisy_step = jax.jit(noisy_step, donate_argnums=(0, 2))
        self._encode = jax.jit(
            lambda weights, grooves: _posterior(
                _cast(weights, dtype), grooves, _Dropout(0.0, None), dtype
            )
        )
        self._sample = jax.jit(
            lambda weights, z, noise: _sample(_cast(weights, dtype), size, z, noise)
        )
        if task.kind == "train":
            zeros = jax.tree.map(jnp.zeros_like, self.weights)
            self.state = (
                self.weights,
                zeros,
                jax.tree.map(jnp.copy, zeros),
                jnp.zeros((), "int32"),
            )

    def outputs(self) -> Arrays:
        """This side of the comparison."""
        if self.task.kind == "encode":
            mean, stddev = self._encode(self.weights, self.inputs["grooves"])
            return {"z_mean": np.asarray(mean), "z_stddev": np.asarray(stddev)}
        if self.task.kind == "sample":
            grooves = self._sample(self.weights, self.inputs["z"], self.inputs["noise"])
            return {"grooves": np.asarray(grooves)}
        epsilon = jnp.asarray(self.inputs["epsilon"])
        key = jax.random.key(0)
        loss, gradients = self._gradients(self.weights, self.grooves, epsilon, key)
        outputs = {f"gradient/{name}": np.asarray(g) for name, g in gradients.items()}
        outputs["loss"] = np.asarray(loss)
        for _ in range(3):
            self.state, loss = self._step(self.state, self.grooves, epsilon, key)
        return outputs | {"later_loss": np.asarray(loss)}

    def run(self, repeats: int) -> None:
        """Train steps with fresh noise; or encoding; or sampling, noise drawn first."""
        for _ in range(repeats):
            if self.task.kind == "train":
                self.state, self.key, _ = self._noisy_step(
                    self.state, self.grooves, self.key
                )
            elif self.task.kind == "encode":
                found = self._encode(self.weights, self.inputs["grooves"])
                jax.tree.map(np.asarray, found)
            else:
                rng = np.random.default_rng(1)
                noise = rng.random(self.inputs["noise"].shape, np.float32)
                np.asarray(self._sample(self.weights, self.inputs["z"], noise))
        if self.task.kind == "train":
            jax.block_until_ready(self.state)


class _Dropout:
    """Draws masks from keys of its own."""

    def __init__(self, rate: float, key: Any) -> None:
        self.rate = rate
        self.key = key

    def __call__(self, x: Array) -> Array:
        if self.rate == 0.0:
            return x
        self.key, key = jax.random.split(self.key)
        kept = jax.random.bernoulli(key, 1.0 - self.rate, x.shape)
        return jnp.where(kept, x / (1.0 - self.rate), 0).astype(x.dtype)


def _cast(weights: Weights, dtype: Any) -> Weights:
    return jax.tree.map(lambda w: w.astype(dtype), weights)


def _loss(
    weights: Weights,
    size: ModelSize,
    grooves: Array,
    epsilon: Array,
    drop: _Dropout,
    dtype: Any,
) -> Array:
    weights = _cast(weights, dtype)
    mean, stddev = _posterior(weights, grooves, drop, dtype)
    z = (mean + stddev * epsilon).astype(dtype)
    outputs = _teacher_forced(weights, size, z, grooves.astype(dtype), drop)
    outputs = outputs.astype(jnp.float32)
    hits, velocities, offsets = jnp.split(grooves, 3, -1)
    logits, a, b = jnp.split(outputs, 3, -1)
    p = jax.nn.sigmoid(logits)
    cost = -(hits * jnp.log(p + _EPSILON) + (1 - hits) * jnp.log(1 - p + _EPSILON))
    cost += (jax.nn.sigmoid(a) - velocities) ** 2 + (jnp.tanh(b) - offsets) ** 2
    kl = (0.5 * (mean**2 + stddev**2 - 1) - jnp.log(stddev)).sum(-1)
    kl = jnp.maximum(kl - FREE_BITS * math.log(2), 0)
    return (cost.sum((1, 2)) + BETA * kl).mean()


def _posterior(
    weights: Weights, grooves: Array, drop: _Dropout, dtype: Any
) -> tuple[Array, Array]:
    steps = grooves.astype(dtype).swapaxes(0, 1)
    nothing = jnp.zeros((grooves.shape[0], _units(weights, "encoder/forward")), dtype)
    last = [
        _lstm(weights, f"encoder/{name}", drop(steps), nothing, nothing, reverse)[1]
        for name, reverse in (("forward", False), ("backward", True))
    ]
    summary = jnp.concatenate(last, -1)
    mean = _dense(weights, "mean", summary).astype(jnp.float32)
    stddev = jax.nn.softplus(_dense(weights, "stddev", summary)).astype(jnp.float32)
    return mean, stddev


def _teacher_forced(
    weights: Weights, size: ModelSize, z: Array, grooves: Array, drop: _Dropout
) -> Array:
    previous = jnp.pad(grooves[:, :-1], ((0, 0), (1, 0), (0, 0)))
    embedding, steps = z, size.num_steps
    if size.hierarchical:
        embedding = _conduct(weights, size, z, drop)
        steps = STEPS_PER_BAR
        previous = previous.reshape(-1, steps, FRAME_DIM)
    repeated = jnp.repeat(embedding[:, None], steps, 1)
    hidden = jnp.concatenate([previous, repeated], -1).swapaxes(0, 1)
    layers = len(size.decoder_units)
    for layer, (h, c) in enumerate(_start(weights, "notes", embedding, layers)):
        hidden, _ = _lstm(weights, f"notes/{layer}", drop(hidden), h, c)
    return _dense(weights, "output", hidden.swapaxes(0, 1)).reshape(grooves.shape)


def _conduct(weights: Weights, size: ModelSize, z: Array, drop: _Dropout) -> Array:
    """The embeddings, (batch * bars, units)."""
    hidden = jnp.zeros((size.num_bars, len(z), 1), z.dtype)
    layers = len(size.conductor_units)
    for layer, (h, c) in enumerate(_start(weights, "conductor", z, layers)):
        hidden, _ = _lstm(weights, f"conductor/{layer}", drop(hidden), h, c)
    return hidden.swapaxes(0, 1).reshape(-1, hidden.shape[-1])


def _sample(weights: Weights, size: ModelSize, z: Array, noise: Array) -> Array:
    dtype = weights["output/kernel"].dtype
    z = z.astype(dtype)
    embeddings = z[:, None]
    if size.hierarchical:
        embeddings = _conduct(weights, size, z, _Dropout(0.0, None))
        embeddings = embeddings.reshape(len(z), size.num_bars, -1)
    bars = embeddings.shape[1]
    # u < sigmoid(logit)  <=>  logit > log(u / (1 - u))
    threshold = jax.scipy.special.logit(noise).reshape(len(z), bars, -1, FRAME_DIM // 3)
    layers = range(len(size.decoder_units))
    kernel = weights["notes/0/kernel"]

    def bar(frame: Array, now: tuple) -> tuple:
        embedding, threshold = now
        states = _start(weights, "notes", embedding, len(layers))
        # z is the same at every step: its share is computed once.
        constant = embedding @ kernel[FRAME_DIM:] + weights["notes/0/bias"]

        def step(carry: tuple, threshold: Array) -> tuple:
            frame, states = carry
            gates = frame.astype(dtype) @ kernel[:FRAME_DIM] + constant
            following = []
            for layer in layers:
                if layer:
                    gates = _dense(weights, f"notes/{layer}", following[-1][0])
                following.append(_cell(weights, f"notes/{layer}", gates, states[layer]))
            outputs = _dense(weights, "output", following[-1][0]).astype(jnp.float32)
            logits, a, b = jnp.split(outputs, 3, -1)
            hits = (logits > threshold).astype(jnp.float32)
            frame = jnp.concatenate([hits, jax.nn.sigmoid(a), jnp.tanh(b)], -1)
            return (frame, following), frame

        (frame, _), frames = lax.scan(step, (frame, states), threshold)
        return frame, frames

    first = jnp.zeros((len(z), FRAME_DIM))
    _, frames = lax.scan(
        bar, first, (embeddings.swapaxes(0, 1), threshold.transpose(1, 2, 0, 3))
    )
    return frames.reshape(-1, len(z), FRAME_DIM).swapaxes(0, 1)


def _lstm(
    weights: Weights, name: str, steps: Array, h: Array, c: Array, reverse: bool = False
) -> tuple[Array, Array]:
    """(steps, batch, inputs) -> (steps, batch, units), and the last h."""

    def step(state: tuple, x: Array) -> tuple:
        h, c = _cell(weights, name, _dense(weights, name, x), state)
        return (h, c), h

    (h, _), hidden = lax.scan(step, (h, c), steps, reverse=reverse)
    return hidden, h


def _cell(weights: Weights, name: str, gates: Array, state: tuple) -> tuple:
    h, c = state
    gates = gates + h @ weights[f"{name}/recurrent_kernel"]
    into, forget, cell, out = jnp.split(gates, 4, -1)
    c = jax.nn.sigmoid(forget) * c + jax.nn.sigmoid(into) * jnp.tanh(cell)
    return jax.nn.sigmoid(out) * jnp.tanh(c), c


def _dense(weights: Weights, name: str, x: Array) -> Array:
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def _start(weights: Weights, name: str, z: Array, layers: int) -> list[tuple]:
    flat = jnp.tanh(_dense(weights, f"{name}/start", z))
    parts = jnp.split(flat, 2 * layers, -1)
    return [(parts[2 * i + 1], parts[2 * i]) for i in range(layers)]


def _units(weights: Weights, name: str) -> int:
    return weights[f"{name}/recurrent_kernel"].shape[0]


def _adam(state: tuple, gradients: Weights) -> tuple:
    """Clips to a global norm, then Adam with a constant rate."""
    weights, first, second, count = state
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in gradients.values()))
    scale = jnp.minimum(1.0, CLIP_NORM / norm)
    count = count + 1
    rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    new: tuple[Weights, Weights, Weights] = ({}, {}, {})
    for name, gradient in gradients.items():
        g = gradient * scale
        m = 0.9 * first[name] + 0.1 * g
        v = 0.999 * second[name] + 0.001 * g**2
        new[0][name] = weights[name] - rate * m / (jnp.sqrt(v) + 1e-8)
        new[1][name], new[2][name] = m, v
    return (*new, count)
