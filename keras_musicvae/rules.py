"""What an argument may be: a check, and the same in words.

The configuration of a model, the arguments of the verbs and the options of the commands
are checked by these rules.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import field, fields
from numbers import Integral, Real
from typing import Any

from keras_musicvae.errors import ConfigError

# A check returns the value in its plain type, or raises `TypeError` or `ValueError`.
Rule = tuple[Callable[[Any], Any], str]


def integer(low: int, high: int | None = None) -> Rule:
    """An integer in a range, both ends included; `True` and `False` are none."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise TypeError
        converted = int(value)
        if converted < low or (high is not None and converted > high):
            raise ValueError
        return converted

    return check, f"an integer from {_plain(low)} {_end(high)}"


def number(low: float, high: float | None = None, *, below: bool = False) -> Rule:
    """A finite number in a range, whose end is excluded with `below`."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError
        converted = float(value)
        if not low <= converted < float("inf"):
            raise ValueError
        if high is not None and (converted > high or (below and converted == high)):
            raise ValueError
        return converted

    return check, f"a number from {_plain(low)} {_end(high, below)}"


def choice(allowed: Iterable[Any]) -> Rule:
    """One of some values, most often strings."""
    names = tuple(allowed)

    def check(value: Any) -> Any:
        if value not in names:
            raise ValueError
        return value

    return check, "one of " + ", ".join(map(repr, names))


def flag() -> Rule:
    """A boolean."""

    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError
        return value

    return check, "true or false"


def text(pattern: str, allowed: str) -> Rule:
    """A string that matches `pattern` from end to end."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str:
        if not compiled.fullmatch(value):
            raise ValueError
        return value

    return check, allowed


def mapping(keys: Rule, values: Rule, longest: int) -> Rule:
    """A dictionary of at most `longest` keys; there is a rule for keys and values."""

    def check(value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict) or len(value) > longest:
            raise TypeError
        return {keys[0](key): values[0](item) for key, item in value.items()}

    return check, f"an object of at most {longest} keys, {keys[1]}: {values[1]}"


def optional(rule: Rule) -> Rule:
    """What a rule allows, or None."""
    check, allowed = rule
    return lambda value: None if value is None else check(value), f"{allowed}, or None"


def checked(name: str, rule: Rule, value: Any) -> Any:
    """A value in its plain type.

    Raises:
        ConfigError: The rule does not allow it.
    """
    check, allowed = rule
    try:
        return check(value)
    except (TypeError, ValueError, ArithmeticError):
        raise ConfigError(
            f"`{name}` must be {allowed}. Received: {name}={value!r}"
        ) from None


def argument(default: Any, rule: Rule, text: str) -> Any:
    """A field of a `Checked` dataclass: its default, its range and its meaning."""
    return field(default=default, metadata={"rule": rule, "text": text})


class Checked:
    """Brings the fields of a dataclass to their plain types, or refuses them.

    Raises:
        ConfigError: The value of an `argument` is not allowed.
    """

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            if "rule" not in item.metadata:
                continue
            value = checked(item.name, item.metadata["rule"], getattr(self, item.name))
            object.__setattr__(self, item.name, value)


def _end(high: float | None, below: bool = False) -> str:
    if high is None:
        return "upwards"
    return f"to {'below ' if below else ''}{_plain(high)}"


def _plain(value: float) -> str:
    """A number for people: 3.576, 100,000, 1e+30."""
    if 1e4 <= value < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4g}"
