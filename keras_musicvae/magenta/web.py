"""Fetches a Magenta checkpoint from the web, once, into the cache.

    https://.../groovae_4bar.tar     one archive
    https://.../tap2drum_4bar        a Magenta.js folder, file by file

They are kept under `$KERAS_HOME/models` (default `~/.keras/models`), in a folder
named after the address. Magenta publishes no checksums; Google's storage states the
CRC-32C of each file in its answer, and that one is verified.
"""

import base64
import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from keras_musicvae import __version__
from keras_musicvae.datasets.download import PublishedFile, fetch
from keras_musicvae.errors import CheckpointError, ChecksumError, DownloadError
from keras_musicvae.files import make_folder, replacing
from keras_musicvae.magenta.crc32c import crc32c
from keras_musicvae.magenta.files import MAX_BYTES, MAX_FILES, is_archive
from keras_musicvae.magenta.tfjs import (
    CONFIG_FILE,
    MANIFEST_FILE,
    MAX_JSON_BYTES,
    shard_paths,
)
from keras_musicvae.presets.web import models_cache
from keras_musicvae.progress import showing

TIMEOUT = 10.0
"""Seconds without an answer after which a server counts as dead."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_address(source: str) -> bool:
    """Whether a source is an address on the web."""
    return source.lower().startswith(("https://", "http://"))


def fetch_checkpoint(
    address: str, *, timeout: float = TIMEOUT, verbose: bool = False
) -> Path:
    """Fetches a checkpoint, or finds it in the cache.

    Args:
        address: `https://` and an archive (`.tar`, `.tgz`) or a Magenta.js folder;
            `http://` is for servers on this machine only.
        timeout: seconds without an answer after which the server counts as dead.
        verbose: whether to show progress on stderr. Defaults to False.

    Returns:
        The archive or folder in the cache, under its own name.

    Raises:
        CheckpointError: the address or the manifest is malformed, or a file too large.
        DownloadError: the server cannot be reached, or refuses.
        ChecksumError: other bytes arrived than the server announced.
        OutputError: the cache cannot be written.
    """
    _check_address(address)
    parts = urlsplit(address)
    parts = parts._replace(path=parts.path.rstrip("/"), fragment="")
    name = parts.path.rpartition("/")[2]
    digest = hashlib.sha256(parts.geturl().encode()).hexdigest()[:16]
    folder = models_cache() / f"magenta-{digest}"
    if is_archive(Path(name)):
        return _fetch_file(parts.geturl(), folder, timeout, verbose)

    def beside(file: str) -> str:
        return parts._replace(path=f"{parts.path}/{file}").geturl()

    folder = folder / name
    manifest_path = folder / MANIFEST_FILE
    if not manifest_path.is_file():
        manifest = _fetch_json(beside(MANIFEST_FILE), timeout)
        shards = shard_paths(manifest, beside(MANIFEST_FILE))
        if len(shards) > MAX_FILES:
            raise CheckpointError(f"{address} has more than {MAX_FILES} files.")
        for shard in shards:
            _fetch_file(beside(shard), folder, timeout, verbose)
        _save(folder / CONFIG_FILE, _fetch_json(beside(CONFIG_FILE), timeout))
        # Last: a folder with a manifest is complete.
        _save(manifest_path, manifest)
    return folder


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        host, name = parts.hostname, parts.path.rstrip("/").rpartition("/")[2]
    except ValueError:
        host = name = None
    if not host or name in (None, "", ".", "..") or not address.isascii():
        raise CheckpointError(
            "A checkpoint on the web is an address such as "
            "https://storage.googleapis.com/magentadata/models/music_vae/checkpoints/"
            f"groovae_4bar.tar. Received: {address!r}"
        )
    if parts.scheme.lower() != "https" and host not in _LOOPBACK:
        raise CheckpointError(
            "A checkpoint is fetched over https:// only (http:// is for servers on "
            f"this machine). Received: {address!r}"
        )


def _fetch_file(url: str, folder: Path, timeout: float, verbose: bool) -> Path:
    name = urlsplit(url).path.rpartition("/")[2]
    target = folder / name
    if target.is_file():
        return target
    with _open(url, timeout) as response:
        length = response.headers.get("Content-Length", "")
        announced = response.headers.get("x-goog-hash", "")
    if not length.isdigit() or int(length) > MAX_BYTES:
        raise CheckpointError(
            f"{url} must announce its size, at most {MAX_BYTES:,} bytes. "
            f"Received: Content-Length={length!r}"
        )
    # Fetched beside its place, so that no file with a wrong checksum ever stands there.
    arriving = folder / "arriving"
    file = PublishedFile(name, url, int(length), None)
    with showing(name, file.size, "bytes", verbose=verbose) as display:
        path = fetch(
            file,
            arriving,
            timeout=timeout,
            progress=lambda done, total: display.update(done),
        )
    try:
        _check_crc(path, announced, url)
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)
    return target


def _check_crc(path: Path, announced: str, url: str) -> None:
    """Compares with Google's header, `crc32c=BASE64,md5=BASE64`; others have none."""
    stated = [item[7:] for item in announced.split(",") if item.startswith("crc32c=")]
    if not stated:
        return
    received = base64.b64encode(crc32c(path.read_bytes()).to_bytes(4, "big")).decode()
    if received != stated[0]:
        raise ChecksumError(
            f"The file from {url} was damaged on its way: its CRC-32C must be "
            f"{stated[0]}. Received: {received}. Try again."
        )


def _fetch_json(url: str, timeout: float) -> bytes:
    """A small file, whose size the server need not announce."""
    with _open(url, timeout) as response:
        try:
            content = response.read(MAX_JSON_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise DownloadError(f"Cannot fetch {url}: {error}.") from error
    if len(content) > MAX_JSON_BYTES:
        raise CheckpointError(f"{url} has more than {MAX_JSON_BYTES:,} bytes.")
    return content


def _open(url: str, timeout: float) -> http.client.HTTPResponse:
    headers = {
        "User-Agent": f"keras-musicvae/{__version__}",
        "Accept-Encoding": "identity",
    }
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=timeout
        )
    except urllib.error.HTTPError as error:
        with error:
            raise DownloadError(
                f"The server refused {url}: {error.code} {error.reason}. "
                "docs/magenta_checkpoints.md lists the official addresses."
            ) from None
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DownloadError(
            f"Cannot fetch {url}: {cause}. Check the network (a proxy is taken from "
            "HTTPS_PROXY), or fetch the file in another way and give its path."
        ) from error
    _check_address(response.geturl())  # No redirect to plain http.
    return response


def _save(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
