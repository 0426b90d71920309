"""A preset as a folder of five files: their names, their hashes, reading them.

Nothing here imports Keras, so that `keras-musicvae presets` starts at once. A file
is read once, up to a limit, and its SHA-256 is compared with the pin that came from
outside of the folder (the registry, a `#sha256=` of an address) or else with the
one in `metadata.json`, which shows whether a folder was copied whole.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from keras_musicvae.errors import (
    ChecksumError,
    OutputError,
    PresetFileError,
    PresetFormatError,
    TruncatedPresetError,
)
from keras_musicvae.files import reason, sha256_of, strict_json
from keras_musicvae.presets.schema import MAX_WEIGHTS_BYTES, check_metadata

CONFIG = "config.json"
PREPROCESSOR = "preprocessor.json"
WEIGHTS = "model.weights.h5"
METADATA = "metadata.json"
CARD = "README.md"

#: The files of a preset; `metadata.json` lists the hashes of the four others.
PRESET_FILES = (CONFIG, PREPROCESSOR, WEIGHTS, METADATA, CARD)

MAX_JSON_BYTES = 1 << 20


@dataclass(frozen=True)
class PresetFolder:
    """A folder that should hold a preset.

    Args:
        path: The folder.
        label: What the user asked for, for messages: a name, a path, an address.
        pins: SHA-256 by file name, from outside of the folder; they take precedence
            over those in `metadata.json`.
    """

    path: Path
    label: str
    pins: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What `metadata.json` holds, validated.

        Raises:
            PresetFileError: There is no such file.
            ChecksumError: It is not the pinned one.
            FuturePresetError: A later version wrote it.
            PresetFormatError: It is not valid.
        """
        document = self.read_json(METADATA)
        check_metadata(document, self.where(METADATA))
        return document

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.path / name).is_file()

    def where(self, name: str) -> str:
        """A file's place, for messages."""
        return f"`{name}` of preset {self.label!r} ({self.path})"

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 that each file must have, by name."""
        return {**self.metadata["sha256"], **self.pins}

    def read_json(self, name: str, *, verify: bool = True) -> dict[str, Any]:
        """Reads and checks one of the JSON files.

        Args:
            name: The file.
            verify: Whether to compare its SHA-256.

        Returns:
            The document, a JSON object.

        Raises:
            PresetFileError: The file is missing.
            TruncatedPresetError: It ends too early.
            ChecksumError: Its SHA-256 is not the expected one.
            PresetFormatError: It is too large or not a JSON object.
        """
        path = self._existing(name)
        with path.open("rb") as file:
            content = file.read(MAX_JSON_BYTES + 1)
        if len(content) > MAX_JSON_BYTES:
            raise PresetFormatError(
                f"{self.where(name)} is too large: at most {MAX_JSON_BYTES} bytes are "
                f"read. Received: {path.stat().st_size} bytes."
            )
        if verify:
            digest = hashlib.sha256(content).hexdigest()
            self._compare(name, len(content), digest)
        return parse_json(content, self.where(name))

    def verified(self, name: str) -> Path:
        """Checks the size and the SHA-256 of a file and returns its path.

        Raises:
            PresetFileError: The file is missing.
            TruncatedPresetError: It is shorter than the published one.
            ChecksumError: Its SHA-256 is not the expected one.
        """
        path = self._existing(name)
        size = path.stat().st_size
        expected = self.metadata["size"].get(name, MAX_WEIGHTS_BYTES)
        if size > expected:  # not read at all
            raise ChecksumError(
                f"{self.where(name)} is not the file that was published: it has {size} "
                f"bytes, at most {expected} are expected. Copy or download the preset "
                "again."
            )
        self._compare(name, size, sha256_of(path))
        return path

    def sha256(self, name: str) -> str:
        """The SHA-256 that a file has, which is what the registry pins."""
        return sha256_of(self._existing(name))

    def _existing(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise PresetFileError(
                f"`{name}` doesn't exist in preset directory `{self.path}`. A preset "
                f"consists of {', '.join(PRESET_FILES)}; copy or download it again."
            )
        return path

    def _compare(self, name: str, size: int, digest: str) -> None:
        """Raises if a file is not the one that the pins or the metadata announce."""
        if name == METADATA:
            if digest != self.pins.get(name, digest):
                raise self._changed(name, size, self.pins[name], digest)
            return
        expected = self.digests.get(name)
        if expected is None:
            raise PresetFormatError(
                f"{self.where(METADATA)} has no SHA-256 of `{name}`. Save the preset "
                "again with `model.save_to_preset(folder)`."
            )
        if digest == expected:
            return
        expected_size = self.metadata["size"].get(name, 0)
        if size < expected_size:
            raise TruncatedPresetError(
                f"{self.where(name)} is cut off: {size} of {expected_size} bytes. "
                "Copy or download the preset again."
            )
        raise self._changed(name, size, expected, digest)

    def _changed(
        self, name: str, size: int, expected: str, digest: str
    ) -> ChecksumError:
        return ChecksumError(
            f"{self.where(name)} is not the file that was published: its SHA-256 must "
            f"be {expected}. Received: {digest} ({size} bytes). Copy or download the "
            "preset again; do not edit its files, but save a changed model with "
            "`model.save_to_preset(folder)`."
        )


def parse_json(content: bytes, where: str) -> dict[str, Any]:
    """Parses a JSON object strictly: UTF-8, no NaN, no key twice.

    Raises:
        TruncatedPresetError: The text starts as an object and does not end as one.
        PresetFormatError: It is not a JSON object.
    """
    text = content.strip()
    if text.startswith(b"{") and not text.endswith(b"}"):
        raise TruncatedPresetError(
            f"{where} is cut off after {len(content)} bytes. "
            "Copy or download the preset again."
        )
    try:
        document = strict_json(text)
    except ValueError as error:
        hint = ""
        if text.startswith(b"version https://git-lfs"):
            hint = " It is a Git LFS pointer: run `git lfs pull`."
        raise PresetFormatError(f"{where} is {error}.{hint}") from None
    if not isinstance(document, dict):
        raise PresetFormatError(
            f"{where} must be a JSON object. Received: {type(document).__name__}."
        )
    return document


def check_replaceable(target: Path) -> None:
    """Checks that saving to a folder replaces nothing but a preset.

    Raises:
        OutputError: It is a file, or holds other files, which would be lost.
    """
    try:
        others = sorted({item.name for item in target.iterdir()} - set(PRESET_FILES))
    except FileNotFoundError:
        return
    except OSError as error:  # A file, no permission, too long a name.
        raise OutputError(
            f"Cannot write the preset {target}: {reason(error)}. Choose another folder."
        ) from error
    if others:
        raise OutputError(
            f"Cannot write the preset {target}: the folder holds other files, such as "
            f"{others[0]!r}, which would be lost. Choose an empty or a new folder."
        )
