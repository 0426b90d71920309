"""Fetches a Magenta checkpoint from the web, once, into the cache.

    https://.../groovae_4bar.tar     one archive
    https://.../tap2drum_4bar        a Magenta.js folder, file by file

They are kept under `$KERAS_HOME/models` (default `~/.keras/models`), in a folder
named after the address. Magenta publishes no checksums; Google's storage states the
CRC-32C of each file in its answer, and that one is verified.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google_crc32c

from keras_musicvae.download import (
    TIMEOUT,
    Patience,
    PublishedFile,
    announced,
    fetch,
    fetch_small,
    is_secure,
)
from keras_musicvae.errors import CheckpointError, ChecksumError, DownloadError
from keras_musicvae.files import make_folder, replacing
from keras_musicvae.magenta.files import MAX_BYTES, MAX_FILES, is_archive
from keras_musicvae.magenta.tfjs import (
    CONFIG_FILE,
    MANIFEST_FILE,
    MAX_JSON_BYTES,
    shard_paths,
)
from keras_musicvae.presets.web import models_cache


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
    if not is_secure(address) or _name(address) in ("", ".", ".."):
        raise CheckpointError(
            "A checkpoint on the web is an address such as "
            "https://storage.googleapis.com/magentadata/models/music_vae/checkpoints/"
            "groovae_4bar.tar (http:// is for servers on this machine). "
            f"Received: {address!r}"
        )
    parts = urlsplit(address)
    parts = parts._replace(path=parts.path.rstrip("/"), fragment="")
    name = _name(address)
    digest = hashlib.sha256(parts.geturl().encode()).hexdigest()[:16]
    folder = models_cache() / f"magenta-{digest}"
    fetcher = _Fetcher(timeout, verbose)
    if is_archive(Path(name)):
        return fetcher.file(parts.geturl(), folder)

    def beside(file: str) -> str:
        return parts._replace(path=f"{parts.path}/{file}").geturl()

    folder = folder / name
    manifest_path = folder / MANIFEST_FILE
    if not manifest_path.is_file():
        manifest = fetcher.json(beside(MANIFEST_FILE))
        shards = shard_paths(manifest, beside(MANIFEST_FILE))
        if len(shards) > MAX_FILES:
            raise CheckpointError(f"{address} has more than {MAX_FILES} files.")
        for shard in shards:
            fetcher.file(beside(shard), folder)
        _save(folder / CONFIG_FILE, fetcher.json(beside(CONFIG_FILE)))
        # Last: a folder with a manifest is complete.
        _save(manifest_path, manifest)
    return folder


def _name(address: str) -> str:
    return urlsplit(address).path.rstrip("/").rpartition("/")[2]


class _Fetcher:
    """Fetches the files of one checkpoint."""

    def __init__(self, timeout: float, verbose: bool) -> None:
        self._limits: dict[str, Any] = {"timeout": timeout, "patience": Patience()}
        self._verbose = verbose

    def file(self, url: str, folder: Path) -> Path:
        """A file whose size the server announces."""
        name = _name(url)
        target = folder / name
        if target.is_file():
            return target
        try:
            size, headers = announced(url, **self._limits)
        except DownloadError as error:
            raise _elsewhere(error) from error
        if size is None or size > MAX_BYTES:
            raise CheckpointError(
                f"{url} must announce its size, at most {MAX_BYTES:,} bytes. "
                f"Received: {size}"
            )
        # Fetched beside its place, so that no file with a wrong checksum stands there.
        file = PublishedFile(name, url, size, None)
        arriving = folder / "arriving"
        path = fetch(file, arriving, verbose=self._verbose, **self._limits)
        try:
            _check_crc(path, headers.get("x-goog-hash", ""), url)
            path.replace(target)
        finally:
            path.unlink(missing_ok=True)
        return target

    def json(self, url: str) -> bytes:
        """A small file, whose size the server need not announce."""
        try:
            content = fetch_small(url, limit=MAX_JSON_BYTES, **self._limits)
        except DownloadError as error:
            raise _elsewhere(error) from error
        if content is None:
            raise _elsewhere(f"{url} does not exist.")
        if len(content) > MAX_JSON_BYTES:
            raise CheckpointError(f"{url} has more than {MAX_JSON_BYTES:,} bytes.")
        return content


def _elsewhere(problem: object) -> DownloadError:
    return DownloadError(
        f"{problem} docs/magenta_checkpoints.md lists the official addresses."
    )


def _check_crc(path: Path, announced: str, url: str) -> None:
    """Compares with Google's header, `crc32c=BASE64,md5=BASE64`; others have none."""
    stated = [item[7:] for item in announced.split(",") if item.startswith("crc32c=")]
    if not stated:
        return
    received = base64.b64encode(
        google_crc32c.Checksum(path.read_bytes()).digest()
    ).decode()
    if received != stated[0]:
        raise ChecksumError(
            f"The file from {url} was damaged on its way: its CRC-32C must be "
            f"{stated[0]}. Received: {received}. Try again."
        )


def _save(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
