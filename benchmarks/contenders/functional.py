"""The model in plain functions of its weights, for frameworks that loop over steps.

The hand-written code of JAX and of TensorFlow has this arithmetic in common. Each
brings its own names for it, its loop, its compiler and its optimizer.
"""

import math
from collections.abc import Callable
from typing import Any

from benchmarks.tasks import BETA, FRAME_DIM, FREE_BITS, STEPS_PER_BAR, ModelSize

Weights = dict[str, Any]

_EPSILON = 1e-7


class FunctionalModel:
    """Input projections stay inside the loop: on a CPU hoisting them is slower.

    Args:
        ops: The framework's names, with the signatures of NumPy: `concatenate`, `log`,
            `maximum`, `mean`, `pad`, `repeat`, `reshape`, `split`, `sum`, `tanh`,
            `zeros`; `cast(x, dtype)`, `sigmoid`, `softplus`; `scan`, as in JAX; `swap`
            exchanges the first two axes.
        size: The model.
        dtype: In which the matrix work is done.
    """

    def __init__(self, ops: Any, size: ModelSize, dtype: str) -> None:
        self.ops = ops
        self.size = size
        self.dtype = dtype

    def loss(self, weights: Weights, grooves: Any, epsilon: Any) -> Any:
        """The mean loss of a batch."""
        ops = self.ops
        mean, stddev = self.posterior(weights, grooves)
        weights = self._cast(weights)
        z = ops.cast(mean + stddev * epsilon, self.dtype)
        outputs = self._teacher_forced(weights, z, ops.cast(grooves, self.dtype))
        hits, velocities, offsets = ops.split(grooves, 3, -1)
        logits, a, b = ops.split(ops.cast(outputs, "float32"), 3, -1)
        p = ops.sigmoid(logits)
        cost = -(hits * ops.log(p + _EPSILON) + (1 - hits) * ops.log(1 - p + _EPSILON))
        cost += (ops.sigmoid(a) - velocities) ** 2 + (ops.tanh(b) - offsets) ** 2
        kl = ops.sum(0.5 * (mean**2 + stddev**2 - 1) - ops.log(stddev), -1)
        kl = ops.maximum(kl - FREE_BITS * math.log(2), 0.0)
        return ops.mean(ops.sum(cost, (1, 2)) + BETA * kl)

    def posterior(self, weights: Weights, grooves: Any) -> tuple[Any, Any]:
        """Mean and standard deviation, (batch, latent) float32."""
        ops, weights = self.ops, self._cast(weights)
        steps = ops.swap(ops.cast(grooves, self.dtype))
        nothing = ops.zeros((grooves.shape[0], self.size.encoder_units), self.dtype)
        last = [
            self._lstm(weights, f"encoder/{name}", steps[::way], (nothing, nothing))[1]
            for name, way in (("forward", 1), ("backward", -1))
        ]
        summary = ops.concatenate(last, -1)
        stddev = ops.softplus(_dense(weights, "stddev", summary))
        mean = _dense(weights, "mean", summary)
        return ops.cast(mean, "float32"), ops.cast(stddev, "float32")

    def sample(self, weights: Weights, z: Any, noise: Any) -> Any:
        """Grooves (batch, steps, 27), step after step."""
        ops, weights = self.ops, self._cast(weights)
        z = ops.cast(z, self.dtype)
        batch, embeddings = z.shape[0], [z]
        if self.size.hierarchical:
            joint = self._conduct(weights, z)
            parts = ops.reshape(joint, (batch, self.size.num_bars, joint.shape[-1]))
            embeddings = [parts[:, bar] for bar in range(self.size.num_bars)]
        # u < sigmoid(logit)  <=>  logit > log(u / (1 - u))
        thresholds = ops.swap(ops.log(noise) - ops.log(1 - noise))
        frame = ops.zeros((batch, FRAME_DIM), "float32")
        kernel, bias = weights["notes/0/kernel"], weights["notes/0/bias"]
        frames = []
        parts = ops.split(thresholds, len(embeddings), 0)
        for embedding, now in zip(embeddings, parts, strict=True):
            # z is the same at every step: its share is computed once.
            constant = embedding @ kernel[FRAME_DIM:] + bias
            states = self._start(weights, "notes", embedding)
            step = self._sampling_step(weights, kernel[:FRAME_DIM], constant)
            (frame, _), written = ops.scan(step, (frame, states), now)
            frames.append(written)
        return ops.swap(ops.concatenate(frames, 0))

    def _sampling_step(self, weights: Weights, kernel: Any, constant: Any) -> Callable:
        ops = self.ops

        def step(carry: tuple, threshold: Any) -> tuple:
            frame, states = carry
            gates = ops.cast(frame, self.dtype) @ kernel + constant
            following: list[tuple] = []
            for layer, state in enumerate(states):
                name = f"notes/{layer}"
                if layer:
                    gates = _dense(weights, name, following[-1][0])
                following.append(self._cell(weights, name, gates, state))
            outputs = _dense(weights, "output", following[-1][0])
            logits, a, b = ops.split(ops.cast(outputs, "float32"), 3, -1)
            hits = ops.cast(logits > threshold, "float32")
            frame = ops.concatenate([hits, ops.sigmoid(a), ops.tanh(b)], -1)
            return (frame, following), frame

        return step

    def _teacher_forced(self, weights: Weights, z: Any, grooves: Any) -> Any:
        ops = self.ops
        previous = ops.pad(grooves[:, :-1], ((0, 0), (1, 0), (0, 0)))
        embedding, steps = z, self.size.num_steps
        if self.size.hierarchical:
            embedding, steps = self._conduct(weights, z), STEPS_PER_BAR
            previous = ops.reshape(previous, (-1, steps, FRAME_DIM))
        repeated = ops.repeat(embedding[:, None], steps, 1)
        hidden = ops.swap(ops.concatenate([previous, repeated], -1))
        for layer, state in enumerate(self._start(weights, "notes", embedding)):
            hidden, _ = self._lstm(weights, f"notes/{layer}", hidden, state)
        outputs = ops.swap(_dense(weights, "output", hidden))
        return ops.reshape(outputs, grooves.shape)

    def _conduct(self, weights: Weights, z: Any) -> Any:
        """The embeddings, (batch * bars, units)."""
        ops = self.ops
        hidden = ops.zeros((self.size.num_bars, z.shape[0], 1), self.dtype)
        for layer, state in enumerate(self._start(weights, "conductor", z)):
            hidden, _ = self._lstm(weights, f"conductor/{layer}", hidden, state)
        return ops.reshape(ops.swap(hidden), (-1, hidden.shape[-1]))

    def _lstm(
        self, weights: Weights, name: str, steps: Any, state: tuple
    ) -> tuple[Any, Any]:
        """(steps, batch, inputs) -> (steps, batch, units), and the last h."""

        def step(state: tuple, x: Any) -> tuple:
            state = self._cell(weights, name, _dense(weights, name, x), state)
            return state, state[0]

        (h, _), hidden = self.ops.scan(step, state, steps)
        return hidden, h

    def _cell(self, weights: Weights, name: str, gates: Any, state: tuple) -> tuple:
        (h, c), ops = state, self.ops
        gates = gates + h @ weights[f"{name}/recurrent_kernel"]
        into, forget, cell, out = ops.split(gates, 4, -1)
        c = ops.sigmoid(forget) * c + ops.sigmoid(into) * ops.tanh(cell)
        return ops.sigmoid(out) * ops.tanh(c), c

    def _start(self, weights: Weights, name: str, z: Any) -> list[tuple]:
        """(h, c) of each layer."""
        flat = self.ops.tanh(_dense(weights, f"{name}/start", z))
        layers = [key for key in weights if key.startswith(f"{name}/")]
        count = sum(key.endswith("/recurrent_kernel") for key in layers)
        parts = self.ops.split(flat, 2 * count, -1)
        return [(parts[2 * i + 1], parts[2 * i]) for i in range(count)]

    def _cast(self, weights: Weights) -> Weights:
        return {name: self.ops.cast(w, self.dtype) for name, w in weights.items()}


def _dense(weights: Weights, name: str, x: Any) -> Any:
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]
