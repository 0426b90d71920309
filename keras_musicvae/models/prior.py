"""The prior that samples are drawn from: N(0, I), or the surroundings of real grooves.

With many bits in the latent, the posteriors of real grooves fill a small and winding
part of N(0, I), and most draws from it are unlike anything that the decoder was trained
on. A density estimated from the posteriors after training draws where music lies (Ghosh
et al. 2020, arXiv 1903.12436). Here it is one of kernels around the latents of real
grooves, each as wide as its neighbours lie apart, in their directions alone (Vincent &
Bengio 2003, "Manifold Parzen Windows"): between grooves that are alike lie grooves
that hold together, and beside them those whose bars have little to do with each other.
"""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

# How many of the latents next to one its kernel reaches out to. How far it reaches, as
# far as they lie apart, was chosen on the validation split: beyond that samples lie
# further from the training grooves, and their velocities from the drummers'
# (docs/results).
NEIGHBOURS = 128

Arrays = NDArray[np.float32]


@keras.saving.register_keras_serializable(package="keras_musicvae")
class ParzenPrior(keras.layers.Layer):
    """Kernels around the latents of grooves; around random ones until they are set.

    Args:
        components: Number of grooves; 0: N(0, I), without any weights.
        latent_dim: Number of latent dimensions.
    """

    def __init__(self, components: int, latent_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.components = components
        self.latent_dim = latent_dim

    def build(self, input_shape: tuple | None = None) -> None:
        """Creates the weights."""
        self.built = True
        if not self.components:
            return
        self.latents = self.add_weight(
            shape=(self.components, self.latent_dim),
            initializer=_standard_normal,
            trainable=False,
            dtype="float32",
            name="latents",
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """One latent for each row of noise."""
        return input_shape

    def draw(self, normal: Arrays, uniform: Arrays) -> Arrays:
        """Latents, a function of noise; NumPy, so that it is the same everywhere.

        Of a groove's latent p, from the centre, and those of its K neighbours,
        z = p + sum(noise_k * (p_k - p)) / sqrt(K), brought back to the length
        of p: how far a groove lies from the centre is how much it has of everything.

        Args:
            normal: (..., latent_dim), standard normal.
            uniform: (...), uniform in (0, 1), which choose the grooves.

        Returns:
            (..., latent_dim).
        """
        if not self.components:
            return normal
        centre = self.centre
        points = keras.ops.convert_to_numpy(self.latents) - centre
        chosen = np.minimum(uniform * self.components, self.components - 1)
        chosen = chosen.astype(int).ravel()
        neighbours = min(NEIGHBOURS, self.components - 1, self.latent_dim)
        noise = normal.reshape(-1, self.latent_dim)[:, :neighbours]
        noise = noise / np.float32(math.sqrt(max(neighbours, 1)))
        distinct, which = np.unique(chosen, return_inverse=True)
        weights = np.zeros((len(chosen), self.components), np.float32)
        np.put_along_axis(
            weights, _nearest(points, distinct, neighbours)[which], noise, axis=1
        )
        own = points[chosen]
        moved = own + weights @ points - noise.sum(axis=1, keepdims=True) * own
        moved *= _length(own) / np.maximum(_length(moved), 1e-6)
        return (centre + moved).reshape(normal.shape)

    @property
    def centre(self) -> Arrays:
        """The mean of the prior, (latent_dim,)."""
        if not self.components:
            return np.zeros(self.latent_dim, np.float32)
        mean: Arrays = keras.ops.convert_to_numpy(self.latents).mean(axis=0)
        return mean


def _nearest(points: Arrays, rows: NDArray[np.intp], number: int) -> NDArray[np.intp]:
    """The points next to those of `rows`, nearest first: (rows, number)."""
    # In double precision: another order would give neighbours each other's noise.
    exact = points.astype(np.float64)
    lengths = (exact**2).sum(axis=1)
    distances = lengths - 2.0 * exact[rows] @ exact.T
    distances[np.arange(len(rows)), rows] = np.inf
    found = np.argpartition(distances, max(number - 1, 0), axis=1)[:, :number]
    order = np.argsort(np.take_along_axis(distances, found, axis=1), axis=1)
    return np.take_along_axis(found, order, axis=1)


def _length(vectors: Arrays) -> Arrays:
    return np.linalg.norm(vectors, axis=-1, keepdims=True)


def _standard_normal(shape: tuple, dtype: Any = None) -> Any:
    return np.random.default_rng(0).standard_normal(shape, np.float32)
