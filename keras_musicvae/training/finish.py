"""What a model needs after its weights are trained: its prior and its hit threshold.

Both belong to the data: after `fit` on other music, samples still come from where the
former music lies, until `finish` is called.
"""

import logging
from typing import TYPE_CHECKING

import numpy as np

from keras_musicvae.grooves.frames import HITS
from keras_musicvae.training.prior import fit_prior

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.models.music_vae import MusicVAE
    from keras_musicvae.training.fills import FillSplicer

logger = logging.getLogger(__name__)

THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


def finish(
    model: "MusicVAE",
    training: "GrooveWindows",
    validation: "GrooveWindows | None" = None,
    *,
    fills: "FillSplicer | None" = None,
    seed: int = 0,
) -> "MusicVAE":
    """Fits the prior and calibrates the threshold of a trained model.

    Args:
        model: The model. Its prior is replaced, if it has one.
        training: What it was trained on.
        validation: Windows that it was not trained on, to choose `hit_threshold` by;
            None keeps the threshold.
        fills: Puts fills at the end of some training windows, see `fills.py`. Defaults
            to None.
        seed: Of the fit of the prior. Defaults to 0.

    Returns:
        The model, or a new one with the same weights and another threshold.

    Example:
        ```python
        model = MusicVAE.from_preset("groove_4bar")
        model.compile()
        model.fit(windows.split("train").arrays(), epochs=5)
        model = finish(model, windows.split("train"), windows.canonical("validation"))
        model.save_to_preset("mine")
        ```
    """
    fit_prior(model, training, fills=fills, seed=seed)
    return model if validation is None else calibrated(model, validation)


def calibrated(model: "MusicVAE", windows: "GrooveWindows") -> "MusicVAE":
    """The model with the `hit_threshold` whose reconstructions have the best F1.

    A hit whose probability is just below one half is left out at temperature 0, and
    uncertain hits are many: thresholds below one half usually agree better with the
    music.

    Args:
        model: A trained model.
        windows: Windows that it was not trained on; they are reconstructed freely
            from their posterior means at temperature 0, with each of `THRESHOLDS`.

    Returns:
        A new model with the same weights.
    """
    batch = model.to_batch(windows.examples())
    means, _ = model.inference.encode(batch)
    real = batch.pop("grooves")[..., HITS] > 0.5
    kept = model.kept_of(batch)
    noise = np.full((*real.shape[:2], model.heads.noise_dim), 0.5, np.float32)
    scores = {}
    for threshold in THRESHOLDS:
        inference = _with_threshold(model, threshold).inference
        decoded = inference.decode(means, noise, 0.0, batch, kept)
        played = decoded[..., HITS] > 0.5
        total = real.sum() + played.sum()
        scores[threshold] = 2 * (real & played).sum() / max(total, 1)
        logger.info("hit_threshold %.2f: F1 %.4f", threshold, scores[threshold])
    best = max(THRESHOLDS, key=lambda threshold: scores[threshold])
    return _with_threshold(model, best)


def _with_threshold(model: "MusicVAE", threshold: float) -> "MusicVAE":
    config = {**model.get_config(), "hit_threshold": threshold}
    other = type(model).from_config(config)
    other.set_weights(model.get_weights())
    other.parents = model.parents
    return other
