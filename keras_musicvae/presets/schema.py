"""What `metadata.json` and the frame of the other JSON files may say.

The same rules hold for files of strangers and for our own. Names of modules and
classes in the files are compared with ours, never imported. Nothing here imports
Keras. The model's own arguments are checked in `model_config`.
"""

from collections.abc import Mapping
from typing import Any

from keras_musicvae.errors import ForeignPresetError, FuturePresetError
from keras_musicvae.presets.checks import check_fields, shown
from keras_musicvae.rules import Rule, integer, mapping, text

#: The format that this version writes, and the latest that it reads.
FORMAT_VERSION = 1

#: Far above any drum model; keeps a stranger's file from filling the memory.
MAX_PARAMETERS = 100_000_000

#: Far above any weight that training gives; far below what overflows in a product.
MAX_WEIGHT = 1e6

PREPROCESSOR_TYPE = "keras_musicvae>GrooveConverter"

#: Eight bytes a parameter, and room for HDF5's own structures.
MAX_WEIGHTS_BYTES = 8 * MAX_PARAMETERS + (1 << 24)

_SHA256 = text("[0-9a-f]{64}", "a SHA-256 of 64 hexadecimal digits in lower case")
_FILE_NAME = text(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", "a plain file name")

# The four keys of a serialised Keras object, as KerasHub writes them.
_OBJECT_KEYS = ("module", "class_name", "config", "registered_name")

_METADATA_FIELDS: Mapping[str, Rule] = {
    "format_version": integer(1, FORMAT_VERSION),
    "keras_musicvae_version": text(r"[0-9A-Za-z.+-]{1,40}", "a version such as 1.0.0"),
    "parameter_count": integer(1, MAX_PARAMETERS),
    "sha256": mapping(_FILE_NAME, _SHA256, 16),
    "size": mapping(_FILE_NAME, integer(0, MAX_WEIGHTS_BYTES), 16),
}


def check_metadata(document: Mapping[str, Any], where: str) -> None:
    """Checks what `metadata.json` says.

    Args:
        document: The parsed file.
        where: Its place, for messages.

    Raises:
        ForeignPresetError: It is not from `keras_musicvae`.
        FuturePresetError: A later version wrote it.
        PresetFormatError: A key is missing or its value not allowed.
    """
    if "keras_musicvae_version" not in document:
        raise ForeignPresetError(
            f"{where} was not written by keras_musicvae: the key "
            "`keras_musicvae_version` is missing. "
            + _hint_at_owner(str(document.get("keras_hub_version") and "keras_hub"))
        )
    version = document.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise FuturePresetError(
            f"{where} has format {version}, saved by keras_musicvae "
            f"{shown(document['keras_musicvae_version'])}; this version reads formats "
            f"up to {FORMAT_VERSION}. Update: pip install --upgrade keras-musicvae"
        )
    # Keys without a meaning for loading may be added freely (`training`...).
    check_fields(document, _METADATA_FIELDS, where, extra=True)


def check_object(document: Mapping[str, Any], where: str) -> None:
    """Checks that a file holds a serialised Keras object of this package or a user's.

    Raises:
        ForeignPresetError: It holds something else, or an object of another package.
    """
    name = document.get("registered_name")
    if set(document) != set(_OBJECT_KEYS) or not isinstance(name, str):
        raise ForeignPresetError(
            f"Unrecognized format for {where}: it must have exactly the keys "
            f"{', '.join(_OBJECT_KEYS)}. Received: {shown(dict(document))}. "
            "Use the folder that `model.save_to_preset(folder)` wrote."
        )
    owner = name.partition(">")[0]
    if owner in ("keras_hub", "keras_nlp", "keras"):
        raise ForeignPresetError(
            f"{where} holds `{shown(name)}`, not a model of keras_musicvae. "
            + _hint_at_owner(owner)
        )


def _hint_at_owner(owner: str) -> str:
    if owner in ("keras_hub", "keras_nlp"):
        return "It is a KerasHub preset: load it with `keras_hub`."
    return "Use a folder that `model.save_to_preset(folder)` wrote."
