"""Draws from noise that is given: what the heads have in common."""

import math
from dataclasses import dataclass
from typing import Any

from keras_musicvae.backends import native


@dataclass(frozen=True)
class Draws:
    """How heads draw.

    Attributes:
        hit_threshold: Probability above which there is a hit at temperature 0.
        hit_temperature: What the temperature is multiplied by for hits,
        velocity_temperature: for velocities,
        timing_temperature: and for offsets.
    """

    hit_threshold: float = 0.5
    hit_temperature: float = 1.0
    velocity_temperature: float = 1.0
    timing_temperature: float = 1.0

    @property
    def middle(self) -> float:
        """The logit of the threshold."""
        return math.log(self.hit_threshold / (1.0 - self.hit_threshold))


def hit_thresholds(logit_noise: Any, temperature: Any, settings: Draws) -> Any:
    """The logits above which there is a hit.

    u < sigmoid(logit)  <=>  logit > log(u / (1 - u)), drawn towards the threshold's.

    Args:
        logit_noise: (..., num_drums), `logit` of uniform noise.
        temperature: Scalar.
        settings: How the heads draw.
    """
    temperature = temperature * settings.hit_temperature
    return temperature * logit_noise + (1.0 - temperature) * settings.middle


def hit_noise(
    logits: Any, hits: Any, chance: Any, temperature: Any, settings: Draws
) -> Any:
    """Noise by which `draw_hits` draws these hits and rests.

    Args:
        logits: (..., num_drums).
        hits: (..., num_drums), 0 or 1.
        chance: (..., num_drums), uniform in (0, 1): where in the interval of all such
            noise.
        temperature: Scalar above 0.
        settings: How the heads draw.

    Returns:
        (..., num_drums), uniform in (0, 1) if the hits are the model's own.
    """
    ops = native.ops
    temperature = temperature * settings.hit_temperature
    share = ops.sigmoid((logits - (1.0 - temperature) * settings.middle) / temperature)
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


def expressive_thresholds(noise: Any, temperature: Any, settings: Draws) -> Any:
    """What draws compare outputs with, of all steps at once.

    Args:
        noise: (..., 27), uniform in (0, 1).
        temperature: Scalar; at 0 velocities and offsets are the medians.
        settings: How the heads draw.

    Returns:
        (..., 27): the logits above which there is a hit, and the shares of their
        distributions that lie below velocities and offsets.
    """
    ops = native.ops
    hits, velocities, offsets = ops.split(logit(noise), 3, axis=-1)
    return ops.concatenate(
        [
            hit_thresholds(hits, temperature, settings),
            ops.sigmoid(temperature * settings.velocity_temperature * velocities),
            ops.sigmoid(temperature * settings.timing_temperature * offsets),
        ],
        axis=-1,
    )


def expressive_noise(
    logits: Any, hits: Any, shares: Any, chance: Any, temperature: Any, settings: Draws
) -> Any:
    """The noise of which `expressive_thresholds` makes what draws given frames.

    Args:
        logits: (..., 9), of the hits.
        hits: (..., 9), 0 or 1.
        shares: (..., 18), of their distributions, below velocities and offsets.
        chance: (..., 27), uniform in (0, 1): which of all such noise, where hits and
            rests leave it open.
        temperature: Scalar above 0.
        settings: How the heads draw.

    Returns:
        (..., 27), in (0, 1).
    """
    ops = native.ops
    for_hits, for_velocities, for_offsets = ops.split(chance, 3, axis=-1)
    loud, late = ops.split(shares, 2, axis=-1)
    velocity_scale = temperature * settings.velocity_temperature
    timing_scale = temperature * settings.timing_temperature
    return ops.concatenate(
        [
            hit_noise(logits, hits, for_hits, temperature, settings),
            value_noise(loud, hits, for_velocities, velocity_scale),
            value_noise(late, hits, for_offsets, timing_scale),
        ],
        axis=-1,
    )
