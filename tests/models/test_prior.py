"""The prior: N(0, I), or a flow fitted to the latents of grooves."""

import keras
import numpy as np
import pytest
from array_windows import ArrayWindows

from keras_musicvae import MusicVAE
from keras_musicvae.grooves.conditions import fit_conditions
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.models import prior as flow
from keras_musicvae.models.prior import FlowPrior
from keras_musicvae.models.random import Draws, Purpose
from keras_musicvae.training import prior as fitting

SIZES = {
    "num_bars": 2,
    "encoder_units": (8,),
    "latent_dim": 4,
    "conductor_units": (8,),
    "decoder_units": (8,),
}


def noise(number, dimensions):
    return Draws(0).normal(Purpose.LATENTS, (number, dimensions))


def random_prior(condition_dim=0):
    """A flow that bends, as if it had been fitted."""
    rng = np.random.default_rng(1)
    prior = FlowPrior(16, 4, condition_dim)
    prior.build()
    for weight in prior.weights:
        weight.assign(rng.normal(0.0, 0.3, weight.shape))
    prior.scale_weight.assign([1.0, 2.0, 3.0, 4.0])
    return prior


def test_without_units_the_noise_itself_is_the_latent():
    prior = FlowPrior(0, 4, 0)
    prior.build()
    normal = noise(10, 4)
    assert prior.draw(normal) is normal
    assert prior.noise_of(normal) is normal
    assert not prior.weights
    assert not prior.centre.any()


def test_until_it_is_fitted_it_is_standard_normal():
    prior = FlowPrior(8, 4, 2)
    prior.build()
    normal = noise(10, 4)
    assert np.array_equal(prior.draw(normal, np.ones((10, 2), np.float32)), normal)
    assert not prior.trainable_weights


def test_the_network_in_numpy_is_the_one_that_is_trained():
    prior = random_prior(condition_dim=3)
    rng = np.random.default_rng(0)
    points, condition = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
    time = 0.3
    inputs = np.concatenate([points, np.full((6, 1), time), condition], axis=1)
    directions = keras.ops.convert_to_numpy(prior(inputs.astype(np.float32)))
    step = 1e-3
    # Without guidance, one short step of Heun's method goes in that direction.
    moved = prior.moved(
        points.astype(np.float32),
        condition.astype(np.float32),
        None,
        (time, time + step),
    )
    one = (moved - points) / step
    assert one.shape == directions.shape
    base = prior.moved(points.astype(np.float32), None, None, (time, time + step))
    guided = (base - points) / step
    expected = guided + 1.5 * (directions - guided)
    assert one == pytest.approx(expected, abs=5e-2)


def test_noise_is_found_again():
    prior = random_prior(condition_dim=2)
    normal, condition = noise(8, 4), np.ones((8, 2), np.float32)
    z = prior.draw(normal, condition)
    assert np.abs(z - normal).max() > 0.5
    assert prior.noise_of(z, condition) == pytest.approx(normal, abs=0.1)


def test_a_latent_depends_on_its_own_noise_and_condition_alone():
    prior = random_prior(condition_dim=2)
    normal = noise(6, 4)
    condition = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]
    drawn = prior.draw(normal, condition)
    for row in range(6):
        alone = prior.draw(normal[row : row + 1], condition[row : row + 1])
        assert alone == pytest.approx(drawn[row : row + 1], abs=1e-5)
    shaped = prior.draw(normal.reshape(2, 3, 4), condition.reshape(2, 3, 2))
    assert shaped == pytest.approx(drawn.reshape(2, 3, 4), abs=1e-5)


def test_nothing_asked_is_not_guided():
    prior = random_prior(condition_dim=2)
    asked = np.repeat(np.array([[1.0, 0.0]], np.float32), 5, axis=0)
    assert np.array_equal(
        prior.draw(noise(5, 4), asked, asked), prior.draw(noise(5, 4), None, asked)
    )


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(fitting, "FEWEST_STEPS", 1000)
    monkeypatch.setattr(fitting, "LEARNING_RATE", 5e-3)


def test_the_prior_is_fitted_to_posteriors_and_conditions(quick, monkeypatch):
    """Two clusters of latents, of which density tells."""
    grooves = np.zeros((64, 32, 27), np.float32)
    grooves[:, ::4, :1] = 1.0
    grooves[32:, :, 1:2] = 1.0  # dense
    windows = ArrayWindows(grooves, 2)
    vocabulary = fit_conditions(["density"], windows.examples())
    model = MusicVAE(
        prior_units=32,
        preprocessor=GrooveConverter(2, conditions=vocabulary),
        **SIZES,
    )

    def posterior(batch):
        dense = batch["grooves"][:, 1, 1:2]
        mean = np.where(dense > 0, 5.0, -5.0) * np.ones((1, 4), np.float32)
        return mean.astype(np.float32), np.full(mean.shape, 0.5, np.float32)

    monkeypatch.setattr(model.inference, "encode", posterior)
    monkeypatch.setattr(flow, "GUIDANCE", 1.0)  # More overshoots so wide a gap.
    fitting.fit_prior(model, windows, seed=1)
    normal = noise(200, 4)
    for density, place in ((0.0, -5.0), (1.0, 5.0)):
        wish = model.preprocessor.to_batch(
            windows.examples(slice(0, 1)), condition={"density": density}
        )["condition"]
        drawn = model.prior.draw(normal, wish)
        assert (np.sign(drawn.mean(axis=1)) == np.sign(place)).mean() > 0.9
        assert np.median(drawn) == pytest.approx(place, abs=1.0)
    open_z = model.prior.draw(normal)
    assert 0.3 < (open_z.mean(axis=1) > 0).mean() < 0.7
    assert not model.prior.trainable_weights


def test_a_model_trains_without_its_prior(quick, monkeypatch):
    model = MusicVAE(prior_units=8, preprocessor=None, **SIZES)
    prior = {id(weight) for weight in model.prior.weights}
    assert len(prior) == 2 + 2 * len(model.prior.layers)

    def trained():
        return {id(weight) for weight in model.trainable_variables}

    assert not prior & trained()
    normal = noise(5, 4)
    assert np.array_equal(model.prior.draw(normal), normal)  # not fitted yet
    monkeypatch.setattr(fitting, "STEPS", 3)
    grooves = np.random.default_rng(0).random((8, 32, 27)).astype(np.float32)
    fitting.fit_prior(model, ArrayWindows(np.round(grooves), 2))
    assert not prior & trained()


def test_a_seed_repeats_the_fit(quick, monkeypatch):
    monkeypatch.setattr(fitting, "STEPS", 20)
    grooves = np.round(np.random.default_rng(0).random((8, 32, 27)))
    windows = ArrayWindows(grooves.astype(np.float32), 2)
    drawn = []
    for seed in (1, 1, 2):
        model = MusicVAE(prior_units=8, preprocessor=None, **SIZES)
        fitting.fit_prior(model, windows, seed=seed)
        drawn.append(model.prior.draw(noise(5, 4)))
    assert drawn[0] == pytest.approx(drawn[1], abs=1e-6)
    assert np.abs(drawn[0] - drawn[2]).max() > 1e-3


def test_samples_come_from_the_prior():
    model = MusicVAE(prior_units=8, preprocessor=None, **SIZES)
    model.prior.centre_weight.assign(np.full(4, 3.0))
    z = model.prior.draw(Draws(7).normal(Purpose.LATENTS, (6, 4)))
    assert z.mean() == pytest.approx(3.0, abs=1.0)
    assert np.array_equal(
        model.sample(6, temperature=0.0, seed=7), model.decode(z, temperature=0.0)
    )


def test_a_model_without_units_has_nothing_to_fit():
    model = MusicVAE(preprocessor=None, **SIZES)
    fitting.fit_prior(model, ArrayWindows(np.zeros((4, 32, 27), np.float32), 2))
