"""Velocity and offset as histograms: distributions of any shape."""

from typing import Any

import numpy as np
from keras import ops

from keras_musicvae.backends import native
from keras_musicvae.models.heads.expressive import ExpressiveHeads

# Keeps the density of a bin that has no mass away from 0.
EPSILON = 1e-7


class HistogramHeads(ExpressiveHeads):
    """A value's outputs are the logits of its bins; a bin has one density throughout.

    A histogram (van den Oord et al. 2016, arXiv 1601.06759) can have the ghost notes'
    peak beside that of the accents.
    """

    value_dim = ExpressiveHeads.bins
    _triangle = np.triu(np.ones((value_dim, value_dim), np.float32), 1)

    def negative_log_likelihood(self, values: Any, bins: Any) -> Any:
        """See `ExpressiveHeads`."""
        chosen = ops.take_along_axis(values, bins[..., None], axis=-1)[..., 0]
        return ops.logsumexp(values, axis=-1) - chosen

    def quantile(self, values: Any, share: Any) -> Any:
        """See `ExpressiveHeads`; the distribution function is linear in every bin.

        Of each bin the share that lies below the quantile, summed. The masses before
        each bin come from a product with a triangle of ones: cumulative sums are slow
        in XLA.
        """
        ops = native.ops
        masses = ops.softmax(values, axis=-1) + EPSILON
        before = ops.matmul(masses, ops.convert_to_tensor(self._triangle))
        passed = ops.clip((share[..., None] - before) / masses, 0.0, 1.0)
        return ops.sum(passed, axis=-1) / self.bins

    def share_below(self, values: Any, played: Any) -> Any:
        """See `ExpressiveHeads`."""
        masses = ops.softmax(values, axis=-1) + EPSILON
        starts = ops.arange(self.bins, dtype="float32") / self.bins
        passed = ops.clip((played[..., None] - starts) * self.bins, 0.0, 1.0)
        return ops.sum(masses * passed, axis=-1)

    def mean(self, values: Any) -> Any:
        """See `ExpressiveHeads`."""
        centres = (ops.arange(self.bins, dtype="float32") + 0.5) / self.bins
        return ops.sum(ops.softmax(values, axis=-1) * centres, axis=-1)
