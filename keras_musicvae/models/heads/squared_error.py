"""The original's heads: everybody's average velocity and offset."""

from typing import Any

from keras import ops

from keras_musicvae.backends import native
from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.models.heads.draws import (
    Draws,
    draw_hits,
    hit_noise,
    hit_thresholds,
    logit,
)

# The original's guard against log(0), kept because its losses are compared with ours.
EPSILON = 1e-7


def squared_error_losses(expected: Any, frames: Any) -> dict[str, Any]:
    """The original's losses of each step, for the mean frames of any heads.

    Args:
        expected: (batch, steps, 27), what heads expect, over hit and rest.
        frames: (batch, steps, 27), the groove.

    Returns:
        `hits`, `velocities` and `offsets`, each (batch, steps), summed over the drums,
        in nats and squared units.
    """
    chance, velocities, offsets = ops.split(expected, 3, axis=-1)
    hits, target_velocities, target_offsets = ops.split(frames, 3, axis=-1)
    return {
        "hits": ops.sum(_cross_entropy(chance, hits), axis=-1),
        "velocities": _squared_error(velocities, target_velocities),
        "offsets": _squared_error(offsets, target_offsets),
    }


class SquaredErrorHeads:
    """The original's heads: Bernoulli hits, squared errors for the rest.

    Outputs per drum: the logit of a hit, a velocity (through a sigmoid) and an offset
    (through tanh). The squared errors count at every cell, also where there is no hit
    (target 0), which is GrooVAE's loss (Gillick et al. 2019, arXiv 1905.06118).

    Args:
        settings: How frames are drawn. Defaults to `Draws()`.
    """

    num_weights = 0

    def __init__(self, settings: Draws | None = None) -> None:
        self.settings = settings or Draws()
        self.output_dim = 3 * NUM_DRUMS
        self.noise_dim = NUM_DRUMS

    def losses(self, outputs: Any, frames: Any) -> dict[str, Any]:
        """Losses of each step, summed over the drums.

        Args:
            outputs: (batch, steps, output_dim), what the decoder gave.
            frames: (batch, steps, 27), the groove.

        Returns:
            `hits`, `velocities` and `offsets`, each (batch, steps), in nats and
            squared units.
        """
        return squared_error_losses(self.expected(outputs), frames)

    def hit_costs(self, outputs: Any, frames: Any) -> Any:
        """Nats of the hit or rest of each drum: (batch, steps, 9)."""
        chance = ops.sigmoid(outputs[..., :NUM_DRUMS])
        return _cross_entropy(chance, frames[..., :NUM_DRUMS])

    def noise_thresholds(self, noise: Any, temperature: Any) -> Any:
        """What `draw` compares the outputs with, of all steps at once.

        Args:
            noise: (..., noise_dim), uniform in (0, 1).
            temperature: Scalar; 0 is deterministic.

        Returns:
            (..., noise_dim), the logits above which there is a hit.
        """
        return hit_thresholds(logit(noise), temperature, self.settings)

    def noise_behind(
        self, outputs: Any, frames: Any, chance: Any, temperature: Any
    ) -> Any:
        """Noise by which `draw` draws given hits; values have none."""
        logits, hits = outputs[..., :NUM_DRUMS], frames[..., :NUM_DRUMS]
        return hit_noise(logits, hits, chance, temperature, self.settings)

    def draw(self, outputs: Any, thresholds: Any) -> Any:
        """Draws frames.

        Args:
            outputs: (..., output_dim), what the decoder gave.
            thresholds: (..., noise_dim), see `noise_thresholds`.

        Returns:
            (..., 27): hits 0 or 1; velocities and offsets are the means,
            also where there is no hit, because the original feeds them back so.
        """
        ops = native.ops
        logits, velocities, offsets = ops.split(outputs, 3, axis=-1)
        hits = draw_hits(logits, thresholds)
        return ops.concatenate(
            [hits, ops.sigmoid(velocities), ops.tanh(offsets)], axis=-1
        )

    def expected(self, outputs: Any) -> Any:
        """The mean frame, over hit and rest: (..., output_dim) -> (..., 27)."""
        logits, velocities, offsets = ops.split(outputs, 3, axis=-1)
        return ops.concatenate(
            [ops.sigmoid(logits), ops.sigmoid(velocities), ops.tanh(offsets)], axis=-1
        )


def _squared_error(predicted: Any, target: Any) -> Any:
    return ops.sum(ops.square(predicted - target), axis=-1)


def _cross_entropy(chance: Any, hits: Any) -> Any:
    return -(
        hits * ops.log(chance + EPSILON)
        + (1.0 - hits) * ops.log(1.0 - chance + EPSILON)
    )
