"""Names of grooves and of their files: none twice, and safe on every system."""

import os
import re
from collections import Counter
from collections.abc import Iterable

# The suffix and the name of the temporary file need the rest of 255 bytes.
MAX_BYTES = 180

# What Windows, of all systems the strictest, refuses in a name.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def unique_names(names: Iterable[str]) -> list[str]:
    """Names, short enough for files, with a number where one would appear twice.

    Example:
        >>> unique_names(["beat", "fill", "beat"])
        ['beat', 'fill', 'beat_2']
    """
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    unique = []
    for name in names:
        if len(os.fsencode(name)) > MAX_BYTES:
            name = os.fsencode(name)[:MAX_BYTES].decode(errors="ignore")
        # Files of two names that differ in case are one on some systems.
        candidate, key = name, name.lower()
        while candidate.lower() in taken:
            numbers[key] += 1
            candidate = f"{name}_{numbers[key] + 1}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique


def file_names(titles: Iterable[str]) -> list[str]:
    """Names of files, without suffix, for titles that anyone may have written.

    Example:
        >>> file_names(["beat", "a/b", "Beat", ""])
        ['beat', 'a_b', 'Beat_2', 'groove']
    """
    return unique_names(_safe(title) for title in titles)


def _safe(title: str) -> str:
    name = _UNSAFE.sub("_", title).strip(" .") or "groove"
    return f"_{name}" if _DEVICES.match(name) else name
