"""Checks of JSON objects by the rules of `rules.py`, and values in messages.

Rules only look at values: they import nothing that a file names, and call nothing.
"""

import reprlib
from collections.abc import Mapping
from typing import Any

from keras_musicvae.errors import PresetFormatError
from keras_musicvae.rules import Rule

_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother, _REPR.maxlong = 3, 80, 80, 80
_REPR.maxdict = _REPR.maxlist = _REPR.maxtuple = 8


def check_fields(
    values: object, fields: Mapping[str, Rule], where: str, *, extra: bool = False
) -> dict[str, Any]:
    """Checks the keys and the values of a JSON object.

    Args:
        values: The object.
        fields: The rule of each key; every key must be there.
        where: The object's place, for messages.
        extra: Whether keys without a rule may be there too.

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
    for key, (check, allowed) in fields.items():
        if key not in values:
            raise PresetFormatError(f"{where} lacks the key `{key}`.")
        try:
            check(values[key])
        except (TypeError, ValueError, ArithmeticError):
            raise PresetFormatError(
                f"`{key}` of {where} must be {allowed}. Received: {shown(values[key])}."
            ) from None
    return values


def shown(value: object) -> str:
    """A value as a message shows it: short, whatever a stranger wrote."""
    return shorten(_REPR.repr(value), 80)


def shorten(text: object, length: int = 400) -> str:
    """A text, cut if it is longer than `length` characters."""
    full = str(text)
    return full if len(full) <= length else full[:length] + "..."
