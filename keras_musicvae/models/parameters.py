"""The number of parameters of a model, computed without building it."""

from collections.abc import Sequence

from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.models.config import Architecture
from keras_musicvae.models.heads import make_heads
from keras_musicvae.models.known import KNOWN_PATHS


def count_parameters(architecture: Architecture) -> int:
    """What `model.count_params()` gives: the weights, and the counter of steps.

    Example:
        >>> count_parameters(Architecture(conductor_units=None))
        4085020
    """
    a = architecture
    path = KNOWN_PATHS[a.known]
    # Encoder, and the two projections to the mean and the deviation of z.
    total = _bidirectional(path.encoder_dim, a.encoder_units)
    summary = 2 * a.encoder_units[-1]
    if a.hierarchical_encoder:
        total += _bidirectional(summary, a.encoder_units)
    if a.encoder_skip:
        summary += a.num_steps * path.encoder_dim
    total += 2 * _dense(summary + a.condition_dim, a.latent_dim)
    total += a.prior_components * a.latent_dim
    if a.plan_dim:
        total += _dense(a.latent_dim + a.condition_dim, a.num_steps * a.plan_dim)
    # Conductor: what it gives takes the place of z in the note decoder.
    z, state = a.latent_dim + a.condition_dim, 2 * sum(a.decoder_units)
    if a.conductor_units is not None:
        width = state + z if a.conductor_autoregressive else 1
        total += _dense(z, 2 * sum(a.conductor_units))
        total += _stacked(width, a.conductor_units)
        z = a.conductor_units[-1]
    total += _dense(z, state)
    width = NUM_FEATURES + z + path.decoder + a.plan_dim
    total += _stacked(width, a.decoder_units)
    total += _dense(a.decoder_units[-1], make_heads(a.heads).output_dim)
    return total + 1


def _bidirectional(inputs: int, units: Sequence[int]) -> int:
    widths = [inputs, *(2 * n for n in units)]
    return 2 * sum(_lstm(width, n) for width, n in zip(widths, units, strict=False))


def _stacked(inputs: int, units: Sequence[int]) -> int:
    return sum(_lstm(w, n) for w, n in zip([inputs, *units], units, strict=False))


def _lstm(inputs: int, units: int) -> int:
    return 4 * units * (inputs + units + 1)


def _dense(inputs: int, outputs: int) -> int:
    return (inputs + 1) * outputs
