"""Fits the prior of a trained model to the posteriors of its training windows."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.models.music_vae import MusicVAE

# How near a kernel is to its groove: 1 would copy it, at 0 all are one Gaussian. With
# 0.7 samples of `groove_4bar` are about as far from the nearest training groove as
# grooves of other drummers are (docs/results).
CLOSENESS = 0.7
# Added to every variance, as a share of the mean variance: keeps the covariance of few
# latents from becoming flat.
REGULARISATION = 1e-2

Floats = NDArray[np.float64]


def fit_prior(model: "MusicVAE", windows: "GrooveWindows", *, seed: int = 0) -> None:
    """Fits `model.prior` to draws of the posteriors of windows, one of each.

    Args:
        model: A trained model with `prior_components` of at least 1; its prior is
            replaced.
        windows: What it was trained on.
        seed: Of the draws and of the choice of windows. Defaults to 0.

    Example:
        ```python
        fit_prior(model, GrooveWindows.load("data/groove_4bar").split("train"))
        ```
    """
    inputs = windows.arrays()
    if model.preprocessor is not None:
        inputs = model.preprocessor.to_inputs(inputs)
    z, _ = model.encode(inputs, sample=True, seed=seed)
    model.prior.assign(
        *fit_kernels(z.astype(np.float64), model.prior.components, seed=seed)
    )


def fit_kernels(
    points: Floats, components: int, *, closeness: float = CLOSENESS, seed: int = 0
) -> tuple[Floats, Floats]:
    """Kernels around some of the points, with the mean and covariance of all.

    A kernel has the mean `a * point + (1 - a) * mean` and the covariance
    `(1 - a^2) * covariance`, where a is the closeness. So the kernels of all the points
    together keep mean and covariance, which plain kernels would widen (West 1993; Liu
    & West 2001, "Combined parameter and state estimation in simulation-based
    filtering").

    Args:
        points: (number, dimensions).
        components: How many of them get a kernel; of fewer points some get several.
        closeness: From 0, one Gaussian for all, up to 1, excluded.
        seed: Of the choice.

    Returns:
        The means (components, dimensions), and the lower Cholesky factor of the
        covariance (dimensions, dimensions).

    Example:
        >>> import numpy as np
        >>> points = np.random.default_rng(0).normal(3.0, 2.0, (1000, 1))
        >>> means, scale = fit_kernels(points, 1000, closeness=0.6)
        >>> bool(abs(np.hypot(means.std(), scale[0, 0]) / points.std() - 1) < 0.02)
        True
    """
    number, dimensions = points.shape
    mean, centred = points.mean(axis=0), points - points.mean(axis=0)
    covariance = centred.T @ centred / number
    floor = REGULARISATION * np.trace(covariance) / dimensions
    scale = np.linalg.cholesky(covariance + floor * np.eye(dimensions))
    order = np.random.default_rng(seed).permutation(number)
    chosen = centred[np.resize(order, components)]
    return mean + closeness * chosen, np.sqrt(1.0 - closeness**2) * scale
