"""Fits the prior of a trained model to the posteriors of its training windows."""

import logging
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.models.music_vae import MusicVAE

logger = logging.getLogger(__name__)

ITERATIONS = 60
TOLERANCE = 1e-3  # nats per latent and iteration: the rest would not be heard
# Added to every variance, as a share of the mean variance: keeps a component that has
# few latents from becoming flat.
REGULARISATION = 1e-2

Floats = NDArray[np.float64]
Mixture = tuple[Floats, Floats, Floats]


def fit_prior(model: "MusicVAE", windows: "GrooveWindows", *, seed: int = 0) -> float:
    """Fits `model.prior` to draws of the posteriors of windows, one of each.

    Args:
        model: A trained model with `prior_components` of at least 1; its prior is
            replaced.
        windows: What it was trained on.
        seed: Of the draws and of the mixture's start. Defaults to 0.

    Returns:
        The mean log-likelihood of these draws, in nats. N(0, I) would give them
        `-(d * ln(2 pi) + |z|^2) / 2` on average.

    Example:
        ```python
        fit_prior(model, GrooveWindows.load("data/groove_4bar").split("train"))
        ```
    """
    inputs = windows.arrays()
    if model.preprocessor is not None:
        inputs = model.preprocessor.to_inputs(inputs)
    z, _ = model.encode(inputs, sample=True, seed=seed)
    (shares, means, scales), likelihood = fit_mixture(
        z.astype(np.float64), model.prior.components, seed=seed
    )
    model.prior.assign(shares, means, scales)
    return likelihood


def fit_mixture(
    points: Floats, components: int, *, seed: int = 0
) -> tuple[Mixture, float]:
    """A mixture of Gaussians with full covariances, by expectation maximisation.

    Args:
        points: (number, dimensions).
        components: How many Gaussians.
        seed: Of the start, a k-means++ choice of means.

    Returns:
        (shares, means, lower Cholesky factors), and the mean log-likelihood in nats.

    Example:
        >>> import numpy as np
        >>> points = np.random.default_rng(0).normal(3.0, 2.0, (1000, 1))
        >>> (shares, means, scales), _ = fit_mixture(points, 1)
        >>> bool(abs(means[0, 0] - 3.0) < 0.2 and abs(scales[0, 0, 0] - 2.0) < 0.2)
        True
    """
    centres = _spread_centres(points, components, np.random.default_rng(seed))
    nearest = np.argmin(_squared_distances(points, centres), axis=1)
    weights = np.eye(components)[nearest]
    floor = REGULARISATION * points.var(axis=0).mean()
    last = -np.inf
    for iteration in range(ITERATIONS):
        mixture = _maximise(points, weights, floor)
        weights, likelihood = _expect(points, mixture)
        logger.debug("mixture: iteration %d, %.3f nats", iteration, likelihood)
        if likelihood - last < TOLERANCE:
            break
        last = likelihood
    return mixture, likelihood


def _maximise(points: Floats, weights: Floats, floor: float) -> Mixture:
    """Shares, means and scales for the weight of each component at each point.

    Every variance becomes larger by `floor`.
    """
    number, dimensions = points.shape
    totals = weights.sum(axis=0) + 1e-10
    means = weights.T @ points / totals[:, None]
    scales = np.empty((len(totals), dimensions, dimensions))
    for k, mean in enumerate(means):
        centred = points - mean
        covariance = (weights[:, k, None] * centred).T @ centred / totals[k]
        scales[k] = np.linalg.cholesky(covariance + floor * np.eye(dimensions))
    return totals / number, means, scales


def _expect(points: Floats, mixture: Mixture) -> tuple[Floats, float]:
    """The weight of each component at each point, and the mean log-likelihood."""
    dimensions = points.shape[1]
    logs = np.empty((len(points), len(mixture[0])))
    for k, (share, mean, scale) in enumerate(zip(*mixture, strict=True)):
        whitened = np.linalg.solve(scale, (points - mean).T)
        logs[:, k] = (
            np.log(share)
            - np.log(np.diag(scale)).sum()
            - 0.5 * (whitened**2).sum(axis=0)
            - 0.5 * dimensions * np.log(2.0 * np.pi)
        )
    peak = logs.max(axis=1, keepdims=True)
    totals = np.log(np.exp(logs - peak).sum(axis=1, keepdims=True)) + peak
    return np.exp(logs - totals), float(totals.mean())


def _spread_centres(
    points: Floats, number: int, generator: np.random.Generator
) -> Floats:
    """Points far apart: each is drawn by its squared distance from those before."""
    centres = points[generator.integers(len(points))][None]
    while len(centres) < number:
        distances = _squared_distances(points, centres).min(axis=1)
        chosen = generator.choice(len(points), p=distances / distances.sum())
        centres = np.concatenate([centres, points[chosen][None]])
    return centres


def _squared_distances(points: Floats, centres: Floats) -> Floats:
    """(number, centres), at least 0."""
    cross = points @ centres.T
    squares = (points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)
    return np.maximum(squares - 2.0 * cross, 0.0)
