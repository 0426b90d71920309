"""The prior that samples are drawn from: N(0, I), or a flow fitted to real grooves.

The posteriors of real grooves fill a part of N(0, I) only, and a decoder is at its best
there. A flow carries N(0, I) to where they lie: a small network says in which direction
a point moves at a time from 0 to 1, so that noise becomes latents (Lipman et al. 2023,
"Flow Matching for Generative Modeling", arXiv 2210.02747). The network also reads the
condition: p(z | style, density, ...).

`training/prior.py` fits it. Here it runs in NumPy: the same latents on every backend.
"""

import itertools
import math
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from keras_musicvae.models.initial_weights import zeros

# Steps of Heun's method from noise to a latent; more measured the same.
STEPS = 8
# Of the difference that a condition makes to a direction, how much is added
# (classifier-free guidance, Ho & Salimans 2022, arXiv 2207.12598); 1: what was learned.
GUIDANCE = 1.5
# Frequencies in which the network reads the time, and layers between first and last.
FREQUENCIES = 16
BLOCKS = 2

Arrays = NDArray[np.float32]


@keras.saving.register_keras_serializable(package="keras_musicvae")
class FlowPrior(keras.layers.Layer):
    """A flow from N(0, I) to the latents of grooves; N(0, I) itself until it is fitted.

    Args:
        units: Width of the network; 0: N(0, I), without any weights.
        latent_dim: Number of latent dimensions.
        condition_dim: Width of the vector of conditions.
    """

    def __init__(
        self, units: int, latent_dim: int, condition_dim: int, **kwargs: Any
    ) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.units = units
        self.latent_dim = latent_dim
        self.condition_dim = condition_dim
        dense = {"kernel_initializer": zeros, "dtype": "float32"}
        widths = [units] * (1 + BLOCKS) + [latent_dim] if units else []
        self.layers = [
            keras.layers.Dense(width, name=f"dense_{i}", **dense)
            for i, width in enumerate(widths)
        ]

    def build(self, input_shape: tuple | None = None) -> None:
        """Creates the weights."""
        self.built = True
        if not self.units:
            return
        for name, start in (("centre", "zeros"), ("scale", "ones")):
            weight = self.add_weight(
                shape=(self.latent_dim,), initializer=start, trainable=False, name=name
            )
            setattr(self, f"{name}_weight", weight)
        width = self.latent_dim + 2 * FREQUENCIES + self.condition_dim
        for layer in self.layers:
            layer.build((None, width))
            width = self.units
        # The model that owns the prior trains without it. Of the layers too, whose
        # weights have to be there to be reached.
        self.trainable = False

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """One direction for each point."""
        return (*input_shape[:-1], self.latent_dim)

    def call(self, inputs: Any) -> Any:
        """The directions of points, (batch, latent_dim), for the fit.

        Args:
            inputs: (batch, latent_dim + 1 + condition_dim): point, time, condition.
        """
        point = inputs[:, : self.latent_dim]
        time = inputs[:, self.latent_dim : self.latent_dim + 1]
        condition = inputs[:, self.latent_dim + 1 :]
        angles = time * ops.convert_to_tensor(_frequencies())
        read = [point, ops.sin(angles), ops.cos(angles), condition]
        hidden = self.layers[0](ops.concatenate(read, axis=-1))
        hidden = ops.silu(hidden)
        for layer in self.layers[1:-1]:
            hidden = hidden + ops.silu(layer(hidden))
        return self.layers[-1](hidden)

    def draw(
        self, normal: Arrays, condition: Arrays | None = None, base: Any = None
    ) -> Arrays:
        """Latents, a function of noise.

        Args:
            normal: (..., latent_dim), standard normal.
            condition: (..., condition_dim), what is asked for; None: everything open.
            base: (..., condition_dim), what would hold if nothing were asked for.
                Defaults to zeros.

        Returns:
            (..., latent_dim).
        """
        if not self.units:
            return normal
        moved = self.moved(normal, condition, base, (0.0, 1.0))
        return self._scale * moved + self.centre

    def noise_of(
        self, z: Arrays, condition: Arrays | None = None, base: Any = None
    ) -> Arrays:
        """The noise from which `draw` makes latents: (..., latent_dim), the inverse."""
        if not self.units:
            return z
        points = (z - self.centre) / self._scale
        return self.moved(points, condition, base, (1.0, 0.0))

    @property
    def centre(self) -> Arrays:
        """The mean of the latents that the flow was fitted to, (latent_dim,)."""
        if not self.units:
            return np.zeros(self.latent_dim, np.float32)
        return _numpy(self.centre_weight)

    @property
    def _scale(self) -> Arrays:
        return _numpy(self.scale_weight)

    def moved(
        self, points: Arrays, condition: Any, base: Any, way: tuple[float, float]
    ) -> Arrays:
        """Where the flow carries points from one time to another, by Heun's method.

        Args:
            points: (..., latent_dim), scaled.
            condition: As in `draw`.
            base: As in `draw`.
            way: The time at which they are there, and the other; 0 is noise, 1 latents.

        Returns:
            (..., latent_dim), scaled.
        """
        weights = [(_numpy(layer.kernel), _numpy(layer.bias)) for layer in self.layers]
        (kernel, bias), *others = weights
        kernel, kernel_time, kernel_condition = np.split(
            kernel, [self.latent_dim, self.latent_dim + 2 * FREQUENCIES]
        )
        x = points.reshape(-1, self.latent_dim).astype(np.float32)
        shape = (*points.shape[:-1], self.condition_dim)

        def rows(codes: Any) -> Arrays:
            return np.broadcast_to(codes, shape).reshape(len(x), self.condition_dim)

        base = rows(np.float32(0) if base is None else base)
        asked = base if condition is None else rows(condition)
        constant = asked @ kernel_condition + bias
        guided = bool((asked != base).any())
        constant_base = base @ kernel_condition + bias

        def network(x: Arrays, time: float, constant: Arrays) -> Arrays:
            angles = np.float32(time) * _frequencies()
            times = np.concatenate([np.sin(angles), np.cos(angles)]) @ kernel_time
            hidden = _silu(x @ kernel + (constant + times))
            for kernel_block, bias_block in others[:-1]:
                hidden = hidden + _silu(hidden @ kernel_block + bias_block)
            return np.asarray(hidden @ others[-1][0] + others[-1][1])

        def direction(x: Arrays, time: float) -> Arrays:
            towards = network(x, time, constant)
            if not guided:
                return towards
            anyhow = network(x, time, constant_base)
            return anyhow + np.float32(GUIDANCE) * (towards - anyhow)

        times = np.linspace(*way, STEPS + 1)
        for now, then in itertools.pairwise(times):
            step = np.float32(then - now)
            first = direction(x, now)
            second = direction(x + step * first, then)
            x = x + np.float32(0.5) * step * (first + second)
        return x.reshape(points.shape)


def _frequencies() -> Arrays:
    return np.arange(1, FREQUENCIES + 1, dtype=np.float32) * np.float32(math.pi)


def _silu(x: Arrays) -> Arrays:
    # exp of a large number is infinite, and its share 0, as it should be.
    with np.errstate(over="ignore"):
        return np.asarray(x / (1.0 + np.exp(-x)))


def _numpy(weight: Any) -> Arrays:
    return np.asarray(keras.ops.convert_to_numpy(weight))
