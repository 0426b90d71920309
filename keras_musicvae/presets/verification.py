"""Verifies all the files of a preset, without building the model."""

from collections.abc import Iterator

from keras_musicvae.errors import MusicVAEError, PresetFormatError
from keras_musicvae.presets.folder import (
    CARD,
    CONFIG,
    METADATA,
    PRESET_FILES,
    WEIGHTS,
    PresetFolder,
)
from keras_musicvae.presets.schema import check_object


def verify(folder: PresetFolder) -> Iterator[tuple[str, MusicVAEError | None]]:
    """Compares the hash of each file and checks the frame of the JSON files.

    Args:
        folder: The preset.

    Yields:
        The name of a file and what is wrong with it; `None` if nothing is.

    Example:
        >>> from keras_musicvae.presets.sources import find_preset
        >>> dict(verify(find_preset("groove_debug")))["config.json"] is None
        True
    """
    problem = _problem(folder, METADATA)
    yield METADATA, problem
    if problem is not None:
        return  # The hashes of the others are in it.
    for name in PRESET_FILES:
        if name != METADATA and _expected(folder, name):
            yield name, _problem(folder, name)
    for path in sorted(folder.path.iterdir()):
        # A clone from a hub has hidden files, which nobody reads.
        if path.name not in PRESET_FILES and not path.name.startswith("."):
            yield (
                path.name,
                PresetFormatError(
                    f"{folder.where(path.name)} is no file of a preset. Remove it."
                ),
            )


def _expected(folder: PresetFolder, name: str) -> bool:
    if name in (CONFIG, WEIGHTS) or folder.has(name) or name in folder.pins:
        return True
    # Presets from a hub come without their card.
    return name != CARD and name in folder.digests


def _problem(folder: PresetFolder, name: str) -> MusicVAEError | None:
    try:
        if name == METADATA:
            _ = folder.metadata
        elif name in (WEIGHTS, CARD):
            folder.verified(name)
        else:
            check_object(folder.read_json(name), folder.where(name))
    except MusicVAEError as error:
        return error
    return None
