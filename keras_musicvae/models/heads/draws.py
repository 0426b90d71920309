"""Draws from noise that is given: what the heads have in common."""

import math
from typing import Any

from keras_musicvae.backends import native


def draw_hits(logits: Any, temperature: Any, logit_noise: Any, threshold: float) -> Any:
    """1 where there is a hit, else 0.

    u < sigmoid(logit)  <=>  logit > log(u / (1 - u)), drawn towards the threshold's.

    Args:
        logits: (..., num_drums).
        temperature: Scalar.
        logit_noise: (..., num_drums), `logit` of uniform noise.
        threshold: Probability above which there is a hit at temperature 0.
    """
    middle = math.log(threshold / (1.0 - threshold))
    bar = temperature * logit_noise
    if middle:
        bar = bar + (1.0 - temperature) * middle
    return native.ops.cast(logits > bar, logits.dtype)


def logit(noise: Any) -> Any:
    """log(u / (1 - u)) of uniform noise in (0, 1)."""
    return native.ops.log(noise) - native.ops.log(1.0 - noise)
