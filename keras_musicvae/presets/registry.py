"""The published presets: what each is for, where it lies, the SHA-256 of its files.

`registry.json` is data that `tools/build_preset.py` maintains. Each entry has

    metadata   description, params, path (as in KerasHub); bars, purpose, license, size
    handle     where to fetch it (hf://, kaggle://, https://); absent if packaged
    sha256     of every file, kept here, apart from the files that it vouches for
"""

import copy
import difflib
import json
from functools import cache
from pathlib import Path
from typing import Any

from keras_musicvae.errors import UnknownPresetError
from keras_musicvae.presets.folder import PresetFolder

#: Packaged presets are folders beside this module.
PACKAGED_PRESETS = Path(__file__).parent
REGISTRY_FILE = PACKAGED_PRESETS / "registry.json"


def presets() -> dict[str, dict[str, Any]]:
    """The published presets by name; a copy, free to change.

    Example:
        >>> "groove_debug" in presets()
        True
    """
    return copy.deepcopy(_registry())


def is_published(name: str) -> bool:
    """Whether a preset of this name is published."""
    return name in _registry()


def packaged_folder(name: str) -> PresetFolder | None:
    """The folder of a packaged preset with its pins; `None` if it is to be fetched."""
    entry = _registry()[name]
    if "handle" in entry:
        return None
    return PresetFolder(PACKAGED_PRESETS / name, label=name, pins=entry["sha256"])


def unknown_preset(preset: str, caller: str = "MusicVAE") -> UnknownPresetError:
    """The error for an identifier that names nothing, with the closest name."""
    names = list(_registry())
    close = difflib.get_close_matches(preset.lower(), names, n=1, cutoff=0.4)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return UnknownPresetError(
        f"Unknown preset identifier. {hint}A preset must be one of:\n"
        f"1) a built-in preset identifier like {_listed(names)}\n"
        "2) a Kaggle Models handle like "
        "`'kaggle://org/keras-musicvae/keras/groove_4bar'`\n"
        "3) a Hugging Face handle like `'hf://org/groove_4bar'`\n"
        "4) an address like `'https://example.org/presets/groove_4bar'`\n"
        "5) a path to a local preset directory like `'./groove_4bar'`\n"
        f"Use `print({caller}.presets.keys())` or `keras-musicvae presets` to view "
        "the built-in presets.\n"
        f"Received: preset={preset!r}"
    )


@cache
def _registry() -> dict[str, dict[str, Any]]:
    return json.loads(REGISTRY_FILE.read_text(encoding="utf-8"))


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name!r}`" for name in names)
