"""Checks `config.json` before a model is built from it.

The limits of each argument are those of the constructor (`models/validation.py`);
added are what JSON may hold besides, and a bound on the number of parameters, which
is computed without building anything.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from keras_musicvae.errors import ConfigError, PresetFormatError
from keras_musicvae.models.heads import HEADS
from keras_musicvae.models.validation import CHECKS, check_config
from keras_musicvae.presets.checks import (
    boolean,
    check_fields,
    constant,
    either,
    one_of,
    record,
    shorten,
    text,
)
from keras_musicvae.presets.schema import MAX_PARAMETERS

DTYPES = (
    "float32",
    "bfloat16",
    "float16",
    "float64",
    "mixed_bfloat16",
    "mixed_float16",
)

# What every Keras layer has.
_LAYER_FIELDS = {
    "name": text(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", "a name of 1 to 64 characters"),
    "trainable": boolean(),
    "dtype": either(
        one_of(*DTYPES),
        record(
            {
                "module": constant("keras"),
                "class_name": constant("DTypePolicy"),
                "config": record({"name": one_of(*DTYPES)}),
                "registered_name": constant(None),
            }
        ),
    ),
}


def check_model_config(config: object, cls: type, where: str) -> dict[str, Any]:
    """Checks the `config` of a model.

    Args:
        config: The value of the key `config` in `config.json`.
        cls: The model class; its defaults stand in for arguments that the file lacks
            because an earlier version, which did not know them, wrote it.
        where: The file's place, for messages.

    Returns:
        All the constructor's arguments, of plain types, within their limits; and
        `name`, `trainable`. The dtype is left to the caller.

    Raises:
        PresetFormatError: A key is unknown or missing, a value not allowed, or the
            model would be too large.
    """
    known = {**_LAYER_FIELDS, **dict.fromkeys(CHECKS, _anything)}
    parameters = inspect.signature(cls).parameters
    defaults = {name: parameters[name].default for name in CHECKS if name in parameters}
    config = {**defaults, **config} if isinstance(config, dict) else config
    config = check_fields(config, known, where)
    arguments = _checked_arguments({name: config[name] for name in CHECKS}, where)
    count = count_parameters(arguments)
    if count > MAX_PARAMETERS:
        raise PresetFormatError(
            f"{where} describes a model of {count:,} parameters; at most "
            f"{MAX_PARAMETERS:,} are accepted."
        )
    return {**arguments, "name": config["name"], "trainable": config["trainable"]}


def count_parameters(config: Mapping[str, Any]) -> int:
    """The number of parameters of a `MusicVAE`, computed from its arguments.

    Args:
        config: The arguments, checked.

    Returns:
        What `model.count_params()` gives: the weights, and the counter of steps.
    """
    heads = HEADS[config["heads"]](config["num_drums"])
    frame, controls = 3 * config["num_drums"], config["control_dim"]
    # Encoder, and the two projections to the mean and the deviation of z.
    units = config["encoder_units"]
    total = _bidirectional(frame + controls, units)
    if config["hierarchical_encoder"]:
        total += _bidirectional(2 * units[-1], units)
    steps = config["num_bars"] * config["steps_per_bar"]
    skipped = steps * (frame + controls) if config["encoder_skip"] else 0
    z = config["latent_dim"]
    total += 2 * _dense(2 * units[-1] + skipped, z)
    if config["prior_components"]:
        total += config["prior_components"] * z
    if config["plan_dim"]:
        total += _dense(z, steps * config["plan_dim"])
        controls += config["plan_dim"]
    # Conductor: what it gives takes the place of z in the note decoder.
    notes = config["decoder_units"]
    if config["conductor_units"] is not None:
        conductor = config["conductor_units"]
        width = 2 * sum(notes) + z if config["conductor_autoregressive"] else 1
        total += _dense(z, 2 * sum(conductor)) + _stacked(width, conductor)
        z = conductor[-1]
    total += _dense(z, 2 * sum(notes)) + _stacked(frame + z + controls, notes)
    total += _dense(notes[-1], heads.output_dim)
    return total + 1


def _checked_arguments(arguments: dict[str, Any], where: str) -> dict[str, Any]:
    try:
        return check_config(arguments)
    except ConfigError as error:
        raise PresetFormatError(f"{where} is not allowed: {shorten(error)}") from None
    except ArithmeticError:  # A number too large for any type, such as 1e999.
        raise PresetFormatError(f"{where} has a number that is too large.") from None


def _bidirectional(inputs: int, units: list[int]) -> int:
    widths = [inputs, *(2 * n for n in units)]
    return 2 * sum(_lstm(width, n) for width, n in zip(widths, units, strict=False))


def _stacked(inputs: int, units: list[int]) -> int:
    return sum(_lstm(w, n) for w, n in zip([inputs, *units], units, strict=False))


def _lstm(inputs: int, units: int) -> int:
    return 4 * units * (inputs + units + 1)


def _dense(inputs: int, outputs: int) -> int:
    return (inputs + 1) * outputs


def _anything(value: object) -> None:
    """The constructor's own check follows."""
