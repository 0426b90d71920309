"""Heads whose velocities and offsets have distributions, counted on hits only."""

from abc import ABC, abstractmethod
from typing import Any

from keras import ops

from keras_musicvae.backends import native
from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.models.heads.draws import (
    Draws,
    draw_hits,
    expressive_noise,
    expressive_thresholds,
)


class ExpressiveHeads(ABC):
    """Bernoulli hits; velocity and offset of a hit are drawn from distributions.

    A rest has no loudness: the losses of velocity and offset count where there is a
    hit, nowhere else. Both values are brought to [0, 1], which is cut into `bins` of
    equal width; losses are negative logarithms of the mass of the bin that was played,
    so that different heads can be compared. The bins are those of the evaluation's
    histograms: velocities of 1/50, offsets of 1/50 step. A draw is the quantile of its
    noise, a continuous function, so that backends agree to rounding.

    The outputs are the logits of the hits, then `value_dim` numbers for each velocity
    and for each offset.

    Args:
        settings: How frames are drawn. Defaults to `Draws()`.
    """

    bins = 50
    num_weights = 0
    value_dim: int  # outputs per value

    def __init__(self, settings: Draws | None = None) -> None:
        self.settings = settings or Draws()
        self.output_dim = NUM_DRUMS * (1 + 2 * self.value_dim)
        self.noise_dim = 3 * NUM_DRUMS

    @abstractmethod
    def negative_log_likelihood(self, values: Any, bins: Any) -> Any:
        """-log of the mass of bins.

        Args:
            values: (..., value_dim), outputs.
            bins: (...), integers, 0 to `bins` - 1.

        Returns:
            (...), in nats.
        """

    @abstractmethod
    def quantile(self, values: Any, share: Any) -> Any:
        """Where the distribution function reaches `share`.

        Args:
            values: (..., value_dim), outputs.
            share: (...), in (0, 1).

        Returns:
            (...), in [0, 1].
        """

    @abstractmethod
    def mean(self, values: Any) -> Any:
        """The mean of the distribution: (..., value_dim) -> (...), in [0, 1]."""

    def losses(self, outputs: Any, frames: Any) -> dict[str, Any]:
        """Losses of each step, summed over the drums, in nats.

        Args:
            outputs: (batch, steps, output_dim), what the decoder gave.
            frames: (batch, steps, 27), the groove.

        Returns:
            `hits`, `velocities` and `offsets`, each (batch, steps): negative
            logarithms of the probability of hit or rest, and of the bins of the hits.
        """
        drums = NUM_DRUMS
        hits, velocities, offsets = ops.split(frames, 3, axis=-1)
        played = ops.concatenate([velocities, 0.5 * (offsets + 1.0)], axis=-1)
        bins = ops.cast(ops.clip(played * self.bins, 0, self.bins - 1), "int32")
        costs = self.negative_log_likelihood(self._values(outputs), bins)
        return {
            "hits": ops.sum(self.hit_costs(outputs, frames), axis=-1),
            "velocities": ops.sum(hits * costs[..., :drums], axis=-1),
            "offsets": ops.sum(hits * costs[..., drums:], axis=-1),
        }

    def hit_costs(self, outputs: Any, frames: Any) -> Any:
        """Nats of the hit or rest of each drum: (batch, steps, 9)."""
        logits, hits = outputs[..., :NUM_DRUMS], frames[..., :NUM_DRUMS]
        return ops.softplus(logits) - hits * logits

    def noise_thresholds(self, noise: Any, temperature: Any) -> Any:
        """See `draws.expressive_thresholds`."""
        return expressive_thresholds(noise, temperature, self.settings)

    def draw(self, outputs: Any, thresholds: Any) -> Any:
        """Draws frames.

        Args:
            outputs: (..., output_dim), what the decoder gave.
            thresholds: (..., noise_dim), see `noise_thresholds`.

        Returns:
            (..., 27): hits 0 or 1; velocities and offsets, 0 where there
            is no hit.
        """
        ops, drums = native.ops, NUM_DRUMS
        hits = draw_hits(outputs[..., :drums], thresholds[..., :drums])
        shares = thresholds[..., drums:]
        # One cell of eight has a hit; the quantiles of all take a fifth of the time.
        needed = ops.concatenate([hits, hits], axis=-1) > 0
        drawn = native.where_needed(
            needed, self.quantile, self._values(outputs), shares
        )
        return ops.concatenate(
            [hits, hits * drawn[..., :drums], hits * (2.0 * drawn[..., drums:] - 1)],
            axis=-1,
        )

    @abstractmethod
    def share_below(self, values: Any, played: Any) -> Any:
        """The distribution function: the inverse of `quantile`.

        Args:
            values: (..., value_dim), outputs.
            played: (...), in [0, 1].

        Returns:
            (...), in [0, 1].
        """

    def noise_behind(
        self, outputs: Any, frames: Any, chance: Any, temperature: Any
    ) -> Any:
        """Noise by which `draw` draws given frames; see `ChainedHeads.noise_behind`."""
        ops, drums = native.ops, NUM_DRUMS
        hits, velocities, offsets = ops.split(frames, 3, axis=-1)
        played = ops.concatenate([velocities, 0.5 * (offsets + 1.0)], axis=-1)
        shares = self.share_below(self._values(outputs), played)
        return expressive_noise(
            outputs[..., :drums], hits, shares, chance, temperature, self.settings
        )

    def expected(self, outputs: Any) -> Any:
        """The mean frame, over hit and rest: (..., output_dim) -> (..., 27)."""
        chance = ops.sigmoid(outputs[..., :NUM_DRUMS])
        velocities, offsets = ops.split(self.mean(self._values(outputs)), 2, axis=-1)
        return ops.concatenate(
            [chance, chance * velocities, chance * (2.0 * offsets - 1.0)], axis=-1
        )

    def _values(self, outputs: Any) -> Any:
        """(..., 18, value_dim): velocities, then offsets."""
        flat = outputs[..., NUM_DRUMS:]
        return native.ops.reshape(
            flat, (-1, *outputs.shape[1:-1], 2 * NUM_DRUMS, self.value_dim)
        )
