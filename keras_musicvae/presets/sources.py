"""From what a user names (a preset's name, a folder, an address) to a folder.

    groove_4bar                       packaged, or published and fetched once
    ./runs/first/preset, ~/presets/x  a folder, read where it is
    hf://org/model[@revision]         Hugging Face           } the extra `[hub]`
    kaggle://org/model/keras/name[/1] Kaggle Models          }
    https://example.org/presets/x     files beside each other on any web server

A remote identifier may end in `#sha256=DIGEST`, the SHA-256 of its `metadata.json`,
which in turn holds those of the other files: then nobody between the two ends can
change anything unnoticed.
"""

import os
import re
from pathlib import Path

from keras_musicvae.errors import PresetFileError, PresetFormatError
from keras_musicvae.files import recover_folder
from keras_musicvae.presets import registry
from keras_musicvae.presets.checks import shorten, shown
from keras_musicvae.presets.folder import METADATA, PresetFolder

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PIN = re.compile(r"sha256=([0-9a-f]{64})")
_REMOTE = ("hf", "kaggle", "https", "http")


def find_preset(
    preset: str | os.PathLike[str], *, weights: bool = True, caller: str = "MusicVAE"
) -> PresetFolder:
    """Finds a preset and fetches it if it lies elsewhere.

    Args:
        preset: A name, a folder or an address, see the top of this module. A
            published name precedes a folder of the same name: write `./name`.
        weights: Whether the weights are needed; else they are not fetched.
        caller: The model class, for messages.

    Returns:
        The folder. Its files are verified as they are read.

    Raises:
        UnknownPresetError: Nothing has this name.
        PresetFileError: The folder or one of its files does not exist.
        PresetFormatError: The identifier is not a string or path, or malformed.
        DownloadError: The server cannot be reached; or `[hub]` is not installed.
        ChecksumError: The server sent other bytes than those published.

    Example:
        >>> find_preset("groove_debug").has("config.json")
        True
    """
    if not isinstance(preset, (str, os.PathLike)):
        raise PresetFormatError(
            "A preset identifier must be a string or a path. "
            f"Received: preset={preset!r}"
        )
    name = os.fspath(preset)
    if not isinstance(name, str) or not name or "\0" in name:
        raise PresetFormatError(
            "A preset identifier must be a string that is not empty. "
            f"Received: preset={preset!r}"
        )
    if isinstance(preset, str):
        if registry.is_published(name):
            return _published(name, weights)
        if scheme := _SCHEME.match(name):
            if scheme[1].lower() not in _REMOTE:
                raise registry.unknown_preset(name, caller)
            return _remote(name, weights)
    try:
        path = Path(name).expanduser()
        if not path.exists():
            recover_folder(path)
        is_folder, is_file = path.is_dir(), path.exists()
    except (OSError, RuntimeError) as error:  # No permission, no such user, too long.
        raise PresetFileError(
            f"The preset {shown(name)} cannot be read: {shorten(error)}."
        ) from None
    if is_folder:
        return PresetFolder(path, label=name)
    if is_file:
        raise PresetFileError(
            f"The preset {name!r} is a file; a preset is a folder. "
            f"Name the folder, perhaps {str(path.parent)!r}."
        )
    if not isinstance(preset, str) or _looks_like_a_path(name):
        raise PresetFileError(
            f"The preset directory {name!r} doesn't exist (looked in {Path.cwd()}). "
            "`keras-musicvae presets` lists the built-in names."
        )
    raise registry.unknown_preset(name, caller)


def _published(name: str, weights: bool) -> PresetFolder:
    packaged = registry.packaged_folder(name)
    if packaged is not None:
        return packaged
    entry = registry.presets()[name]
    folder = _remote(f"{entry['handle']}#sha256={entry['sha256'][METADATA]}", weights)
    return PresetFolder(folder.path, label=name, pins=entry["sha256"])


def _remote(identifier: str, weights: bool) -> PresetFolder:
    from keras_musicvae.presets import hubs, web

    address, _, fragment = identifier.partition("#")
    pin = _PIN.fullmatch(fragment)
    if fragment and not pin:
        raise PresetFormatError(
            "After `#`, a preset's address may have `sha256=` and 64 hexadecimal "
            f"digits. Received: preset={identifier!r}"
        )
    digest = pin[1] if pin else None
    scheme = address.partition(":")[0].lower()
    if scheme == "hf":
        path = hubs.fetch_from_hugging_face(address, weights=weights)
    elif scheme == "kaggle":
        path = hubs.fetch_from_kaggle(address, weights=weights)
    else:
        path = web.fetch_from_web(address, metadata_sha256=digest, weights=weights)
    return PresetFolder(path, label=address, pins={METADATA: digest} if digest else {})


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "~")) or "/" in name or os.sep in name
