"""Checks `config.json` before a model is built from it.

The limits of each argument are those of `models/config.py`; added are what JSON may
hold besides, and a bound on the number of parameters, which is computed without
building anything.
"""

from typing import Any

from keras_musicvae.errors import ConfigError, PresetFormatError
from keras_musicvae.models.config import ARGUMENTS, configure, to_json
from keras_musicvae.models.parameters import count_parameters
from keras_musicvae.presets.checks import check_fields, shorten
from keras_musicvae.presets.schema import MAX_PARAMETERS
from keras_musicvae.rules import Rule, choice, flag, text

_DTYPES = "float32 bfloat16 float16 float64 mixed_bfloat16 mixed_float16".split()


_POLICY = {"module": "keras", "class_name": "DTypePolicy", "registered_name": None}
_SERIALIZED = [{**_POLICY, "config": {"name": name}} for name in _DTYPES]

# What every Keras layer has. The dtype is a name, or a policy as Keras serializes it.
_LAYER_FIELDS: dict[str, Rule] = {
    "name": text(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", "a name of 1 to 64 characters"),
    "trainable": flag(),
    "dtype": (choice([*_DTYPES, *_SERIALIZED])[0], choice(_DTYPES)[1]),
}
_CHECKED_LATER: Rule = (lambda value: value, "")  # by `models/config.py`


def check_model_config(config: object, where: str) -> dict[str, Any]:
    """Checks the `config` of a model.

    Args:
        config: The value of the key `config` in `config.json`. Arguments that it lacks,
            because an earlier version wrote it, have their defaults.
        where: The file's place, for messages.

    Returns:
        All the constructor's arguments, of plain types, within their limits; and
        `name`, `trainable`. The dtype is left to the caller.

    Raises:
        PresetFormatError: A key is unknown or missing, a value not allowed, or the
            model would be too large.
    """
    known = {**_LAYER_FIELDS, **dict.fromkeys(ARGUMENTS, _CHECKED_LATER)}
    defaults = {name: item.default for name, item in ARGUMENTS.items()}
    config = {**defaults, **config} if isinstance(config, dict) else config
    config = check_fields(config, known, where)
    try:
        parts = configure({name: config[name] for name in ARGUMENTS})
    except ConfigError as error:
        raise PresetFormatError(f"{where} is not allowed: {shorten(error)}") from None
    count = count_parameters(parts[0])
    if count > MAX_PARAMETERS:
        raise PresetFormatError(
            f"{where} describes a model of {count:,} parameters; at most "
            f"{MAX_PARAMETERS:,} are accepted."
        )
    layer = {name: config[name] for name in ("name", "trainable")}
    return {**to_json(*parts), **layer}
