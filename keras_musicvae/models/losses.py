"""The objective: reconstruction plus the weighted KL above the free bits."""

import math
from typing import Any

from keras import ops

NATS_PER_BIT = math.log(2.0)

# A latent dimension is active if the posterior means of a batch vary by more than
# this (Burda et al. 2015, arXiv 1509.00519).
ACTIVE_VARIANCE = 0.01


def reconstruction_losses(
    heads: Any, outputs: Any, grooves: Any, valid: Any = None
) -> dict[str, Any]:
    """Reconstruction loss of each example, summed over its steps and drums.

    Args:
        heads: Gives the losses of each step; see `heads/`.
        outputs: (batch, steps, output_dim), what the decoder gave.
        grooves: (batch, steps, 3 * num_drums), what was played.
        valid: (batch, steps), 1 where a step counts; None: everywhere.

    Returns:
        `hits`, `velocities` and `offsets`, each (batch,).
    """
    losses = heads.losses(*(ops.cast(x, "float32") for x in (outputs, grooves)))
    if valid is not None:
        losses = {name: loss * valid for name, loss in losses.items()}
    return {name: ops.sum(loss, axis=-1) for name, loss in losses.items()}


def kl_cost(kl: Any, free_bits: float) -> Any:
    """The part of each example's KL that costs: what exceeds the free bits.

    The free bits are granted once to the TOTAL KL of an example, which is what the
    original's code does, in spite of its comment ("per dimension").

    Args:
        kl: (batch,), in nats.
        free_bits: In bits per example.

    Returns:
        (batch,), in nats, `max(kl - free_bits * ln 2, 0)`.
    """
    return ops.maximum(kl - free_bits * NATS_PER_BIT, 0.0)


def active_units(z_mean: Any) -> Any:
    """How many latent dimensions carry information in this batch, a scalar."""
    variances = ops.var(z_mean, axis=0)
    return ops.sum(ops.cast(variances > ACTIVE_VARIANCE, "float32"))
