"""The prior: N(0, I) until it is fitted, then a mixture that is where music lies."""

import numpy as np
import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.models import chance
from keras_musicvae.models.prior import MixturePrior
from keras_musicvae.training.prior import fit_mixture, fit_prior

SIZES = {
    "num_bars": 2,
    "encoder_units": (8,),
    "latent_dim": 4,
    "conductor_units": (8,),
    "decoder_units": (8,),
}


def noise(number, dimensions):
    return (
        chance.normal(0, chance.LATENTS, (number, dimensions)),
        chance.uniform(0, chance.COMPONENTS, (number,)),
    )


def test_without_components_the_noise_itself_is_the_latent():
    prior = MixturePrior(0, 4)
    prior.build()
    normal, uniform = noise(10, 4)
    assert prior.draw(normal, uniform) is normal
    assert not prior.weights


def test_until_it_is_fitted_a_mixture_is_standard_normal():
    prior = MixturePrior(3, 4)
    prior.build()
    normal, uniform = noise(10, 4)
    assert np.array_equal(prior.draw(normal, uniform), normal)
    assert not prior.trainable_weights


def test_draws_follow_the_mixture():
    prior = MixturePrior(2, 2)
    prior.build()
    scale = np.array([[1.0, 0.0], [2.0, 0.5]])
    means = [[9.0, 0.0], [-9.0, 1.0]]
    prior.assign([0.25, 0.75], means, np.stack([scale, 0.1 * np.eye(2)]))
    z = prior.draw(*noise(20_000, 2))
    first = z[z[:, 0] > 0]
    assert len(first) / len(z) == pytest.approx(0.25, abs=0.02)
    assert first.mean(axis=0) == pytest.approx([9.0, 0.0], abs=0.1)
    assert np.cov(first.T) == pytest.approx(scale @ scale.T, abs=0.25)


def test_a_fit_finds_the_mixture_that_made_the_points():
    rng = np.random.default_rng(0)
    points = np.concatenate(
        [rng.normal([5, 0], [1, 2], (3000, 2)), rng.normal(-5, 0.5, (1000, 2))]
    )
    (shares, means, scales), likelihood = fit_mixture(points, 2, seed=3)
    order = np.argsort(-means[:, 0])
    assert shares[order] == pytest.approx([0.75, 0.25], abs=0.02)
    assert means[order] == pytest.approx(np.array([[5, 0], [-5, -5]]), abs=0.15)
    covariances = scales @ scales.transpose(0, 2, 1)
    assert covariances[order[0]] == pytest.approx(np.diag([1, 4]), abs=0.4)
    assert np.allclose(np.triu(scales, 1), 0)
    entropy = (
        -0.75 * np.log(0.75)
        - 0.25 * np.log(0.25)
        + 0.75 * (np.log(2 * np.pi * np.e) + np.log(2))
        + 0.25 * (np.log(2 * np.pi * np.e) + np.log(0.25))
    )
    assert likelihood == pytest.approx(-entropy, abs=0.1)


def test_one_point_for_each_component_does_not_fail():
    points = np.random.default_rng(0).normal(size=(5, 3))
    (shares, _, scales), _ = fit_mixture(points, 5)
    assert np.isfinite(scales).all() and shares.sum() == pytest.approx(1.0)


def test_samples_come_from_the_fitted_prior():
    model = MusicVAE(prior_components=1, **SIZES)
    mean, scale = np.full((1, 4), 3.0), 0.5 * np.eye(4)[None]
    model.prior.assign([1.0], mean, scale)
    z = 3.0 + 0.5 * chance.normal(7, chance.LATENTS, (6, 4))
    assert np.array_equal(
        model.sample(6, temperature=0.0, seed=7),
        model.decode(z.astype("float32"), temperature=0.0),
    )


class Windows:
    """What `fit_prior` needs of `GrooveWindows`."""

    def __init__(self, grooves):
        self.grooves = grooves

    def arrays(self):
        return self.grooves


def test_the_prior_is_fitted_to_the_posteriors():
    model = MusicVAE(prior_components=2, **SIZES)
    rng = np.random.default_rng(0)
    grooves = (rng.random((64, 32, 27)) < 0.2).astype("float32")
    first = fit_prior(model, Windows(grooves), seed=1)
    z, _ = model.encode(grooves, sample=True, seed=1)
    drawn = model.prior.draw(*noise(4000, 4))
    assert drawn.mean(axis=0) == pytest.approx(z.mean(axis=0), abs=0.1)
    assert drawn.std(axis=0) == pytest.approx(z.std(axis=0), abs=0.1)
    assert fit_prior(model, Windows(grooves), seed=1) == first
