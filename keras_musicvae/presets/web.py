"""Presets on any web server: the files of a folder, fetched one by one.

They are kept under `$KERAS_HOME/models` (default `~/.keras/models`), in a folder
whose name comes from the address. A preset that is there already is used without
asking the server again; delete the folder to fetch it anew.
"""

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keras_musicvae import __version__
from keras_musicvae.datasets.download import PublishedFile, fetch
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
from keras_musicvae.progress import showing

TIMEOUT = 10.0
"""Seconds without an answer after which a server counts as dead."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ATTEMPTS = 3
_SLOWEST_METADATA = 30.0  # seconds that the small first file may take in all
_PIECE = 1 << 14


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
    _check_address(address)
    folder = models_cache() / _folder_name(address, metadata_sha256)
    metadata = _cached_metadata(folder, metadata_sha256)
    if metadata is None:
        url = _file_url(address, METADATA)
        content = _fetch_small(url, timeout)
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
            _fetch_shown(file, folder, timeout)
    return folder


def _fetch_shown(file: PublishedFile, folder: Path, timeout: float) -> None:
    """Fetches a file; the one that takes its time shows how far it is."""
    shown = file.name == WEIGHTS and not (folder / file.name).exists()
    with showing(file.url, file.size, "bytes", verbose=shown) as display:
        fetch(
            file,
            folder,
            timeout=timeout,
            progress=lambda done, _: display.update(done),
        )


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or not address.isascii() or re.search(r"[\s\x00-\x1f]", address):
        raise PresetFormatError(
            "A preset on the web is an address such as "
            f"https://example.org/presets/groove_4bar. Received: preset={address!r}"
        )
    if parts.scheme.lower() != "https" and host not in _LOOPBACK:
        raise PresetFormatError(
            "A preset is fetched over https:// only (http:// is for servers on this "
            f"machine). Received: preset={address!r}"
        )


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


def _fetch_small(url: str, timeout: float) -> bytes:
    """The content of a small file whose size and hash nothing announces yet."""
    request = urllib.request.Request(
        url,
        headers={
            "User-Agent": f"keras-musicvae/{__version__}",
            "Accept-Encoding": "identity",
        },
    )
    problem = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(0.5 * attempt)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                _check_address(response.geturl())  # No redirect to plain http.
                return _read_small(response, url)
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (403, 404, 410):
                    raise PresetFileError(
                        f"`{METADATA}` doesn't exist in the preset at {url} "
                        f"(the server answered {error.code}). Check the address: it "
                        f"is that of the folder, without `{METADATA}`."
                    ) from None
                problem = f"the server answered {error.code} {error.reason}"
        except urllib.error.URLError as error:
            # Nobody there: asking again would only make the user wait.
            raise _unreachable(url, str(error.reason)) from error
        except TimeoutError as error:
            raise _unreachable(url, "no answer in time") from error
        except (OSError, http.client.HTTPException) as error:
            problem = str(error) or type(error).__name__
    raise _unreachable(url, f"{problem}; tried {_ATTEMPTS} times")


def _read_small(response: http.client.HTTPResponse, url: str) -> bytes:
    content = bytearray()
    deadline = time.monotonic() + _SLOWEST_METADATA
    while piece := response.read1(_PIECE):
        content += piece
        if len(content) > MAX_JSON_BYTES:
            raise PresetFormatError(
                f"The file at {url} is too large: at most {MAX_JSON_BYTES} bytes."
            )
        if time.monotonic() > deadline:
            raise TimeoutError
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and len(content) < int(announced):
        raise ConnectionError(f"the connection was cut after {len(content)} bytes")
    return bytes(content)


def _unreachable(url: str, problem: str) -> DownloadError:
    return DownloadError(
        f"Cannot fetch {url}: {problem}. Check the network (a proxy is taken from "
        f"HTTPS_PROXY); nothing is in the cache ({models_cache()}). Without a network, "
        "use a packaged preset (`keras-musicvae presets`) or a local folder."
    )
