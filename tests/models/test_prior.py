"""The prior: N(0, I), or the surroundings of grooves."""

import numpy as np
import pytest
from array_windows import ArrayWindows

from keras_musicvae import MusicVAE
from keras_musicvae.models.prior import ParzenPrior
from keras_musicvae.models.random import Draws, Purpose
from keras_musicvae.training.finish import fit_prior

SIZES = {
    "num_bars": 2,
    "encoder_units": (8,),
    "latent_dim": 4,
    "conductor_units": (8,),
    "decoder_units": (8,),
}


def noise(number, dimensions):
    return (
        Draws(0).normal(Purpose.LATENTS, (number, dimensions)),
        Draws(0).uniform(Purpose.COMPONENTS, (number,)),
    )


def test_without_components_the_noise_itself_is_the_latent():
    prior = ParzenPrior(0, 4)
    prior.build()
    normal, uniform = noise(10, 4)
    assert prior.draw(normal, uniform) is normal
    assert not prior.weights
    assert not prior.centre.any()


def fitted(latents):
    prior = ParzenPrior(*np.shape(latents))
    prior.build()
    prior.latents.assign(np.asarray(latents, np.float32))
    return prior


def test_until_it_is_fitted_it_is_about_standard_normal():
    prior = ParzenPrior(200, 8)
    prior.build()
    drawn = prior.draw(*noise(4000, 8))
    assert np.abs(drawn.mean(axis=0)).max() < 0.3
    assert drawn.std(axis=0) == pytest.approx(np.ones(8), abs=0.2)
    assert not prior.trainable_weights


def test_each_groove_is_drawn_as_often():
    """Four far clusters, one of which has half of the grooves."""
    rng = np.random.default_rng(0)
    corners = np.array([[1.0, 0], [-1.0, 0], [0, 1.0], [0, -1.0]]) * 100
    which = np.repeat([0, 1, 2, 3, 0, 0], 100)
    drawn = fitted(corners[which] + rng.normal(size=(600, 2))).draw(*noise(20_000, 2))
    near = np.linalg.norm(drawn[:, None] - corners, axis=-1).argmin(axis=1)
    shares = np.bincount(near) / len(near)
    assert shares == pytest.approx([3 / 6, 1 / 6, 1 / 6, 1 / 6], abs=0.02)


def test_draws_stay_on_the_line_of_the_neighbours():
    """Where one Gaussian for all would fill the plane."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 1000)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    flat = np.concatenate([circle, np.zeros((1000, 6))], axis=1)
    drawn = fitted(flat).draw(*noise(2000, 8))
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(np.ones(2000), abs=1e-2)
    assert np.abs(drawn[:, 2:]).max() < 1e-3


def test_a_draw_is_its_groove_moved_by_its_neighbours():
    latents = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    prior = fitted(latents)
    normal = np.array([[0.5, -1.0, 2.0]], np.float32)
    drawn = prior.draw(normal, np.array([0.5], np.float32))
    points = latents - latents.mean(axis=0)
    others = sorted(
        (point for i, point in enumerate(points) if i != 2),
        key=lambda point: np.linalg.norm(point - points[2]),
    )
    steps = [n * (p - points[2]) for n, p in zip(normal[0], others[:3], strict=True)]
    moved = points[2] + sum(steps) / np.sqrt(3)
    moved *= np.linalg.norm(points[2]) / np.linalg.norm(moved)
    assert drawn[0] == pytest.approx(latents.mean(axis=0) + moved, abs=1e-5)


def test_draws_of_any_shape_and_number_are_the_same():
    prior = fitted(np.random.default_rng(0).normal(size=(300, 70)))
    normal, uniform = noise(12, 70)
    drawn = prior.draw(normal, uniform)
    assert prior.draw(normal[:1], uniform[:1]) == pytest.approx(drawn[:1], abs=1e-5)
    shaped = prior.draw(normal.reshape(3, 4, 70), uniform.reshape(3, 4))
    assert np.array_equal(shaped, drawn.reshape(3, 4, 70))


def test_noise_next_to_1_chooses_the_last_groove():
    prior = fitted(np.diag([1.0, 2.0, 3.0]))
    uniform = np.array([1e-7, 0.34, 1 - 2**-24, 1.0], np.float32)
    drawn = prior.draw(np.zeros((4, 3), np.float32), uniform)
    assert drawn.argmax(axis=1).tolist() == [0, 1, 2, 2]


def test_one_groove_is_repeated():
    latents = np.array([[3.0, 4.0]])
    assert np.array_equal(fitted(latents).draw(*noise(4, 2)), latents.repeat(4, axis=0))


def test_samples_come_from_the_prior():
    model = MusicVAE(prior_components=16, **SIZES)
    model.prior.latents.assign(np.random.default_rng(0).normal(3.0, 1.0, (16, 4)))
    normal = Draws(7).normal(Purpose.LATENTS, (6, 4))
    z = model.prior.draw(normal, Draws(7).uniform(Purpose.COMPONENTS, (6,)))
    assert z.mean() == pytest.approx(3.0, abs=1.0)
    assert np.array_equal(
        model.sample(6, temperature=0.0, seed=7), model.decode(z, temperature=0.0)
    )


def test_the_prior_is_fitted_to_the_posteriors():
    model = MusicVAE(prior_components=24, **SIZES)
    rng = np.random.default_rng(0)
    grooves = (rng.random((40, 32, 27)) < 0.2).astype("float32")
    fit_prior(model, ArrayWindows(grooves, 2), seed=1)
    mean, _ = model.encode(grooves)
    latents = np.array(model.prior.latents)
    distance = np.abs(latents[:, None] - mean).max(axis=-1)
    assert distance.min(axis=1).max() < 1e-5
    assert len(set(distance.argmin(axis=1))) == 24


@pytest.mark.parametrize("components", [24, 40, 64])
def test_no_groove_is_taken_twice_before_all_are(components, monkeypatch):
    model = MusicVAE(prior_components=components, **SIZES)
    numbered = np.zeros((40, 32, 27), np.float32)
    numbered[:] = np.arange(40)[:, None, None]
    monkeypatch.setattr(
        model.inference, "encode", lambda batch: (batch["grooves"][:, 0, :4], None)
    )
    fit_prior(model, ArrayWindows(numbered, 2), seed=1)
    taken = np.bincount(np.array(model.prior.latents)[:, 0].astype(int), minlength=40)
    assert taken.sum() == components
    assert set(taken) == set(range(components // 40, -(-components // 40) + 1))
