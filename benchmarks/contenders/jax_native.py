"""JAX by hand: `lax.scan` under `jit`, gradients and Adam in one donated step."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.contenders.base import Contender
from benchmarks.contenders.functional import FunctionalModel, Weights
from benchmarks.tasks import CLIP_NORM, LEARNING_RATE, Arrays, Task

OPERATIONS = SimpleNamespace(
    **vars(jnp)
    | {
        "cast": lambda x, dtype: x.astype(dtype),
        "scan": jax.lax.scan,
        "sigmoid": jax.nn.sigmoid,
        "softplus": jax.nn.softplus,
        "swap": lambda x: jnp.swapaxes(x, 0, 1),
    }
)


class JaxNative(Contender):
    """One function per task, compiled; Adam within the train step."""

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        dtype = "bfloat16" if task.precision == "bfloat16" else "float32"
        model = FunctionalModel(OPERATIONS, task.size, dtype)
        self.grooves = jnp.asarray(inputs["grooves"])
        self.weights = {name: jnp.array(value) for name, value in weights.items()}
        self.key = jax.random.key(0)

        def step(state: tuple, grooves: Array, epsilon: Array) -> tuple:
            value, gradients = self._gradients(state[0], grooves, epsilon)
            return _adam(state, gradients), value

        def noisy_step(state: tuple, grooves: Array, key: Any) -> tuple:
            key, now = jax.random.split(key)
            epsilon = jax.random.normal(now, (len(grooves), task.size.latent_dim))
            return step(state, grooves, epsilon)[0], key

        self._gradients = jax.jit(jax.value_and_grad(model.loss))
        self._step = jax.jit(step, donate_argnums=0)
        self._noisy_step = jax.jit(noisy_step, donate_argnums=(0, 2))
        self._encode = jax.jit(model.posterior)
        self._sample = jax.jit(model.sample)
        if task.kind == "train":
            moments = [jax.tree.map(jnp.zeros_like, self.weights) for _ in range(2)]
            self.state = (self.weights, *moments, jnp.zeros((), "int32"))

    def gradients(self) -> tuple[Any, Mapping[str, Any]]:
        return self._gradients(self.weights, self.grooves, self.inputs["epsilon"])

    def step(self) -> Any:
        epsilon = self.inputs["epsilon"]
        self.state, loss = self._step(self.state, self.grooves, epsilon)
        return loss

    def train(self, repeats: int) -> None:
        for _ in range(repeats):
            self.state, self.key = self._noisy_step(self.state, self.grooves, self.key)
        jax.block_until_ready(self.state)

    def encode(self) -> tuple[Any, Any]:
        mean, stddev = self._encode(self.weights, self.inputs["grooves"])
        return np.asarray(mean), np.asarray(stddev)

    def sample(self, noise: Any) -> Any:
        return np.asarray(self._sample(self.weights, self.inputs["z"], noise))


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
