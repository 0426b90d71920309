"""The Gaussian latent: q(z | x) = N(z_mean, diag(z_stddev^2)), prior N(0, I)."""

from typing import Any

import keras
from keras import ops

from keras_musicvae.models.initial_weights import zeros


@keras.saving.register_keras_serializable(package="keras_musicvae")
class GaussianLatent(keras.layers.Layer):
    """Maps the summary of a groove to the parameters of its posterior.

    z_stddev = softplus(dense(h)) without a floor, as in the original (Roberts et al.
    2018, arXiv 1803.05428); a log-variance head could not load its checkpoints.

    Args:
        latent_dim: Number of latent dimensions.
    """

    def __init__(self, latent_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        options = {"dtype": self.dtype_policy, "kernel_initializer": zeros}
        self.mean = keras.layers.Dense(latent_dim, name="mean", **options)
        self.stddev = keras.layers.Dense(
            latent_dim, activation="softplus", name="stddev", **options
        )

    def build(self, input_shape: tuple) -> None:
        """Creates the weights."""
        self.mean.build(input_shape)
        self.stddev.build(input_shape)

    def compute_output_shape(self, input_shape: tuple) -> tuple[tuple, tuple]:
        """Those of z_mean and z_stddev."""
        shape = self.mean.compute_output_shape(input_shape)
        return shape, shape

    def call(self, summary: Any) -> tuple[Any, Any]:
        """(batch, features) -> z_mean, z_stddev, each (batch, latent_dim), float32."""
        mean, stddev = self.mean(summary), self.stddev(summary)
        return ops.cast(mean, "float32"), ops.cast(stddev, "float32")


def kl_divergence(z_mean: Any, z_stddev: Any) -> Any:
    """KL(q(z | x) || N(0, I)) of each example, in nats.

    Args:
        z_mean: (batch, latent_dim).
        z_stddev: (batch, latent_dim), positive.

    Returns:
        (batch,), the sum over the dimensions of
        (mean^2 + stddev^2 - 1) / 2 - log stddev (Kingma & Welling 2013, appendix B).
    """
    # A stddev that underflows to 0 would make the logarithm infinite.
    log_stddev = ops.log(ops.maximum(z_stddev, 1e-37))
    terms = 0.5 * (ops.square(z_mean) + ops.square(z_stddev) - 1.0) - log_stddev
    return ops.sum(terms, axis=-1)
