"""Heads whose draws within a step see each other, with velocity 127 a value apart."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_musicvae.backends import native
from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.models.heads.draws import (
    Draws,
    expressive_noise,
    expressive_thresholds,
)
from keras_musicvae.models.initial_weights import zeros
from keras_musicvae.models.recurrent import in_dtype

# Units of the layer that velocities and offsets are read from.
HIDDEN_UNITS = 256
# MIDI velocities of each bin: 1 to 4, ..., 121 to 124, then 125 and 126, then 127,
# which one hit of eight has. The half is the part of the last one below 127.
VELOCITY_WIDTHS = np.array([4.0] * 31 + [2.0, 0.5], np.float32)
VELOCITY_BINS = len(VELOCITY_WIDTHS)
OFFSET_BINS = 40
VALUE_DIM = VELOCITY_BINS + OFFSET_BINS
# Keeps the density of a bin that has no mass away from 0.
EPSILON = 1e-7

# What makes the loss of a bin that of a bin of `ExpressiveHeads`, 1/50 of the range.
# The mass of the last one is one value's, whatever the width of its bin.
_VELOCITY_COSTS = np.log(VELOCITY_WIDTHS * np.float32(50.0 / 127.0))
_VELOCITY_COSTS[-1] = 0.0
_OFFSET_COST = math.log(50.0 / OFFSET_BINS)

_OFFSET_WIDTHS = np.full((OFFSET_BINS, 1), 2.0 / OFFSET_BINS, np.float32)
_TRIANGLES = tuple(
    np.triu(np.ones((bins, bins), np.float32), 1)
    for bins in (VELOCITY_BINS, OFFSET_BINS)
)
# Which drums come before which: rows before columns.
_EARLIER = np.triu(np.ones((NUM_DRUMS, NUM_DRUMS), np.float32), 1)
# The same of velocities and offsets; an offset also sees the velocity of its hit.
_VALUES_EARLIER = np.triu(np.ones((2 * NUM_DRUMS,) * 2, np.float32), 1).repeat(
    np.tile([VELOCITY_BINS, OFFSET_BINS], NUM_DRUMS), axis=1
)


@keras.saving.register_keras_serializable(package="keras_musicvae")
class ChainedHeads(keras.layers.Layer):
    """Hits in a chain, then the velocities and offsets of the drums that are hit.

    p(frame) = product over drums of p(hit | hits of the drums before), then product of
    p(velocity | all hits, velocities and offsets before) and
    p(offset | all hits, velocities up to its own, offsets before), in the order of the
    drums (Bengio & Bengio 2000, "Modeling high-dimensional discrete data"). In training
    the true values are known, so that all factors are computed at once.

    Velocities are histograms over bins of whole MIDI values, offsets over 40 bins.
    Losses are converted to the bins of `ExpressiveHeads`, 1/50 of the range, as if the
    density within a bin were even, so that heads can be compared.

    The outputs are the logits of the hits, then the `HIDDEN_UNITS` inputs of a layer
    that also sees the hits.

    Args:
        settings: How frames are drawn. Defaults to `Draws()`.
    """

    num_weights = (
        NUM_DRUMS * (HIDDEN_UNITS + NUM_DRUMS)
        + (HIDDEN_UNITS + 1 + 2 * NUM_DRUMS) * NUM_DRUMS * VALUE_DIM
    )

    def __init__(self, settings: Draws | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings or Draws()
        self.output_dim = NUM_DRUMS + HIDDEN_UNITS
        self.noise_dim = 3 * NUM_DRUMS
        self.values = keras.layers.Dense(
            NUM_DRUMS * VALUE_DIM, kernel_initializer=zeros, name="values"
        )
        self.hits = keras.layers.Dense(
            HIDDEN_UNITS, use_bias=False, kernel_initializer=zeros, name="hits"
        )

    def build(self, input_shape: tuple | None = None) -> None:
        """Creates the weights."""
        self.hits.build((None, NUM_DRUMS))
        self.values.build((None, HIDDEN_UNITS))
        # What a drum sees of those before it; the rest is never read. The rows of
        # `value_chain` are the velocity and the offset of each drum in turn.
        self.hit_chain = self.add_weight(
            shape=(NUM_DRUMS, NUM_DRUMS), initializer="zeros", name="hit_chain"
        )
        self.value_chain = self.add_weight(
            shape=(2 * NUM_DRUMS, NUM_DRUMS * VALUE_DIM),
            initializer="zeros",
            name="value_chain",
        )
        # Made once: a step of the sampler takes longer to make them than to use them.
        widths = (VELOCITY_WIDTHS[:, None] / np.float32(127), _OFFSET_WIDTHS)
        self._widths = tuple(map(ops.convert_to_tensor, widths))
        self._triangles = tuple(map(ops.convert_to_tensor, _TRIANGLES))
        self.built = True

    def losses(self, outputs: Any, frames: Any) -> dict[str, Any]:
        """Losses of each step, summed over the drums, in nats.

        Args:
            outputs: (batch, steps, output_dim), what the decoder gave.
            frames: (batch, steps, 27), the groove.

        Returns:
            `hits`, `velocities` and `offsets`, each (batch, steps): negative
            logarithms of the probability of hit or rest, and of the bins of the hits.
        """
        hits, velocities, offsets = ops.split(frames, 3, axis=-1)
        logits, values = self._seeing(outputs, frames)
        bins = _velocity_bins(velocities)
        loud = _cross_entropy(values[..., :VELOCITY_BINS], bins)
        loud = loud + ops.take(ops.convert_to_tensor(_VELOCITY_COSTS), bins)
        late = _cross_entropy(values[..., VELOCITY_BINS:], _offset_bins(offsets))
        return {
            "hits": ops.sum(_hit_costs(logits, hits), axis=-1),
            "velocities": ops.sum(hits * loud, axis=-1),
            "offsets": ops.sum(hits * (late + _OFFSET_COST), axis=-1),
        }

    def hit_costs(self, outputs: Any, frames: Any) -> Any:
        """Nats of the hit or rest of each drum: (batch, steps, 9)."""
        hits = frames[..., :NUM_DRUMS]
        return _hit_costs(self._hit_logits(outputs, hits), hits)

    def noise_thresholds(self, noise: Any, temperature: Any) -> Any:
        """See `draws.expressive_thresholds`."""
        return expressive_thresholds(noise, temperature, self.settings)

    def draw(self, outputs: Any, thresholds: Any) -> Any:
        """Draws frames, drum by drum.

        Args:
            outputs: (batch, ..., output_dim), what the decoder gave.
            thresholds: (batch, ..., noise_dim), see `noise_thresholds`.

        Returns:
            (batch, ..., 27): hits 0 or 1; velocities and offsets, 0 where there is no
            hit. Velocities of the last bin round to MIDI's 127.
        """
        velocity_triangle, offset_triangle = self._triangles

        def below(kind: int, drum: int) -> Any:
            column = kind * NUM_DRUMS + drum
            return thresholds[..., column : column + 1]

        return self._unrolled(
            outputs,
            lambda logit, drum: native.ops.cast(logit > below(0, drum), logit.dtype),
            lambda logits, drum: _passed(logits, below(1, drum), velocity_triangle),
            lambda logits, drum: _passed(logits, below(2, drum), offset_triangle),
        )

    def expected(self, outputs: Any) -> Any:
        """The mean frame, over hit and rest: (..., output_dim) -> (..., 27).

        The means of the drums before a drum take the place of their values.
        """

        def passed(logits: Any) -> Any:
            # Half of the mass of a bin lies on each side of its middle.
            masses = ops.softmax(logits, axis=-1)
            return 1.0 - ops.cumsum(masses, axis=-1) + 0.5 * masses

        return self._unrolled(
            outputs,
            lambda logit, drum: ops.sigmoid(logit),
            lambda logits, drum: passed(logits),
            lambda logits, drum: passed(logits),
        )

    def noise_behind(
        self, outputs: Any, frames: Any, chance: Any, temperature: Any
    ) -> Any:
        """Noise by which `draw` draws given frames from outputs.

        Args:
            outputs: (..., output_dim).
            frames: (..., 27).
            chance: (..., noise_dim), uniform in (0, 1): which of all such noise, where
                hits and rests leave it open.
            temperature: Scalar above 0.

        Returns:
            (..., noise_dim), in (0, 1); uniform, if the frames are the model's own.
        """
        ops = native.ops
        hits, velocities, offsets = ops.split(frames, 3, axis=-1)
        logits, values = self._seeing(outputs, frames)
        loud = _share_below(
            values[..., :VELOCITY_BINS], velocities - 0.5 / 127, VELOCITY_WIDTHS / 127
        )
        late = _share_below(
            values[..., VELOCITY_BINS:], offsets + 1.0, _OFFSET_WIDTHS[:, 0]
        )
        shares = ops.concatenate([loud, late], axis=-1)
        return expressive_noise(
            logits, hits, shares, chance, temperature, self.settings
        )

    def _seeing(self, outputs: Any, frames: Any) -> tuple[Any, Any]:
        """Logits of hits and values where each drum sees the given ones before it."""
        hits, velocities, offsets = ops.split(frames, 3, axis=-1)
        pairs = ops.stack([velocities, offsets], axis=-1)
        pairs = ops.reshape(pairs, (-1, *frames.shape[1:-1], 2 * NUM_DRUMS))
        chain = ops.matmul(pairs, self.value_chain * _VALUES_EARLIER)
        values = ops.reshape(
            self._values(outputs, hits) + chain,
            (-1, *frames.shape[1:-1], NUM_DRUMS, VALUE_DIM),
        )
        return self._hit_logits(outputs, hits), values

    def _hit_logits(self, outputs: Any, hits: Any) -> Any:
        """Logits of hits where each drum sees the given hits before it."""
        return outputs[..., :NUM_DRUMS] + ops.matmul(hits, self.hit_chain * _EARLIER)

    def _unrolled(self, outputs: Any, hit: Any, velocity: Any, offset: Any) -> Any:
        """A frame, drum after drum.

        Args:
            outputs: (..., output_dim).
            hit: (logit, drum) -> a hit, (..., 1).
            velocity: (logits, drum) -> which part of each bin lies below the velocity.
            offset: The same of the offset.
        """
        ops = native.ops
        velocity_widths, offset_widths = self._widths
        hit_chain, value_chain = self.hit_chain.value, self.value_chain.value
        logits = outputs[..., :NUM_DRUMS]
        hits = []
        for drum in range(NUM_DRUMS):
            hits.append(hit(logits[..., drum : drum + 1], drum))
            logits = logits + hits[-1] * hit_chain[drum]
        all_hits = ops.concatenate(hits, axis=-1)
        values = self._values(outputs, all_hits)
        drawn: list[Any] = []  # the velocity and the offset of each drum so far
        for drum in range(NUM_DRUMS):
            start = drum * VALUE_DIM
            middle = start + VELOCITY_BINS
            for first, last, passed, widths, lowest in (
                (start, middle, velocity, velocity_widths, 0.5 / 127),
                (middle, start + VALUE_DIM, offset, offset_widths, -1.0),
            ):
                own = values[..., first:last]
                if drawn:
                    chain = value_chain[: len(drawn), first:last]
                    own = own + ops.matmul(ops.concatenate(drawn, axis=-1), chain)
                value = ops.matmul(passed(own, drum), widths) + lowest
                drawn.append(hits[drum] * value)
        return ops.concatenate([all_hits, *drawn[::2], *drawn[1::2]], axis=-1)

    def _values(self, outputs: Any, hits: Any) -> Any:
        """Logits of velocities and offsets: (..., NUM_DRUMS * VALUE_DIM)."""
        ops, dtype = native.ops, self.compute_dtype
        hidden = outputs[..., NUM_DRUMS:] + ops.matmul(hits, self.hits.kernel.value)
        hidden = ops.cast(ops.tanh(hidden), dtype)
        values = ops.matmul(hidden, in_dtype(self.values.kernel, dtype))
        return ops.cast(values, outputs.dtype) + self.values.bias.value


def _hit_costs(logits: Any, hits: Any) -> Any:
    return ops.softplus(logits) - hits * logits


def _cross_entropy(logits: Any, bins: Any) -> Any:
    chosen = ops.take_along_axis(logits, bins[..., None], axis=-1)[..., 0]
    return ops.logsumexp(logits, axis=-1) - chosen


def _velocity_bins(velocities: Any) -> Any:
    """The bins of velocities; the last one has those that round to 127."""
    midi = ops.clip(ops.round(velocities * 127.0), 1.0, 127.0)
    bins = ops.floor((midi - 1.0) / 4.0) + ops.cast(midi > 126.0, midi.dtype)
    return ops.cast(bins, "int32")


def _offset_bins(offsets: Any) -> Any:
    bins = ops.clip((offsets + 1.0) * (OFFSET_BINS / 2), 0, OFFSET_BINS - 1)
    return ops.cast(bins, "int32")


def _passed(logits: Any, share: Any, triangle: Any) -> Any:
    """Of each bin the part that lies below the quantile of `share`, (..., bins).

    The masses before each bin come from a product with a triangle of ones: cumulative
    sums are slow in XLA.
    """
    ops = native.ops
    masses = ops.softmax(logits, axis=-1) + EPSILON
    before = ops.matmul(masses, triangle)
    return ops.clip((share - before) / masses, 0.0, 1.0)


def _share_below(logits: Any, place: Any, widths: Any) -> Any:
    """The mass of all bins below places, which are measured from the first bin on."""
    masses = ops.softmax(logits, axis=-1) + EPSILON
    starts = ops.convert_to_tensor(np.cumsum(widths) - widths)
    passed = (place[..., None] - starts) / ops.convert_to_tensor(widths)
    return ops.sum(masses * ops.clip(passed, 0.0, 1.0), axis=-1)
