"""Which presets the weights of a model come from, and on what terms.

A model from a preset remembers it; what is made of the model (fine-tuned or not) says
so in its metadata and its card, with the licences and the data to be credited.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from keras_musicvae.presets.checks import shorten
from keras_musicvae.presets.folder import PresetFolder

Parents = tuple[Mapping[str, str], ...]
"""Presets, the nearest first, each with the keys `name`, `license` and `dataset`."""

_FIELDS = ("name", "license", "dataset")
_MAX_PARENTS = 16


def parents_of(folder: PresetFolder) -> Parents:
    """The parents of a model that is loaded from a preset: it, and its own parents.

    Args:
        folder: The preset; what it says may be a stranger's.

    Returns:
        At most 16 presets. The name of a folder is the end of its path.
    """
    metadata, label = folder.metadata, folder.label
    name = label if "://" in label else "/".join(PurePath(label).parts[-2:])
    training = metadata.get("training")
    dataset = training.get("dataset") if isinstance(training, dict) else None
    this = {**metadata, "name": name, "dataset": dataset}
    earlier = metadata.get("parents")
    entries = [this, *(earlier if isinstance(earlier, list) else [])]
    return tuple(
        {field: _line(entry.get(field)) for field in _FIELDS}
        for entry in entries[:_MAX_PARENTS]
        if isinstance(entry, dict)
    )


def _line(value: Any) -> str:
    return shorten(" ".join(value.split()), 300) if isinstance(value, str) else ""
