"""Chained heads: losses and draws against NumPy, drum by drum."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from test_heads import DRUMS, draw, random_frames, random_outputs, softmax, uniform

from keras_musicvae.models.heads.chained import (
    OFFSET_BINS,
    VALUE_DIM,
    VELOCITY_BINS,
    VELOCITY_WIDTHS,
    ChainedHeads,
)
from keras_musicvae.models.heads.draws import Draws
from keras_musicvae.models.heads.histogram import HistogramHeads

EDGES = np.concatenate([[0.5], 0.5 + np.cumsum(VELOCITY_WIDTHS)])  # in MIDI's values


@pytest.fixture
def heads():
    """Heads in which every drum matters to those after it."""
    heads = ChainedHeads()
    heads.build()
    rng = np.random.default_rng(5)
    for weight in heads.weights:
        weight.assign(rng.normal(0.0, 0.4, weight.shape).astype("float32"))
    return heads


def losses_of(heads, outputs, frames):
    outputs, frames = map(ops.convert_to_tensor, (outputs, frames))
    losses = heads.losses(outputs, frames)
    return {name: ops.convert_to_numpy(loss) for name, loss in losses.items()}


class Reference:
    """The factors of one frame, each from what came before it, in float64."""

    def __init__(self, heads, output):
        weights = {
            name: ops.convert_to_numpy(weight).astype("float64")
            for name, weight in (
                ("hit_chain", heads.hit_chain),
                ("value_chain", heads.value_chain),
                ("hits", heads.hits.kernel),
                ("values", heads.values.kernel),
                ("bias", heads.values.bias),
            )
        }
        self.__dict__.update(weights)
        self.output = output.astype("float64")

    def chance(self, hits, drum):
        """Of a hit of this drum, of which only the hits before are looked at."""
        logit = self.output[drum] + hits[:drum] @ self.hit_chain[:drum, drum]
        return 1 / (1 + np.exp(-logit))

    def masses(self, frame, drum):
        """Of the bins of the velocity and the offset of this drum."""
        hits, velocities, offsets = np.split(frame.astype("float64"), 3)
        hidden = np.tanh(self.output[DRUMS:] + hits @ self.hits)
        logits = (hidden @ self.values + self.bias).reshape(DRUMS, VALUE_DIM)[drum]
        chain = self.value_chain.reshape(DRUMS, 2, DRUMS, VALUE_DIM)[:, :, drum]
        for other in range(drum):
            logits = logits + velocities[other] * chain[other, 0]
            logits = logits + offsets[other] * chain[other, 1]
        late = logits + velocities[drum] * chain[drum, 0]
        return softmax(logits[:VELOCITY_BINS]), softmax(late[VELOCITY_BINS:])


def bins_of(velocity, offset):
    loud = int(np.searchsorted(EDGES, np.clip(127 * velocity, 1, 127), "right")) - 1
    late = int(np.clip((offset + 1) / 2 * OFFSET_BINS, 0, OFFSET_BINS - 1))
    return min(loud, VELOCITY_BINS - 1), late


def test_losses_are_those_of_the_chain(heads):
    outputs, frames = random_outputs(heads, 6), random_frames(6)
    frames[..., DRUMS : 2 * DRUMS] = np.round(127 * frames[..., DRUMS : 2 * DRUMS])
    frames[..., DRUMS : 2 * DRUMS] /= 127
    losses = losses_of(heads, outputs[None], frames[None])
    for row in range(6):
        reference = Reference(heads, outputs[row])
        hits, velocities, offsets = np.split(frames[row], 3)
        expected = dict.fromkeys(losses, 0.0)
        for drum in range(DRUMS):
            chance = reference.chance(hits, drum)
            expected["hits"] -= np.log(chance if hits[drum] else 1 - chance)
            if not hits[drum]:
                continue
            loud, late = reference.masses(frames[row], drum)
            velocity, offset = bins_of(velocities[drum], offsets[drum])
            # From bins of some MIDI values to bins of 1/50 of the range.
            width = VELOCITY_WIDTHS[velocity] * 50 / 127 if velocity < 32 else 1.0
            expected["velocities"] -= np.log(loud[velocity] / width)
            expected["offsets"] -= np.log(late[offset] * OFFSET_BINS / 50)
        for name, loss in expected.items():
            assert losses[name][0, row] == pytest.approx(loss, rel=1e-4), name


def test_draws_are_those_of_the_chain(heads):
    """Each value is the quantile, that its noise says, of its factor in `losses`."""
    outputs, noise = random_outputs(heads, 40), uniform(heads, 40)
    frames = draw(heads, outputs, 1.0, noise)
    for output, u, frame in zip(outputs, noise, frames, strict=True):
        reference = Reference(heads, output)
        hits, velocities, offsets = np.split(frame, 3)
        for drum in range(DRUMS):
            assert hits[drum] == (reference.chance(hits, drum) > u[drum])
            if not hits[drum]:
                assert velocities[drum] == offsets[drum] == 0
                continue
            loud, late = reference.masses(frame, drum)
            below = np.concatenate([[0], np.cumsum(loud)])
            quantile = np.interp(127 * velocities[drum], EDGES, below)
            assert quantile == pytest.approx(u[DRUMS + drum], abs=1e-3)
            edges = np.linspace(-1, 1, OFFSET_BINS + 1)
            below = np.concatenate([[0], np.cumsum(late)])
            quantile = np.interp(offsets[drum], edges, below)
            assert quantile == pytest.approx(u[2 * DRUMS + drum], abs=1e-3)


def test_the_probabilities_of_all_hits_are_1_and_those_of_the_draws(heads):
    one = random_outputs(heads, 1)
    patterns = np.array(list(itertools.product([0, 1], repeat=DRUMS)), "float32")
    frames = np.concatenate([patterns, np.zeros((512, 18), "float32")], axis=-1)
    losses = losses_of(heads, np.repeat(one[None], 512, 1), frames[None])
    chances = np.exp(-losses["hits"][0].astype("float64"))
    assert chances.sum() == pytest.approx(1.0, abs=1e-5)
    number = 20_000
    outputs = np.repeat(one, number, axis=0)
    drawn = draw(heads, outputs, 1.0, uniform(heads, number))[:, :DRUMS]
    codes = (drawn @ 2.0 ** np.arange(DRUMS)[::-1]).astype(int)
    counts = np.bincount(codes, minlength=512)
    assert np.abs(counts / number - chances).sum() < 0.15  # 0.13 at most by chance
    # Drums in a row are not as if each were drawn alone.
    marginal = chances @ patterns
    alone = np.where(patterns > 0, marginal, 1 - marginal)
    assert np.abs(alone.prod(axis=1) - chances).sum() > 0.25


def test_the_probabilities_of_all_values_of_a_hit_are_1(heads):
    """With another drum's hit before it: what is left is the probability of that."""
    loud = (EDGES[:-1] + EDGES[1:]) / 2 / 127
    late = (np.arange(OFFSET_BINS) + 0.5) / OFFSET_BINS * 2 - 1
    pairs = np.array(list(itertools.product(loud, late)), "float32")
    frames = np.zeros((len(pairs), 3, DRUMS), "float32")
    frames[:, :, 2] = [1.0, 0.7, -0.3]
    frames[:, 0, 6] = 1.0
    frames[:, 1:, 6] = pairs
    frames = frames.reshape(1, -1, 3 * DRUMS)
    outputs = np.repeat(random_outputs(heads, 1)[None], len(pairs), axis=1)
    losses = losses_of(heads, outputs, frames)
    nats = losses["velocities"][0] + losses["offsets"][0]
    # Back from bins of 1/50 of the range; the other velocity's bin is of 4 values.
    widths = np.append(VELOCITY_WIDTHS[:-1] * 50 / 127, 1.0).repeat(OFFSET_BINS)
    widths *= 4 * 50 / 127 * (50 / OFFSET_BINS) ** 2
    chances = np.exp(-nats.astype("float64")) * widths
    other_loud, other_late = Reference(heads, outputs[0, 0]).masses(frames[0, 0], 2)
    velocity, offset = bins_of(0.7, -0.3)
    other = other_loud[velocity] * other_late[offset]
    assert chances.sum() == pytest.approx(other, rel=1e-4)


def test_even_densities_cost_what_they_cost_in_a_histogram():
    chained, histogram = ChainedHeads(), HistogramHeads()
    chained.build()
    # Masses in proportion to the MIDI values: the same density everywhere.
    bias = np.zeros((DRUMS, VALUE_DIM), "float32")
    bias[:, :VELOCITY_BINS] = np.log([4.0] * 31 + [2.0, 1.0])
    chained.values.bias.assign(bias.ravel())
    frames = np.zeros((1, 127, 3 * DRUMS), "float32")
    frames[0, :, 0] = 1.0
    frames[0, :, DRUMS] = np.arange(1, 128) / 127
    frames[0, :, 2 * DRUMS] = np.linspace(-1, 1, 127)
    ours, theirs = (
        losses_of(heads, np.zeros((1, 127, heads.output_dim), "float32"), frames)
        for heads in (chained, histogram)
    )
    assert ours["velocities"][0, :126] == pytest.approx(np.log(50.0), rel=1e-5)
    for name in ("velocities", "offsets"):
        assert ours[name][0, :126] == pytest.approx(theirs[name][0, :126], rel=1e-5)
    assert ours["hits"] == pytest.approx(theirs["hits"])
    # 127 is a value of its own: its mass itself.
    assert ours["velocities"][0, 126] == pytest.approx(np.log(127.0), rel=1e-5)


def test_velocity_127_is_a_value_of_its_own(heads):
    number = 20_000
    one = random_outputs(heads, 1)
    one[:, :DRUMS] = 30.0  # every drum is hit
    drawn = draw(heads, np.repeat(one, number, axis=0), 1.0, uniform(heads, number))
    loudest = np.round(127 * drawn[:, DRUMS : 2 * DRUMS]) == 127
    assert (drawn[:, DRUMS : 2 * DRUMS] <= 1.0).all()
    loud, _ = Reference(heads, one[0]).masses(drawn[0], 0)
    assert loudest[:, 0].mean() == pytest.approx(loud[-1], abs=0.01)
    # All of one drum: the last bin has all the mass.
    bias = np.zeros((DRUMS, VALUE_DIM), "float32")
    bias[3, VELOCITY_BINS - 1] = 60.0
    heads.values.bias.assign(bias.ravel())
    drawn = draw(heads, np.repeat(one, 200, axis=0), 1.0, uniform(heads, 200))
    assert (np.round(127 * drawn[:, DRUMS + 3]) == 127).all()
    frames = drawn[:1, None].repeat(2, axis=1)
    frames[0, 0, DRUMS + 3], frames[0, 1, DRUMS + 3] = 1.0, 126 / 127
    sure, impossible = losses_of(heads, one[None].repeat(2, 1), frames)["velocities"][0]
    assert impossible - sure > 50


def test_the_expected_frame_reads_the_means_of_the_drums_before(heads):
    """Where no drum reads another, it is the mean of draws."""
    one, number = random_outputs(heads, 1), 40_000
    expected = ops.convert_to_numpy(heads.expected(ops.convert_to_tensor(one)))[0]
    reference, frame = Reference(heads, one[0]), np.zeros(3 * DRUMS)
    for drum in range(DRUMS):
        frame[drum] = reference.chance(frame[:DRUMS], drum)
    middles = (EDGES[:-1] + EDGES[1:]) / 2 / 127
    places = (np.arange(OFFSET_BINS) + 0.5) / OFFSET_BINS * 2 - 1
    for drum in range(DRUMS):
        for part, values in ((0, middles), (1, places)):
            masses = reference.masses(frame, drum)[part]
            frame[(1 + part) * DRUMS + drum] = frame[drum] * (masses @ values)
    assert expected == pytest.approx(frame, abs=1e-4)
    for weight in (heads.hit_chain, heads.value_chain, heads.hits.kernel):
        weight.assign(np.zeros(weight.shape, "float32"))
    expected = ops.convert_to_numpy(heads.expected(ops.convert_to_tensor(one)))[0]
    outputs = np.repeat(one, number, axis=0)
    drawn = draw(heads, outputs, 1.0, uniform(heads, number))
    assert drawn.mean(axis=0) == pytest.approx(expected, abs=0.015)


def test_at_temperature_0_the_noise_does_not_matter(heads):
    outputs = random_outputs(heads, 3, 4)
    frames = [draw(heads, outputs, 0.0, uniform(heads, 3, 4, seed=s)) for s in (1, 2)]
    assert np.array_equal(*frames)
    reference = Reference(heads, outputs[0, 0])
    hits = frames[0][0, 0, :DRUMS]
    chances = [reference.chance(hits, drum) for drum in range(DRUMS)]
    assert np.array_equal(hits > 0, np.array(chances) > 0.5)


def test_a_lower_threshold_gives_more_hits_at_temperature_0_alone(heads):
    eager = ChainedHeads(Draws(hit_threshold=0.3))
    eager.build()
    outputs, noise = random_outputs(heads, 100), uniform(heads, 100)
    for ours, theirs in zip(eager.weights, heads.weights, strict=True):
        ours.assign(theirs)
    usual, more = (
        draw(each, outputs, 0.0, noise)[:, :DRUMS] for each in (heads, eager)
    )
    assert (more[:, 0] >= usual[:, 0]).all() and more[:, 0].sum() > usual[:, 0].sum()
    first = 1 / (1 + np.exp(-outputs[:, 0]))
    assert np.array_equal(more[:, 0] > 0, first > 0.3)
    assert np.array_equal(*(draw(each, outputs, 1.0, noise) for each in (heads, eager)))


def test_extreme_outputs_and_noise_stay_in_range(heads):
    heads.values.bias.assign(
        np.random.default_rng(0).choice([-1e4, 1e4], heads.values.bias.shape)
    )
    outputs = np.full((2, heads.output_dim), 1e4, "float32")
    for value in (2.0**-24, 1 - 2.0**-24):
        noise = np.full((2, heads.noise_dim), value, "float32")
        for temperature in (0.0, 0.5, 1.0, 5.0):
            frames = draw(heads, outputs, temperature, noise)
            assert np.isfinite(frames).all() and np.abs(frames).max() <= 1.0
            assert np.isfinite(
                losses_of(heads, outputs[None], frames[None])["hits"]
            ).all()


def test_rests_have_no_loudness_and_values_at_the_ends_have_a_bin(heads):
    outputs = random_outputs(heads, 1, 2)
    losses = losses_of(heads, outputs, np.zeros((1, 2, 3 * DRUMS), "float32"))
    assert (losses["hits"] > 0).all()
    assert not losses["velocities"].any() and not losses["offsets"].any()
    frames = np.ones((1, 2, 3 * DRUMS), "float32")
    frames[:, 1, DRUMS:] = np.repeat([0.0, -1.0], DRUMS)
    for loss in losses_of(heads, outputs, frames).values():
        assert np.isfinite(loss).all()


def test_its_weights_are_counted_and_saved():
    heads = ChainedHeads()
    heads.build()
    assert heads.count_params() == heads.num_weights
    assert isinstance(heads, keras.layers.Layer)
