"""Gives the prior of a trained model the latents of its training windows."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.models.music_vae import MusicVAE


def fit_prior(model: "MusicVAE", windows: "GrooveWindows", *, seed: int = 0) -> None:
    """Puts the means of the posteriors of windows in `model.prior`.

    Args:
        model: A trained model with `prior_components` of at least 1; the latents of its
            prior are replaced.
        windows: What it was trained on. That many of them are chosen at random; of
            fewer windows some are taken several times.
        seed: Of the choice of windows. Defaults to 0.

    Example:
        ```python
        fit_prior(model, GrooveWindows.load("data/groove_4bar").split("train"))
        ```
    """
    order = np.random.default_rng(seed).permutation(len(windows))
    chosen = np.resize(order, model.prior.components)
    inputs = windows[chosen]
    if model.preprocessor is not None:
        inputs = model.preprocessor.to_inputs(inputs)
    mean, _ = model.encode(inputs)
    model.prior.latents.assign(mean)
