"""Finds the threshold at which a model's deterministic hits are the right ones.

A hit whose probability is just below one half is left out at temperature 0, and
uncertain hits are many: thresholds below one half usually agree better with the music.
"""

import logging
from typing import TYPE_CHECKING

from keras_musicvae.evaluation.metrics import (
    count_reconstruction,
    reconstruction_scores,
)
from keras_musicvae.evaluation.system import System

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.models.music_vae import MusicVAE

logger = logging.getLogger(__name__)

THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


def calibrated(model: "MusicVAE", windows: "GrooveWindows") -> "MusicVAE":
    """The model with the `hit_threshold` of the best F1.

    Args:
        model: A trained model.
        windows: Windows that it was not trained on; they are reconstructed freely
            from z = mu, at temperature 0, with each of `THRESHOLDS`.

    Returns:
        A new model with the same weights.

    Example:
        ```python
        windows = GrooveWindows.load("data/groove_4bar").split("validation")
        model = calibrated(model, windows)
        ```
    """
    grooves = windows.arrays()
    z_mean = System(model).examine(grooves)["z_mean"]
    best, best_score = model, -1.0
    for threshold in THRESHOLDS:
        candidate = _with_threshold(model, threshold)
        played = System(candidate).decode(z_mean, temperature=0.0, seed=0)
        counts = count_reconstruction(grooves, played, windows.tempo)
        score = reconstruction_scores(counts)["f1"]
        logger.info("hit_threshold %.2f: F1 %.4f", threshold, score)
        if score > best_score:
            best, best_score = candidate, score
    return best


def _with_threshold(model: "MusicVAE", threshold: float) -> "MusicVAE":
    other = type(model).from_config({**model.get_config(), "hit_threshold": threshold})
    other.set_weights(model.get_weights())
    return other
