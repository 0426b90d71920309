"""The prior that samples are drawn from: N(0, I), or kernels around real grooves.

With many bits in the latent, the posteriors of real grooves fill a small and winding
part of N(0, I), and most draws from it are unlike anything that the decoder was trained
on. A density estimated from the posteriors after training draws where music lies (Ghosh
et al. 2020, arXiv 1903.12436). Here it is one of kernels, as many Gaussians of one
shape around the latents of as many grooves (like Norouzi et al. 2020, "Exemplar VAE",
arXiv 2004.04795).
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Arrays = NDArray[np.float32]


@keras.saving.register_keras_serializable(package="keras_musicvae")
class KernelPrior(keras.layers.Layer):
    """Equally likely Gaussians with one covariance; N(0, I) until they are fitted.

    Args:
        components: Number of Gaussians; 0: N(0, I), without any weights.
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
        self.means = self._weight("means", (self.components, self.latent_dim), "zeros")
        # Lower triangular: z = mean + scale @ standard normal noise.
        self.scale = self._weight("scale", (self.latent_dim,) * 2, _identity)

    def _weight(self, name: str, shape: tuple, initializer: Any) -> keras.Variable:
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            trainable=False,
            dtype="float32",
            name=name,
        )

    def assign(self, means: Any, scale: Any) -> None:
        """Sets the Gaussians.

        Args:
            means: (components, latent_dim).
            scale: (latent_dim, latent_dim), the lower Cholesky factor of the
                covariance that all have.
        """
        self.means.assign(means)
        self.scale.assign(scale)

    def draw(self, normal: Arrays, uniform: Arrays) -> Arrays:
        """Latents, a function of noise; NumPy, so that it is the same everywhere.

        Args:
            normal: (..., latent_dim), standard normal.
            uniform: (...), uniform in (0, 1), which choose the Gaussians.

        Returns:
            (..., latent_dim).
        """
        if not self.components:
            return normal
        means, scale = map(keras.ops.convert_to_numpy, (self.means, self.scale))
        chosen = np.minimum(uniform * self.components, self.components - 1)
        return means[chosen.astype(int)] + normal @ scale.T

    @property
    def centre(self) -> Arrays:
        """The mean of the prior, (latent_dim,)."""
        if not self.components:
            return np.zeros(self.latent_dim, np.float32)
        mean: Arrays = keras.ops.convert_to_numpy(self.means).mean(axis=0)
        return mean


def _identity(shape: tuple, dtype: Any = None) -> Any:
    return np.eye(shape[0], dtype="float32")
