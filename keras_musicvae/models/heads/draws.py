"""Draws from noise that is given: what the heads have in common."""

import math
from typing import Any

from keras_musicvae.backends import native
from keras_musicvae.grooves.drum_maps import NUM_DRUMS


def hit_thresholds(logit_noise: Any, temperature: Any, threshold: float) -> Any:
    """The logits above which there is a hit.

    u < sigmoid(logit)  <=>  logit > log(u / (1 - u)), drawn towards the threshold's.

    Args:
        logit_noise: (..., num_drums), `logit` of uniform noise.
        temperature: Scalar.
        threshold: Probability above which there is a hit at temperature 0.
    """
    middle = math.log(threshold / (1.0 - threshold))
    return temperature * logit_noise + (1.0 - temperature) * middle


def hit_noise(
    logits: Any, hits: Any, chance: Any, temperature: Any, threshold: float
) -> Any:
    """Noise by which `draw_hits` draws these hits and rests.

    Args:
        logits: (..., num_drums).
        hits: (..., num_drums), 0 or 1.
        chance: (..., num_drums), uniform in (0, 1): where in the interval of all such
            noise.
        temperature: Scalar above 0.
        threshold: As in `hit_thresholds`.

    Returns:
        (..., num_drums), uniform in (0, 1) if the hits are the model's own.
    """
    ops = native.ops
    middle = math.log(threshold / (1.0 - threshold))
    share = ops.sigmoid((logits - (1.0 - temperature) * middle) / temperature)
    return within(hits * share * chance + (1.0 - hits) * (share + (1 - share) * chance))


def value_noise(shares: Any, needed: Any, chance: Any, temperature: Any) -> Any:
    """Noise by which values are drawn that have these shares below them.

    Args:
        shares: (...), in [0, 1].
        needed: (...), 1 where there is a value, 0 elsewhere.
        chance: (...), uniform in (0, 1), the noise elsewhere.
        temperature: Scalar above 0.
    """
    noise = native.ops.sigmoid(logit(within(shares)) / temperature)
    return within(needed * noise + (1.0 - needed) * chance)


def within(noise: Any) -> Any:
    """Noise inside of (0, 1), where its logit is finite."""
    return native.ops.clip(noise, 1e-6, 1.0 - 1e-6)


def draw_hits(logits: Any, thresholds: Any) -> Any:
    """1 where there is a hit, else 0."""
    return native.ops.cast(logits > thresholds, logits.dtype)


def logit(noise: Any) -> Any:
    """log(u / (1 - u)) of uniform noise in (0, 1)."""
    return native.ops.log(noise) - native.ops.log(1.0 - noise)


def expressive_thresholds(noise: Any, temperature: Any, threshold: float) -> Any:
    """What draws compare outputs with, of all steps at once.

    Args:
        noise: (..., 27), uniform in (0, 1).
        temperature: Scalar; at 0 velocities and offsets are the medians.
        threshold: As in `hit_thresholds`.

    Returns:
        (..., 27): the logits above which there is a hit, and the shares of their
        distributions that lie below velocities and offsets.
    """
    ops = native.ops
    logit_noise = logit(noise)
    hits = hit_thresholds(logit_noise[..., :NUM_DRUMS], temperature, threshold)
    shares = ops.sigmoid(temperature * logit_noise[..., NUM_DRUMS:])
    return ops.concatenate([hits, shares], axis=-1)
