"""Small checks of JSON values, put together into schemas by `schema`.

A check is a function that returns `None` for a good value and else says what is
allowed. Checks only look at values: they import nothing that a file names, and call
nothing.
"""

import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from keras_musicvae.errors import PresetFormatError

#: Returns what is allowed if the value is not, else `None`.
Check = Callable[[object], str | None]

_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother, _REPR.maxlong = 3, 80, 80, 80
_REPR.maxdict = _REPR.maxlist = _REPR.maxtuple = 8


def integer(low: int, high: int) -> Check:
    """A whole number from `low` to `high`; `True` and `False` are not numbers."""

    def check(value: object) -> str | None:
        if type(value) is int and low <= value <= high:
            return None
        return f"an integer from {low} to {high}"

    return check


def boolean() -> Check:
    """`true` or `false`."""
    return lambda value: None if isinstance(value, bool) else "true or false"


def text(pattern: str, allowed: str) -> Check:
    """A string that matches `pattern` from end to end."""
    compiled = re.compile(pattern)

    def check(value: object) -> str | None:
        if isinstance(value, str) and compiled.fullmatch(value):
            return None
        return allowed

    return check


def mapping_of(keys: Check, values: Check, *, longest: int) -> Check:
    """An object of at most `longest` keys, whose keys and values have checks."""

    def check_mapping(value: object) -> str | None:
        if not isinstance(value, dict) or len(value) > longest:
            return f"an object of at most {longest} keys"
        for key, item in value.items():
            if allowed := keys(key):
                return f"an object with each key {allowed}"
            if allowed := values(item):
                return f"an object with each value {allowed}"
        return None

    return check_mapping


def check_fields(
    values: object, fields: Mapping[str, Check], where: str, *, extra: bool = False
) -> dict[str, Any]:
    """Checks the keys and the values of a JSON object.

    Args:
        values: The object.
        fields: The check of each key; every key must be there.
        where: The object's place, for messages.
        extra: Whether keys without a check may be there too.

    Returns:
        The object itself.

    Raises:
        PresetFormatError: A key is missing or unknown, or a value not allowed.
    """
    if not isinstance(values, dict):
        raise PresetFormatError(
            f"{where} must be a JSON object. Received: {shown(values)}."
        )
    unknown = [] if extra else [key for key in values if key not in fields]
    if unknown:
        raise PresetFormatError(
            f"{where} has a key that this version doesn't know: {shown(unknown[0])}. "
            f"It may have {', '.join(fields)}."
        )
    for key, check in fields.items():
        if key not in values:
            raise PresetFormatError(f"{where} lacks the key `{key}`.")
        if allowed := check(values[key]):
            raise PresetFormatError(
                f"`{key}` of {where} must be {allowed}. Received: {shown(values[key])}."
            )
    return values


def shown(value: object) -> str:
    """A value as a message shows it: short, whatever a stranger wrote."""
    return shorten(_REPR.repr(value), 80)


def shorten(text: object, length: int = 400) -> str:
    """A text, cut if it is longer than `length` characters."""
    full = str(text)
    return full if len(full) <= length else full[:length] + "..."
