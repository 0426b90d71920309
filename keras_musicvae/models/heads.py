"""What the decoder's outputs mean: the loss of a frame, and how one is drawn.

A frame is one step of a groove, `hits | velocities | offsets` of the drums. Heads have
no weights; a new kind of output distribution is a new class here.

Temperature works alike in all heads. Of the uniform noise u that decides a draw, the
logit is multiplied by the temperature T: at T = 1 a draw follows the distribution
exactly, at T = 0 every draw is the middle one, whatever the noise.
"""

import math
from typing import Any

import numpy as np
from keras import ops

from keras_musicvae.backends import native

# The original's guard against log(0), kept because its losses are compared with ours.
EPSILON = 1e-7


def squared_error_losses(expected: Any, frames: Any) -> dict[str, Any]:
    """The original's losses of each step, for the mean frames of any heads.

    Args:
        expected: (batch, steps, 3 * num_drums), what heads expect, over hit and rest.
        frames: (batch, steps, 3 * num_drums), the groove.

    Returns:
        `hits`, `velocities` and `offsets`, each (batch, steps), summed over the drums,
        in nats and squared units.
    """
    chance, velocities, offsets = ops.split(expected, 3, axis=-1)
    hits, target_velocities, target_offsets = ops.split(frames, 3, axis=-1)
    cross_entropy = -(
        hits * ops.log(chance + EPSILON)
        + (1.0 - hits) * ops.log(1.0 - chance + EPSILON)
    )
    return {
        "hits": ops.sum(cross_entropy, axis=-1),
        "velocities": _squared_error(velocities, target_velocities),
        "offsets": _squared_error(offsets, target_offsets),
    }


class SquaredErrorHeads:
    """The original's heads: Bernoulli hits, squared errors for the rest.

    Outputs per drum: the logit of a hit, a velocity (through a sigmoid) and an offset
    (through tanh). The squared errors count at every cell, also where there is no hit
    (target 0), which is GrooVAE's loss (Gillick et al. 2019, arXiv 1905.06118).

    Args:
        num_drums: Number of drums.
        hit_threshold: At temperature 0 a hit is where its probability exceeds this.
            Defaults to 0.5.
    """

    name = "squared_error"

    def __init__(self, num_drums: int, hit_threshold: float = 0.5) -> None:
        self.num_drums = num_drums
        self.hit_threshold = hit_threshold
        self.output_dim = 3 * num_drums
        self.noise_dim = num_drums

    def losses(self, outputs: Any, frames: Any) -> dict[str, Any]:
        """Losses of each step, summed over the drums.

        Args:
            outputs: (batch, steps, output_dim), what the decoder gave.
            frames: (batch, steps, 3 * num_drums), the groove.

        Returns:
            `hits`, `velocities` and `offsets`, each (batch, steps), in nats and
            squared units.
        """
        return squared_error_losses(self.expected(outputs), frames)

    def draw(self, outputs: Any, temperature: Any, noise: Any) -> Any:
        """Draws frames.

        Args:
            outputs: (..., output_dim), what the decoder gave.
            temperature: Scalar; 0 is deterministic.
            noise: (..., noise_dim), uniform in (0, 1).

        Returns:
            (..., 3 * num_drums): hits 0 or 1; velocities and offsets are the means,
            also where there is no hit, because the original feeds them back so.
        """
        ops = native.ops
        logits, velocities, offsets = ops.split(outputs, 3, axis=-1)
        hits = _draw_hits(logits, temperature, _logit(noise), self.hit_threshold)
        return ops.concatenate(
            [hits, ops.sigmoid(velocities), ops.tanh(offsets)], axis=-1
        )

    def expected(self, outputs: Any) -> Any:
        """The mean frame, over hit and rest: (..., output_dim) -> (..., 3 * drums)."""
        logits, velocities, offsets = ops.split(outputs, 3, axis=-1)
        return ops.concatenate(
            [ops.sigmoid(logits), ops.sigmoid(velocities), ops.tanh(offsets)], axis=-1
        )


class HistogramHeads:
    """Expressive heads: velocity and offset of a hit have distributions of any shape.

    Outputs per drum: the logit of a hit, and the logits of two histograms of equal
    bins, of the velocity in [0, 1] and of the offset in [-1, 1]. Within a bin the
    density is constant. Their losses count where there is a hit, nowhere else: a rest
    has no loudness. A histogram (van den Oord et al. 2016, arXiv 1601.06759) can have
    the ghost notes' peak beside that of the accents, and a draw is a continuous
    function of outputs and noise, so that backends agree to rounding. The bins are
    those of the evaluation's histograms: velocities of 1/50, offsets of 1/50 step.

    Args:
        num_drums: Number of drums.
        hit_threshold: At temperature 0 a hit is where its probability exceeds this.
            Defaults to 0.5.
    """

    name = "histogram"
    bins = 50

    def __init__(self, num_drums: int, hit_threshold: float = 0.5) -> None:
        self.num_drums = num_drums
        self.hit_threshold = hit_threshold
        self.output_dim = num_drums * (1 + 2 * self.bins)
        self.noise_dim = 3 * num_drums
        self._triangle = np.triu(np.ones((self.bins, self.bins), np.float32), 1)

    def losses(self, outputs: Any, frames: Any) -> dict[str, Any]:
        """Losses of each step, summed over the drums, in nats.

        Args:
            outputs: (batch, steps, output_dim), what the decoder gave.
            frames: (batch, steps, 3 * num_drums), the groove.

        Returns:
            `hits`, `velocities` and `offsets`, each (batch, steps): negative
            logarithms of the probability of hit or rest, and of the bins of the hits.
        """
        drums = self.num_drums
        logits, histograms = outputs[..., :drums], self._histograms(outputs)
        hits, velocities, offsets = ops.split(frames, 3, axis=-1)
        values = ops.concatenate([velocities, 0.5 * (offsets + 1.0)], axis=-1)
        bins = ops.cast(ops.clip(values * self.bins, 0, self.bins - 1), "int32")
        chosen = ops.take_along_axis(histograms, bins[..., None], axis=-1)[..., 0]
        surprise = ops.logsumexp(histograms, axis=-1) - chosen
        return {
            "hits": ops.sum(ops.softplus(logits) - hits * logits, axis=-1),
            "velocities": ops.sum(hits * surprise[..., :drums], axis=-1),
            "offsets": ops.sum(hits * surprise[..., drums:], axis=-1),
        }

    def draw(self, outputs: Any, temperature: Any, noise: Any) -> Any:
        """Draws frames.

        Args:
            outputs: (..., output_dim), what the decoder gave.
            temperature: Scalar; at 0 velocities and offsets are the medians.
            noise: (..., noise_dim), uniform in (0, 1).

        Returns:
            (..., 3 * num_drums): hits 0 or 1; velocities and offsets, 0 where there
            is no hit.
        """
        ops, drums = native.ops, self.num_drums
        logits, logit_noise = outputs[..., :drums], _logit(noise)
        hits = _draw_hits(
            logits, temperature, logit_noise[..., :drums], self.hit_threshold
        )
        # The inverse of the distribution function, which is linear in every bin: of
        # each bin the share that lies below the quantile, summed. The masses before
        # each bin come from a product with a triangle of ones: cumulative sums are
        # slow in XLA.
        quantiles = ops.sigmoid(temperature * logit_noise[..., drums:])[..., None]
        masses = ops.softmax(self._histograms(outputs), axis=-1) + EPSILON
        before = ops.matmul(masses, ops.convert_to_tensor(self._triangle))
        passed = ops.clip((quantiles - before) / masses, 0.0, 1.0)
        values = ops.sum(passed, axis=-1) / self.bins
        return ops.concatenate(
            [hits, hits * values[..., :drums], hits * (2.0 * values[..., drums:] - 1)],
            axis=-1,
        )

    def expected(self, outputs: Any) -> Any:
        """The mean frame, over hit and rest: (..., output_dim) -> (..., 3 * drums)."""
        chance = ops.sigmoid(outputs[..., : self.num_drums])
        centres = (ops.arange(self.bins, dtype="float32") + 0.5) / self.bins
        masses = ops.softmax(self._histograms(outputs), axis=-1)
        velocities, offsets = ops.split(ops.sum(masses * centres, axis=-1), 2, axis=-1)
        return ops.concatenate(
            [chance, chance * velocities, chance * (2.0 * offsets - 1.0)], axis=-1
        )

    def _histograms(self, outputs: Any) -> Any:
        """Logits of the bins, (..., 2 * num_drums, bins): velocities, then offsets."""
        flat = outputs[..., self.num_drums :]
        return native.ops.reshape(
            flat, (-1, *outputs.shape[1:-1], 2 * self.num_drums, self.bins)
        )


HEADS = {heads.name: heads for heads in (SquaredErrorHeads, HistogramHeads)}


def _draw_hits(
    logits: Any, temperature: Any, logit_noise: Any, threshold: float
) -> Any:
    """1 where there is a hit.

    u < sigmoid(logit)  <=>  logit > log(u / (1 - u)), drawn towards the threshold's.
    """
    middle = math.log(threshold / (1.0 - threshold))
    bar = temperature * logit_noise
    if middle:
        bar = bar + (1.0 - temperature) * middle
    return native.ops.cast(logits > bar, logits.dtype)


def _logit(noise: Any) -> Any:
    return native.ops.log(noise) - native.ops.log(1.0 - noise)


def _squared_error(predicted: Any, target: Any) -> Any:
    return ops.sum(ops.square(predicted - target), axis=-1)
