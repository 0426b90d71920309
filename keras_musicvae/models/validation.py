"""Limits of a model's configuration, checked before anything is built.

Configurations also come from strangers' presets: the limits keep one from asking for
absurd amounts of memory.
"""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from keras_musicvae.errors import ConfigError
from keras_musicvae.models.heads import HEADS
from keras_musicvae.models.schedules import SAMPLING_SCHEDULES

# What every Keras model takes besides.
BASE_ARGUMENTS = ("name", "dtype", "trainable")

MAX_UNITS = 8192
MAX_LAYERS = 8
MAX_STEPS = 4096

Check = Callable[[Any], Any]


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """Checks the arguments of `MusicVAE` and gives them their plain types.

    Args:
        config: Every argument by name.

    Returns:
        The same arguments as integers, floats, booleans, strings and lists.

    Raises:
        ConfigError: An argument is missing, unknown, of the wrong type or out of range.

    Example:
        >>> check_config({"latent_dim": 0})
        Traceback (most recent call last):
        keras_musicvae.errors.ConfigError: ...
    """
    if unknown := sorted(set(config) - set(CHECKS)):
        raise ConfigError(
            f"Unknown model argument(s): {', '.join(unknown)}. "
            f"Allowed: {', '.join(CHECKS)}"
        )
    if missing := sorted(set(CHECKS) - set(config)):
        raise ConfigError(f"Missing model argument(s): {', '.join(missing)}")
    checked = {}
    for name, (check, allowed) in CHECKS.items():
        try:
            checked[name] = check(config[name])
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(
                f"`{name}` must be {allowed}. Received: {name}={config[name]!r}"
            ) from None
    if checked["num_bars"] * checked["steps_per_bar"] > MAX_STEPS:
        raise ConfigError(
            f"`num_bars * steps_per_bar` must be at most {MAX_STEPS}. Received: "
            f"{checked['num_bars']} * {checked['steps_per_bar']}"
        )
    if checked["conductor_autoregressive"] and checked["conductor_units"] is None:
        raise ConfigError(
            "`conductor_autoregressive` needs a conductor. "
            "Received: conductor_units=None"
        )
    if checked["sampling_schedule"] == "inverse_sigmoid":
        if checked["sampling_rate"] < 1:
            raise ConfigError(
                "`sampling_rate` must be at least 1 with the schedule "
                f"'inverse_sigmoid'. Received: {checked['sampling_rate']}"
            )
    elif not 0 <= checked["sampling_rate"] <= 1:
        raise ConfigError(
            "`sampling_rate` must be between 0 and 1 with the schedule "
            f"{checked['sampling_schedule']!r}. Received: {checked['sampling_rate']}"
        )
    elif checked["sampling_schedule"] == "exponential" and not checked["sampling_rate"]:
        raise ConfigError(
            "`sampling_rate` must be above 0 with the schedule 'exponential'."
        )
    return checked


def check_base_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuses arguments of the constructor that nothing knows.

    Raises:
        ConfigError: There is one; the message names the closest.
    """
    for name in arguments:
        if name not in BASE_ARGUMENTS:
            close = difflib.get_close_matches(name, CHECKS, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            raise ConfigError(
                f"Unknown model argument: {name!r}. {hint}Allowed: {', '.join(CHECKS)}"
            )


def _integer(low: int, high: int) -> tuple[Check, str]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or int(value) != value or not low <= value <= high:
            raise ValueError
        return int(value)

    return check, f"an integer from {low} to {high}"


def _number(low: float, high: float, *, below: bool = False) -> tuple[Check, str]:
    def check(value: Any) -> float:
        number = float(value)
        if isinstance(value, bool | str) or not low <= number <= high:
            raise ValueError
        if below and number == high:
            raise ValueError
        return number

    return check, f"a number from {low} to {'below ' if below else ''}{high}"


def _units(value: Any) -> list[int]:
    if isinstance(value, str | bytes) or not 1 <= len(value) <= MAX_LAYERS:
        raise ValueError
    check, _ = _integer(1, MAX_UNITS)
    return [check(units) for units in value]


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _choice(allowed: tuple[str, ...]) -> tuple[Check, str]:
    def check(value: Any) -> str:
        if value not in allowed:
            raise ValueError
        return value

    return check, "one of " + ", ".join(map(repr, allowed))


def _optional(rule: tuple[Check, str]) -> tuple[Check, str]:
    check, allowed = rule
    return lambda value: None if value is None else check(value), f"{allowed}, or None"


_LAYERS = f"a list of 1 to {MAX_LAYERS} integers from 1 to {MAX_UNITS}, one per layer"

# argument -> (check, what is allowed)
CHECKS: dict[str, tuple[Check, str]] = {
    "num_bars": _integer(1, 64),
    "steps_per_bar": _integer(1, 768),
    "num_drums": _integer(1, 64),
    "encoder_units": (_units, _LAYERS),
    "hierarchical_encoder": (_flag, "True or False"),
    "encoder_skip": (_flag, "True or False"),
    "latent_dim": _integer(1, 4096),
    "prior_components": _integer(0, 4096),
    "conductor_units": _optional((_units, _LAYERS)),
    "conductor_autoregressive": (_flag, "True or False"),
    "decoder_units": (_units, _LAYERS),
    "plan_dim": _integer(0, 1024),
    "control_dim": _integer(0, 1024),
    "heads": _choice(tuple(HEADS)),
    "hit_threshold": _number(0.01, 0.99),
    "free_bits": _number(0.0, 1e6),
    "beta": _number(0.0, 1e3),
    "beta_rate": _number(0.0, 1.0, below=True),
    "dropout": _number(0.0, 1.0, below=True),
    "dropout_per_sequence": (_flag, "True or False"),
    "frame_dropout": _number(0.0, 1.0),
    "sampling_schedule": _choice(SAMPLING_SCHEDULES),
    "sampling_rate": _number(0.0, 1e9),
    "gradient_clip_norm": _optional(_number(1e-6, 1e9)),
    "gradient_skip_norm": _optional(_number(1e-6, 1e30)),
    "seed": _integer(0, 2**32 - 1),
}
