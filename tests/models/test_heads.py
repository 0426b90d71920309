"""Heads: losses against NumPy, draws against the distributions they are of."""

import numpy as np
import pytest
from keras import ops

from keras_musicvae.models.heads.draws import Draws
from keras_musicvae.models.heads.histogram import HistogramHeads
from keras_musicvae.models.heads.logistic_mixture import LogisticMixtureHeads
from keras_musicvae.models.heads.squared_error import EPSILON, SquaredErrorHeads

DRUMS = 9
EXPRESSIVE = (HistogramHeads, LogisticMixtureHeads)
ALL_HEADS = (SquaredErrorHeads, *EXPRESSIVE)


def random_outputs(heads, *shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(*shape, heads.output_dim)).astype("float32")


def random_frames(*shape, seed=1):
    rng = np.random.default_rng(seed)
    hits = rng.random((*shape, DRUMS)) < 0.4
    velocities = hits * rng.random((*shape, DRUMS))
    offsets = hits * rng.uniform(-1, 1, (*shape, DRUMS))
    return np.concatenate([hits, velocities, offsets], axis=-1).astype("float32")


def draw(heads, outputs, temperature, noise):
    return ops.convert_to_numpy(
        heads.draw(
            ops.convert_to_tensor(outputs),
            heads.noise_thresholds(
                ops.convert_to_tensor(noise), np.float32(temperature)
            ),
        )
    )


def uniform(heads, *shape, seed=2):
    rng = np.random.default_rng(seed)
    return rng.uniform(1e-6, 1 - 1e-6, (*shape, heads.noise_dim)).astype("float32")


def masses_of(heads, outputs):
    """(..., velocity | offset, drums, bins), by NumPy in float64."""
    values = outputs[..., DRUMS:].astype("float64")
    values = values.reshape(*outputs.shape[:-1], 2, DRUMS, heads.value_dim)
    if isinstance(heads, HistogramHeads):
        return softmax(values)
    logits, means, scales = np.split(values, 3, axis=-1)
    number = heads.components
    means = means + (np.arange(number) + 0.5) / number
    scales = np.clip(0.1 * np.exp(scales), 0.002, 1.0)
    edges = np.linspace(0, 1, heads.bins + 1)[:, None]
    below = 0.5 + 0.5 * np.tanh(
        (edges - means[..., None, :]) / (2 * scales[..., None, :])
    )
    below = (softmax(logits)[..., None, :] * below).sum(axis=-1)
    below[..., 0], below[..., -1] = 0, 1  # what lies outside is in the last bins
    return np.diff(below, axis=-1)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", EXPRESSIVE)
def test_losses_are_negative_log_likelihoods_in_nats(kind):
    heads = kind()
    outputs, frames = random_outputs(heads, 2, 5), random_frames(2, 5)
    losses = {
        name: ops.convert_to_numpy(loss)
        for name, loss in heads.losses(
            ops.convert_to_tensor(outputs), ops.convert_to_tensor(frames)
        ).items()
    }
    hits, velocities, offsets = np.split(frames, 3, axis=-1)
    chance = 1 / (1 + np.exp(-outputs[..., :DRUMS].astype("float64")))
    right = np.where(hits > 0, chance, 1 - chance)
    assert losses["hits"] == pytest.approx(-np.log(right).sum(axis=-1), rel=1e-4)
    masses = masses_of(heads, outputs)
    for name, part, values in (
        ("velocities", 0, velocities),
        ("offsets", 1, (offsets + 1) / 2),
    ):
        bins = np.minimum(np.floor(values * heads.bins), heads.bins - 1).astype(int)
        mass = np.take_along_axis(masses[..., part, :, :], bins[..., None], -1)
        expected = -np.log(mass[..., 0]) * hits
        assert losses[name] == pytest.approx(expected.sum(axis=-1), rel=1e-4), name


@pytest.mark.parametrize("kind", EXPRESSIVE)
def test_rests_have_no_loudness(kind):
    heads = kind()
    outputs = ops.convert_to_tensor(random_outputs(heads, 1, 4))
    losses = heads.losses(outputs, ops.zeros((1, 4, 3 * DRUMS)))
    assert float(ops.sum(losses["hits"])) > 0
    assert float(ops.sum(ops.abs(losses["velocities"]))) == 0
    assert float(ops.sum(ops.abs(losses["offsets"]))) == 0


@pytest.mark.parametrize("kind", EXPRESSIVE)
def test_values_at_the_ends_have_a_bin(kind):
    heads = kind()
    frames = np.ones((1, 2, 3 * DRUMS), "float32")
    frames[:, 1, 2 * DRUMS :] = -1.0
    outputs = ops.convert_to_tensor(random_outputs(heads, 1, 2))
    losses = heads.losses(outputs, ops.convert_to_tensor(frames))
    assert np.isfinite(ops.convert_to_numpy(losses["velocities"])).all()
    assert np.isfinite(ops.convert_to_numpy(losses["offsets"])).all()


@pytest.mark.parametrize("kind", EXPRESSIVE)
def test_draws_follow_the_distributions(kind):
    heads = kind()
    one = 2.0 * random_outputs(heads, 1)
    number = 40_000
    drawn = draw(
        heads, np.repeat(one, number, axis=0), 1.0, uniform(heads, number)
    ).reshape(number, 3, DRUMS)
    chance = 1 / (1 + np.exp(-one[0, :DRUMS]))
    assert drawn[:, 0].mean(axis=0) == pytest.approx(chance, abs=0.01)
    masses = masses_of(heads, one)[0]
    for part, low in ((0, 0.0), (1, -1.0)):
        for drum in range(DRUMS):
            values = drawn[drawn[:, 0, drum] > 0, 1 + part, drum]
            counts, _ = np.histogram(values, heads.bins, (low, 1.0))
            error = np.abs(counts / len(values) - masses[part, drum]).max()
            assert error < 5 * np.sqrt(0.25 / len(values)), (part, drum)


@pytest.mark.parametrize("kind", ALL_HEADS)
def test_at_temperature_0_the_noise_does_not_matter(kind):
    heads = kind()
    outputs = random_outputs(heads, 3, 4)
    first, second = (
        draw(heads, outputs, 0.0, uniform(heads, 3, 4, seed=s)) for s in (1, 2)
    )
    assert np.array_equal(first, second)
    assert np.array_equal(first[..., :DRUMS] > 0, outputs[..., :DRUMS] > 0)


@pytest.mark.parametrize("kind", EXPRESSIVE)
def test_at_temperature_0_values_are_medians(kind):
    heads = kind()
    outputs = random_outputs(heads, 50)
    outputs[:, :DRUMS] = 5.0
    drawn = draw(heads, outputs, 0.0, uniform(heads, 50)).reshape(50, 3, DRUMS)
    below = np.cumsum(masses_of(heads, outputs), axis=-1)
    for part, values in enumerate((drawn[:, 1], (drawn[:, 2] + 1) / 2)):
        bins = np.minimum((values * heads.bins).astype(int), heads.bins - 1)
        top = np.take_along_axis(below[:, part], bins[..., None], -1)[..., 0]
        lower = top - np.take_along_axis(
            masses_of(heads, outputs)[:, part], bins[..., None], -1
        ).squeeze(-1)
        assert (top > 0.5 - 1e-4).all() and (lower < 0.5 + 1e-4).all()


@pytest.mark.parametrize("kind", ALL_HEADS)
def test_a_lower_threshold_gives_more_hits_at_temperature_0_alone(kind):
    usual, eager = kind(), kind(Draws(hit_threshold=0.3))
    outputs, noise = random_outputs(usual, 100), uniform(usual, 100)
    hits = {
        temperature: [
            draw(heads, outputs, temperature, noise)[:, :DRUMS]
            for heads in (usual, eager)
        ]
        for temperature in (0.0, 1.0)
    }
    chance = 1 / (1 + np.exp(-outputs[:, :DRUMS]))
    assert np.array_equal(hits[0.0][1] > 0, chance > 0.3)
    assert np.array_equal(hits[1.0][0], hits[1.0][1])


@pytest.mark.parametrize("kind", EXPRESSIVE)
def test_extreme_outputs_and_noise_stay_in_range(kind):
    heads = kind()
    outputs = np.full((2, heads.output_dim), -1e4, "float32")
    outputs[:, :DRUMS] = 1e4
    outputs[:, DRUMS :: heads.value_dim] = 1e4
    for value in (2.0**-24, 1 - 2.0**-24):
        noise = np.full((2, heads.noise_dim), value, "float32")
        for temperature in (0.0, 0.5, 1.0, 5.0):
            frames = draw(heads, outputs, temperature, noise)
            assert np.isfinite(frames).all() and np.abs(frames).max() <= 1.0


@pytest.mark.parametrize("kind", ALL_HEADS)
def test_the_expected_frame_is_the_mean_of_draws(kind):
    heads = kind()
    one = random_outputs(heads, 1)
    number = 60_000
    noise = uniform(heads, number)
    frames = draw(heads, np.repeat(one, number, axis=0), 1.0, noise)
    expected = ops.convert_to_numpy(heads.expected(ops.convert_to_tensor(one)))[0]
    assert frames.mean(axis=0) == pytest.approx(expected, abs=0.015)


def test_the_originals_losses():
    heads = SquaredErrorHeads()
    outputs, frames = random_outputs(heads, 2, 3), random_frames(2, 3)
    losses = heads.losses(ops.convert_to_tensor(outputs), ops.convert_to_tensor(frames))
    hits, velocities, offsets = np.split(frames, 3, axis=-1)
    raw = np.split(outputs, 3, axis=-1)
    chance, played = (1 / (1 + np.exp(-x)) for x in raw[:2])
    entropy = hits * np.log(chance + EPSILON) + (1 - hits) * np.log(
        1 - chance + EPSILON
    )
    for name, expected in (
        ("hits", -entropy),
        ("velocities", (played - velocities) ** 2),
        ("offsets", (np.tanh(raw[2]) - offsets) ** 2),
    ):
        assert ops.convert_to_numpy(losses[name]) == pytest.approx(
            expected.sum(axis=-1), rel=1e-5
        )
