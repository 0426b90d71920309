"""The number of parameters of a model, computed without building it."""

import itertools
from collections.abc import Sequence

from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.models.config import Architecture
from keras_musicvae.models.heads import make_heads
from keras_musicvae.models.known import KNOWN_PATHS
from keras_musicvae.models.prior import BLOCKS, FREQUENCIES


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
    total += _flow(a)
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
    width = (1 + a.bars_back) * NUM_FEATURES + z + path.decoder + a.plan_dim
    if a.bars_back:
        width += a.steps_per_bar + a.num_bars
    heads = make_heads(a.heads)
    total += _stacked(width, a.decoder_units)
    seen = (1 + a.bars_back) * NUM_FEATURES if a.bars_back else 0
    total += _dense(a.decoder_units[-1] + seen, heads.output_dim) + heads.num_weights
    return total + 1


def _flow(a: Architecture) -> int:
    if not a.prior_units:
        return 0
    read = a.latent_dim + 2 * FREQUENCIES + a.condition_dim
    widths = [read, *[a.prior_units] * (1 + BLOCKS), a.latent_dim]
    layers = sum(_dense(i, o) for i, o in itertools.pairwise(widths))
    return layers + 2 * a.latent_dim


def _bidirectional(inputs: int, units: Sequence[int]) -> int:
    widths = [inputs, *(2 * n for n in units)]
    return 2 * sum(_lstm(width, n) for width, n in zip(widths, units, strict=False))


def _stacked(inputs: int, units: Sequence[int]) -> int:
    return sum(_lstm(w, n) for w, n in zip([inputs, *units], units, strict=False))


def _lstm(inputs: int, units: int) -> int:
    return 4 * units * (inputs + units + 1)


def _dense(inputs: int, outputs: int) -> int:
    return (inputs + 1) * outputs
