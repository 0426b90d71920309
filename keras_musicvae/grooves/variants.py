"""What a model is given in place of the performance that it shall produce.

The GrooVAE variants change the INPUT only; the target stays the performance. All
functions take and return frames `(..., steps, 27)` float32 and never change their
argument. Source: Gillick et al., "Learning to Groove with Inverse Sequence
Transformations" (ICML 2019), and `GrooveConverter` of Magenta.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.drum_maps import DRUMS, NUM_DRUMS
from keras_musicvae.grooves.frames import HITS, OFFSETS, VELOCITIES, Frames

VARIANTS = ("humanize", "tap2drum", "infill", "hits_control")
TAP_DRUM = DRUMS.index("open_hihat")
# However loud a note, this share of the dropout rate applies to it.
MIN_DROPOUT_SHARE = 0.2


def apply_variant(
    variant: str | None, frames: npt.ArrayLike, *, drums: Sequence[str] = ()
) -> Frames:
    """The model's input for a performance.

    Args:
        variant: One of `VARIANTS`, or None for the performance itself.
        frames: `(..., steps, 27)`, the performance.
        drums: The drums that `"infill"` takes out.

    Raises:
        ConfigError: An unknown variant or drum.
    """
    check_variant(variant, drums)
    if variant == "humanize":
        return humanize(frames)
    if variant == "tap2drum":
        return tap2drum(frames)
    if variant == "infill":
        return drop_drums(frames, drums)
    return np.array(frames, np.float32)


def humanize(frames: npt.ArrayLike) -> Frames:
    """A quantized score: velocities and offsets zeroed, hits kept."""
    result = np.array(frames, np.float32)
    result[..., HITS.stop :] = 0
    return result


def tap2drum(frames: npt.ArrayLike) -> Frames:
    """One tapped rhythm: in each step the loudest drum's hit and timing.

    They move to the open hi-hat; velocities are zeroed ("tap, fixed velocity"). On a
    tie the first drum in the order of `DRUMS` is taken.
    """
    frames = np.asarray(frames, np.float32)
    loudest = frames[..., VELOCITIES].argmax(-1)[..., None]
    result = np.zeros_like(frames)
    for columns in (HITS, OFFSETS):
        values = np.take_along_axis(frames[..., columns], loudest, -1)
        result[..., columns.start + TAP_DRUM] = values[..., 0]
    return result


def drop_drums(frames: npt.ArrayLike, drums: Sequence[str]) -> Frames:
    """The performance without some drums, for the model to fill in.

    `("closed_hihat",)` is Magenta's "add closed hi-hat".
    """
    check_variant("infill", drums)
    result = np.array(frames, np.float32)
    for drum in drums:
        result[..., DRUMS.index(drum) :: NUM_DRUMS] = 0
    return result


def hits_control(frames: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """The hits of each step, `(..., steps, 9)` bool, that the decoder is told."""
    return np.asarray(frames, np.float32)[..., HITS] > 0.5


def note_dropout(
    frames: npt.ArrayLike, max_rate: float, generator: np.random.Generator
) -> Frames:
    """Takes notes out at random, quiet ones rather than loud ones.

    Each sequence draws a rate p between 0 and `max_rate`; a note of velocity v is
    dropped with the probability p * max(0.2, 1 - v).

    Args:
        frames: `(..., steps, 27)`.
        max_rate: 0 to 1.
        generator: The source of the randomness.

    Raises:
        ConfigError: A rate outside 0 to 1.
    """
    if not 0 <= max_rate <= 1:
        raise ConfigError(f"max_rate must be from 0 to 1. Received: {max_rate!r}")
    result = np.array(frames, np.float32)
    rates = generator.uniform(0, max_rate, (*result.shape[:-2], 1, 1))
    chance = rates * np.maximum(MIN_DROPOUT_SHARE, 1 - result[..., VELOCITIES])
    dropped = generator.random(chance.shape) < chance
    result[np.concatenate([dropped] * 3, axis=-1)] = 0
    return result


def check_variant(variant: str | None, drums: Sequence[str]) -> None:
    """Raises `ConfigError` for an unknown variant or drum."""
    if variant is not None and variant not in VARIANTS:
        raise ConfigError(
            f"variant must be None or one of {', '.join(VARIANTS)}. "
            f"Received: {variant!r}"
        )
    unknown = [drum for drum in drums if drum not in DRUMS]
    if unknown or isinstance(drums, str):
        raise ConfigError(
            f"drums must be a list of {', '.join(DRUMS)}. Received: {drums!r}"
        )
