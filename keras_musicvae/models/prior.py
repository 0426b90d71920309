"""The prior that samples are drawn from: N(0, I), or a mixture fitted to the posterior.

With many bits in the latent, the posteriors of real grooves fill a small part of
N(0, I), and most draws from it are unlike anything that the decoder was trained on. A
mixture of Gaussians fitted to the posteriors after training draws where music lies
(Ghosh et al. 2020, arXiv 1903.12436, "ex-post density estimation").
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Arrays = NDArray[np.float32]


@keras.saving.register_keras_serializable(package="keras_musicvae")
class MixturePrior(keras.layers.Layer):
    """A mixture of Gaussians with full covariances; N(0, I) until it is fitted.

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
        shape = (self.components, self.latent_dim, self.latent_dim)
        self.shares = self._weight("shares", shape[:1], _equal_shares)
        self.means = self._weight("means", shape[:2], "zeros")
        # Lower triangular: z = mean + scale @ standard normal noise.
        self.scales = self._weight("scales", shape, _identities)

    def _weight(self, name: str, shape: tuple, initializer: Any) -> keras.Variable:
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            trainable=False,
            dtype="float32",
            name=name,
        )

    def assign(self, shares: Any, means: Any, scales: Any) -> None:
        """Sets the mixture.

        Args:
            shares: (components,), positive, of the sum 1.
            means: (components, latent_dim).
            scales: (components, latent_dim, latent_dim), lower Cholesky factors of
                the covariances.
        """
        self.shares.assign(shares)
        self.means.assign(means)
        self.scales.assign(scales)

    def draw(self, normal: Arrays, uniform: Arrays) -> Arrays:
        """Latents, a function of noise; NumPy, so that it is the same everywhere.

        Args:
            normal: (..., latent_dim), standard normal.
            uniform: (...), uniform in (0, 1), which choose the components.

        Returns:
            (..., latent_dim).
        """
        if not self.components:
            return normal
        shares, means, scales = (
            keras.ops.convert_to_numpy(weight)
            for weight in (self.shares, self.means, self.scales)
        )
        ends = np.cumsum(shares[:-1], dtype=np.float64)
        chosen = np.searchsorted(ends, uniform)
        z = np.empty_like(normal)
        for component in np.unique(chosen):
            here = chosen == component
            z[here] = means[component] + normal[here] @ scales[component].T
        return z

    @property
    def centre(self) -> Arrays:
        """The mean of the prior, (latent_dim,)."""
        if not self.components:
            return np.zeros(self.latent_dim, np.float32)
        shares, means = map(keras.ops.convert_to_numpy, (self.shares, self.means))
        return shares @ means


def _equal_shares(shape: tuple, dtype: Any = None) -> Any:
    return np.full(shape, 1.0 / shape[0], "float32")


def _identities(shape: tuple, dtype: Any = None) -> Any:
    return np.broadcast_to(np.eye(shape[-1], dtype="float32"), shape)
