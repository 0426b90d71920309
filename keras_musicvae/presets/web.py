"""Presets on any web server: the files of a folder, fetched one by one.

They are kept under `$KERAS_HOME/models` (default `~/.keras/models`), in a folder
whose name comes from the address. A preset that is there already is used without
asking the server again; delete the folder to fetch it anew.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keras_musicvae.download import (
    TIMEOUT,
    Patience,
    PublishedFile,
    fetch,
    fetch_small,
    is_secure,
)
from keras_musicvae.errors import (
    ChecksumError,
    DownloadError,
    PresetFileError,
    PresetFormatError,
)
from keras_musicvae.files import make_folder, replacing
from keras_musicvae.presets.folder import (
    CONFIG,
    MAX_JSON_BYTES,
    METADATA,
    PREPROCESSOR,
    WEIGHTS,
    PresetFolder,
    parse_json,
)
from keras_musicvae.presets.schema import check_metadata


def models_cache() -> Path:
    """The folder where presets from the web are kept: `$KERAS_HOME/models`."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models"


def fetch_from_web(
    address: str,
    *,
    metadata_sha256: str | None = None,
    weights: bool = True,
    timeout: float = TIMEOUT,
) -> Path:
    """Fetches a preset from a web server, or finds it in the cache.

    Every file is checked against the size and SHA-256 in `metadata.json`; interrupted
    downloads are resumed by the next call.

    Args:
        address: `https://host/path`; the files lie at `https://host/path/config.json`
            and so on. `http://` is for servers on this machine only.
        metadata_sha256: The SHA-256 that `metadata.json` must have, if known.
        weights: Whether to fetch the weights too.
        timeout: Seconds without an answer after which the server counts as dead.

    Returns:
        The folder in the cache.

    Raises:
        PresetFormatError: The address is malformed or the metadata not valid.
        PresetFileError: The server has no such preset.
        DownloadError: The server cannot be reached or breaks off again and again.
        ChecksumError: It sent other bytes than those announced.
        OutputError: The cache cannot be written.
    """
    if not is_secure(address):
        raise PresetFormatError(
            "A preset on the web is an address such as "
            "https://example.org/presets/groove_4bar (http:// is for servers on this "
            f"machine). Received: preset={address!r}"
        )
    patience = Patience()
    folder = models_cache() / _folder_name(address, metadata_sha256)
    metadata = _cached_metadata(folder, metadata_sha256)
    if metadata is None:
        url = _file_url(address, METADATA)
        content = _fetch_metadata(url, timeout, patience)
        digest = hashlib.sha256(content).hexdigest()
        if metadata_sha256 not in (None, digest):
            raise ChecksumError(
                f"The file at {url} is not the one that was published: its SHA-256 "
                f"must be {metadata_sha256}. Received: {digest}."
            )
        metadata = parse_json(content, url)
        check_metadata(metadata, url)
        make_folder(folder)
        with replacing(folder / METADATA) as temporary:
            temporary.write_bytes(content)
    for name in (CONFIG, PREPROCESSOR, WEIGHTS) if weights else (CONFIG, PREPROCESSOR):
        file = _published(metadata, address, name)
        if file is not None:
            # The file that takes its time shows how far it is.
            shown = name == WEIGHTS
            fetch(file, folder, timeout=timeout, patience=patience, verbose=shown)
    return folder


def _fetch_metadata(url: str, timeout: float, patience: Patience) -> bytes:
    try:
        content = fetch_small(
            url, limit=MAX_JSON_BYTES, timeout=timeout, patience=patience
        )
    except DownloadError as error:
        raise DownloadError(
            f"{error} Nothing is in the cache ({models_cache()}); without a network, "
            "use a packaged preset (`keras-musicvae presets`) or a local folder."
        ) from error
    if content is None:
        raise PresetFileError(
            f"`{METADATA}` doesn't exist in the preset at {url} (the server answered "
            "404 or the like). Check the address: it is that of the folder, without "
            f"`{METADATA}`."
        )
    if len(content) > MAX_JSON_BYTES:
        raise PresetFormatError(
            f"The file at {url} is too large: at most {MAX_JSON_BYTES} bytes."
        )
    return content


def _folder_name(address: str, metadata_sha256: str | None) -> str:
    """A readable and unique name: the address's last part and a digest of it all."""
    key = f"{address.rstrip('/')}#{metadata_sha256 or ''}"
    last = urlsplit(address).path.rstrip("/").rpartition("/")[2]
    readable = re.sub(r"[^A-Za-z0-9_-]", "_", last)[:40] or "preset"
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _file_url(address: str, name: str) -> str:
    parts = urlsplit(address)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{name}").geturl()


def _cached_metadata(folder: Path, digest: str | None) -> dict[str, Any] | None:
    """The metadata of an earlier download; `None` if absent or damaged."""
    pins = {METADATA: digest} if digest else {}
    try:
        return PresetFolder(folder, label=str(folder), pins=pins).metadata
    except (PresetFileError, PresetFormatError, ChecksumError):
        return None


def _published(
    metadata: dict[str, Any], address: str, name: str
) -> PublishedFile | None:
    sizes, digests = metadata["size"], metadata["sha256"]
    if name not in digests and name == PREPROCESSOR:
        return None
    if name not in digests or name not in sizes:
        raise PresetFormatError(
            f"`{METADATA}` of preset {address!r} lacks the size or SHA-256 of "
            f"`{name}`. Save the preset again with `model.save_to_preset(folder)`."
        )
    if name != WEIGHTS and sizes[name] > MAX_JSON_BYTES:
        raise PresetFormatError(
            f"`{name}` of preset {address!r} is too large: at most {MAX_JSON_BYTES} "
            f"bytes are fetched. Received: {sizes[name]} bytes."
        )
    return PublishedFile(name, _file_url(address, name), sizes[name], digests[name])
