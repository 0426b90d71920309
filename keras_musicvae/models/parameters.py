"""The number of parameters of a model, computed without building it."""

from collections.abc import Sequence

from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.models.config import Architecture
from keras_musicvae.models.heads import make_heads


def count_parameters(architecture: Architecture) -> int:
    """What `model.count_params()` gives: the weights, and the counter of steps.

    Example:
        >>> count_parameters(Architecture(conductor_units=None))
        4085020
    """
    a = architecture
    frame, controls = NUM_FEATURES, a.control_dim
    # Encoder, and the two projections to the mean and the deviation of z.
    total = _bidirectional(frame + controls, a.encoder_units)
    summary = 2 * a.encoder_units[-1]
    if a.hierarchical_encoder:
        total += _bidirectional(summary, a.encoder_units)
    if a.encoder_skip:
        summary += a.num_steps * (frame + controls)
    total += 2 * _dense(summary, a.latent_dim)
    total += a.prior_components * a.latent_dim
    if a.plan_dim:
        total += _dense(a.latent_dim, a.num_steps * a.plan_dim)
    # Conductor: what it gives takes the place of z in the note decoder.
    z, state = a.latent_dim, 2 * sum(a.decoder_units)
    if a.conductor_units is not None:
        width = state + z if a.conductor_autoregressive else 1
        total += _dense(z, 2 * sum(a.conductor_units))
        total += _stacked(width, a.conductor_units)
        z = a.conductor_units[-1]
    total += _dense(z, state)
    total += _stacked(frame + z + controls + a.plan_dim, a.decoder_units)
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
