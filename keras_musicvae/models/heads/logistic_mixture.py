"""Velocity and offset as mixtures of logistics: fewer outputs than a histogram."""

import math
from typing import Any

import numpy as np
from keras import ops

from keras_musicvae.backends import native
from keras_musicvae.models.heads.expressive import ExpressiveHeads

# In search of a quantile [0, 1] is cut in four, four times over: to a fifth of a bin,
# in which the distribution function is taken as a straight line.
PARTS, ROUNDS = 4, 4
# Scales of the logistics, as logarithms of shares of [0, 1]: where they start, and how
# narrow they may become, a tenth of a bin.
START, NARROWEST = math.log(0.1), math.log(0.002)
# Where the distribution function is flat, between two logistics far apart.
EPSILON = 1e-7


class LogisticMixtureHeads(ExpressiveHeads):
    """A value's outputs are the logits, means and scales of a few logistics.

    What lies below 0 or above 1 belongs to the first and the last bin (Salimans et al.
    2017, arXiv 1701.05517, equation 2): the loudest strokes are many.
    """

    components = 8
    value_dim = 3 * components

    def negative_log_likelihood(self, values: Any, bins: Any) -> Any:
        """See `ExpressiveHeads`."""
        logits, means, scales = self._logistics(values)
        bins = bins[..., None]
        low = (ops.cast(bins, values.dtype) / self.bins - means) / scales
        width = 1.0 / (self.bins * scales)
        # log(s(high) - s(low)) = log s(high) + log s(-low) + log(1 - exp(low - high)),
        # of which nothing underflows. At the ends one of the sigmoids is 1.
        first, last = bins == 0, bins == self.bins - 1
        none = ops.zeros_like(low)
        masses = (
            ops.where(last, none, -ops.softplus(-low - width))
            + ops.where(first, none, -ops.softplus(low))
            + ops.where(ops.logical_or(first, last), none, ops.log(-ops.expm1(-width)))
        )
        return ops.logsumexp(logits, axis=-1) - ops.logsumexp(logits + masses, axis=-1)

    def quantile(self, values: Any, share: Any) -> Any:
        """See `ExpressiveHeads`; a search in the distribution function."""
        ops = native.ops
        logits, means, scales = self._logistics(values)
        shares = ops.softmax(logits, axis=-1)[..., None, :]
        slopes = (1.0 / scales)[..., None, :]
        shifts = (means / scales)[..., None, :]

        def below(points: Any) -> Any:
            """The distribution function at points (..., number)."""
            logistics = ops.sigmoid(points[..., None] * slopes - shifts)
            return ops.sum(shares * logistics, axis=-1)

        share = share[..., None]
        inner = ops.convert_to_tensor(np.arange(1, PARTS, dtype=np.float32))
        start, width = 0.0 * share, 1.0
        for _ in range(ROUNDS):
            width = width / PARTS
            passed = ops.cast(below(start + width * inner) < share, values.dtype)
            start = start + width * ops.sum(passed, axis=-1)[..., None]
        ends = below(
            start + width * ops.convert_to_tensor(np.array([0.0, 1.0], np.float32))
        )
        low, high = ends[..., :1], ends[..., 1:]
        # What lies outside of [0, 1] is drawn at its ends.
        part = ops.clip((share - low) / (high - low + EPSILON), 0.0, 1.0)
        return (start + width * part)[..., 0]

    def share_below(self, values: Any, played: Any) -> Any:
        """See `ExpressiveHeads`."""
        logits, means, scales = self._logistics(values)
        below = ops.sigmoid((played[..., None] - means) / scales)
        return ops.sum(ops.softmax(logits, axis=-1) * below, axis=-1)

    def mean(self, values: Any) -> Any:
        """See `ExpressiveHeads`; from the distribution function at the bins' edges."""
        logits, means, scales = self._logistics(values[..., None, :])
        edges = ops.arange(self.bins + 1, dtype="float32")[:, None] / self.bins
        below = ops.sigmoid((edges - means) / scales)
        above = 1.0 - ops.sum(ops.softmax(logits, axis=-1) * below, axis=-1)
        # The mean is the area above the distribution function, here by trapezoids.
        return ops.mean(0.5 * (above[..., 1:] + above[..., :-1]), axis=-1)

    def _logistics(self, values: Any) -> tuple[Any, Any, Any]:
        """Logits of the shares, means and scales, each (..., components)."""
        ops, number = native.ops, self.components
        logits, means = values[..., :number], values[..., number : 2 * number]
        scales = ops.clip(values[..., 2 * number :] + START, NARROWEST, 0.0)
        # Untrained outputs are near 0: the means start apart.
        apart = [(k + 0.5) / number for k in range(number)]
        centres = ops.convert_to_tensor(apart, dtype="float32")
        return logits, means + centres, ops.exp(scales)
