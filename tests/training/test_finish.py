"""The threshold of deterministic hits: the one that agrees best with the music."""

import numpy as np
from array_windows import ArrayWindows

from keras_musicvae import MusicVAE
from keras_musicvae.evaluation.reconstruction import (
    count_reconstruction,
    reconstruction_scores,
)
from keras_musicvae.training.finish import THRESHOLDS, calibrated


def test_the_best_threshold_is_chosen_and_the_weights_are_kept():
    model = MusicVAE(
        num_bars=1,
        encoder_units=(8,),
        latent_dim=4,
        conductor_units=None,
        preprocessor=None,
        decoder_units=(8,),
    )
    # Uncertain everywhere, with hits at three cells of ten: whoever waits for a
    # probability of one half plays nothing.
    bias = model.decoder.output_projection.bias
    bias.assign(np.concatenate([np.full(9, -0.8), np.zeros(18)]).astype("float32"))
    rng = np.random.default_rng(0)
    grooves = np.zeros((20, 16, 27), "float32")
    grooves[..., :9] = rng.random((20, 16, 9)) < 0.3
    windows = ArrayWindows(grooves, 1)

    def f1(candidate):
        z, _ = candidate.encode(grooves)
        played = candidate.decode(z, temperature=0.0)
        counts = count_reconstruction(grooves, played, np.full(len(grooves), 120.0))
        return reconstruction_scores(counts)["f1"]

    chosen = calibrated(model, windows)
    assert chosen.hit_threshold in THRESHOLDS and chosen.hit_threshold < 0.5
    assert chosen.get_config()["hit_threshold"] == chosen.hit_threshold
    assert f1(chosen) > f1(model)
    for one, other in zip(model.get_weights(), chosen.get_weights(), strict=True):
        assert np.array_equal(one, other)
