"""The prior: N(0, I) until it is fitted, then kernels that are where music lies."""

import numpy as np
import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.models import chance
from keras_musicvae.models.prior import KernelPrior
from keras_musicvae.training.prior import fit_kernels, fit_prior

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
    prior = KernelPrior(0, 4)
    prior.build()
    normal, uniform = noise(10, 4)
    assert prior.draw(normal, uniform) is normal
    assert not prior.weights
    assert not prior.centre.any()


def test_until_it_is_fitted_it_is_standard_normal():
    prior = KernelPrior(3, 4)
    prior.build()
    normal, uniform = noise(10, 4)
    assert np.array_equal(prior.draw(normal, uniform), normal)
    assert not prior.trainable_weights


def test_draws_follow_the_kernels():
    prior = KernelPrior(4, 2)
    prior.build()
    scale = np.array([[1.0, 0.0], [2.0, 0.5]])
    prior.assign([[30.0, 0.0], [-30.0, 1.0], [-30.0, 1.0], [-30.0, 1.0]], scale)
    z = prior.draw(*noise(20_000, 2))
    first = z[z[:, 0] > 0]
    assert len(first) / len(z) == pytest.approx(0.25, abs=0.02)
    assert first.mean(axis=0) == pytest.approx([30.0, 0.0], abs=0.1)
    assert np.cov(first.T) == pytest.approx(scale @ scale.T, abs=0.25)
    assert prior.centre == pytest.approx([-15.0, 0.75])


def test_noise_next_to_1_chooses_the_last_kernel():
    prior = KernelPrior(3, 1)
    prior.build()
    prior.assign([[0.0], [1.0], [2.0]], [[0.0]])
    uniform = np.array([1e-7, 0.34, 1 - 2**-24, 1.0], np.float32)
    drawn = prior.draw(np.zeros((4, 1), np.float32), uniform)
    assert drawn[:, 0].tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize("closeness", [0.0, 0.7, 0.95])
def test_kernels_keep_mean_and_covariance(closeness):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4000, 2)) @ np.array([[2.0, 1.0], [0.0, 0.5]]) + [3, -1]
    means, scale = fit_kernels(points, 4000, closeness=closeness)
    assert means.mean(axis=0) == pytest.approx(points.mean(axis=0))
    covariance = np.cov(means.T) + scale @ scale.T
    assert covariance == pytest.approx(np.cov(points.T), rel=0.05, abs=0.05)
    assert np.allclose(np.triu(scale, 1), 0)


def test_the_nearer_the_kernels_the_nearer_the_points():
    """Two clusters that one Gaussian would join."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(1000, 1)) * 0.1 + rng.choice([-1.0, 1.0], (1000, 1))

    def between(closeness):
        prior = KernelPrior(500, 1)
        prior.build()
        prior.assign(*fit_kernels(points, 500, closeness=closeness))
        return (np.abs(prior.draw(*noise(4000, 1))) < 0.3).mean()

    assert between(0.95) < 0.5 * between(0.7) < 0.5 * between(0.0)


def test_fewer_points_than_kernels():
    points = np.random.default_rng(0).normal(size=(3, 5))
    means, scale = fit_kernels(points, 7)
    assert means.shape == (7, 5) and np.isfinite(scale).all()
    assert np.array_equal(means[:3], means[3:6])


def test_samples_come_from_the_fitted_prior():
    model = MusicVAE(prior_components=1, **SIZES)
    model.prior.assign(np.full((1, 4), 3.0), 0.5 * np.eye(4))
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
    model = MusicVAE(prior_components=64, **SIZES)
    rng = np.random.default_rng(0)
    grooves = (rng.random((64, 32, 27)) < 0.2).astype("float32")
    fit_prior(model, Windows(grooves), seed=1)
    z, _ = model.encode(grooves, sample=True, seed=1)
    drawn = model.prior.draw(*noise(4000, 4))
    assert drawn.mean(axis=0) == pytest.approx(z.mean(axis=0), abs=0.1)
    assert drawn.std(axis=0) == pytest.approx(z.std(axis=0), abs=0.1)
    first = np.array(model.prior.means)
    fit_prior(model, Windows(grooves), seed=1)
    assert np.array_equal(first, np.array(model.prior.means))
