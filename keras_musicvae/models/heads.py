"""What the decoder's outputs mean: the loss of a frame, and how one is drawn.

A frame is one step of a groove, `hits | velocities | offsets` of the drums. Heads have
no weights; a new kind of output distribution is a new class here.
"""

from typing import Any

from keras import ops

from keras_musicvae.backends import native

# The original's guard against log(0), kept because its losses are compared with ours.
EPSILON = 1e-7


class SquaredErrorHeads:
    """The original's heads: Bernoulli hits, squared errors for the rest.

    Outputs per drum: the logit of a hit, a velocity (through a sigmoid) and an offset
    (through tanh). The squared errors count at every cell, also where there is no hit
    (target 0), which is GrooVAE's loss (Gillick et al. 2019, arXiv 1905.06118).

    Args:
        num_drums: Number of drums.
    """

    name = "squared_error"

    def __init__(self, num_drums: int) -> None:
        self.num_drums = num_drums
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
        logits, velocities, offsets = self._activate(outputs)
        hits, target_velocities, target_offsets = ops.split(frames, 3, axis=-1)
        probabilities = ops.sigmoid(logits)
        cross_entropy = -(
            hits * ops.log(probabilities + EPSILON)
            + (1.0 - hits) * ops.log(1.0 - probabilities + EPSILON)
        )
        return {
            "hits": ops.sum(cross_entropy, axis=-1),
            "velocities": _squared_error(velocities, target_velocities),
            "offsets": _squared_error(offsets, target_offsets),
        }

    def draw(self, outputs: Any, temperature: Any, noise: Any) -> Any:
        """Draws frames.

        Args:
            outputs: (..., output_dim), what the decoder gave.
            temperature: Scalar; the logits are divided by it. At 0 a hit is where its
                probability exceeds one half.
            noise: (..., noise_dim), uniform in (0, 1).

        Returns:
            (..., 3 * num_drums): hits 0 or 1; velocities and offsets are the means,
            also where there is no hit, because the original feeds them back so.
        """
        ops = native.ops
        logits, velocities, offsets = ops.split(outputs, 3, axis=-1)
        # u < sigmoid(logit / T)  <=>  logit > T * log(u / (1 - u)), which is sound at
        # T = 0 too.
        logistic = ops.log(noise) - ops.log(1.0 - noise)
        hits = ops.cast(logits > temperature * logistic, logits.dtype)
        return ops.concatenate(
            [hits, ops.sigmoid(velocities), ops.tanh(offsets)], axis=-1
        )

    def _activate(self, outputs: Any) -> tuple[Any, Any, Any]:
        logits, velocities, offsets = ops.split(outputs, 3, axis=-1)
        return logits, ops.sigmoid(velocities), ops.tanh(offsets)


HEADS = {heads.name: heads for heads in (SquaredErrorHeads,)}


def _squared_error(predicted: Any, target: Any) -> Any:
    return ops.sum(ops.square(predicted - target), axis=-1)
