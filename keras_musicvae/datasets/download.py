"""Fetches a published file: resumed after a cut, verified, renamed when complete.

The bytes go to `NAME.partial` beside the target. A cut connection is resumed with
an HTTP range, after a pause that doubles; an interrupted program goes on where it
stopped. The target appears only once size and SHA-256 are those that were published.
"""

import contextlib
import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from keras_musicvae import __version__
from keras_musicvae.errors import ChecksumError, DownloadError, OutputError
from keras_musicvae.files import (
    exclusive_lock,
    make_folder,
    reason,
    sha256_of,
)

Progress = Callable[[int, int], None]
"""Called with (bytes on disk, bytes in all) as a download goes on."""

TIMEOUT = 10.0
"""Seconds without a byte (or without an answer to connect) that end an attempt."""

RETRIES = 4
"""Attempts after the first one; the count restarts whenever 64 KiB have arrived."""

_PAUSE = 0.5  # seconds before the first retry; doubles with each
_LONGEST_PAUSE = 8.0
_FRESH_START = 1 << 16  # bytes that prove that a retry is worth more retries
_PIECE = 1 << 14
# A server that drips is as good as dead: below this rate an attempt ends.
_SLOWEST = 256  # bytes per second, averaged over a period
_PERIOD = 20.0


@dataclass(frozen=True)
class PublishedFile:
    """A file on the web that never changes.

    Attributes:
        name: Its name on disk.
        url: Where it is published (http or https).
        size: Bytes.
        sha256: 64 hexadecimal digits; None if the publisher states none, then only
            the size is verified.
    """

    name: str
    url: str
    size: int
    sha256: str | None


def fetch(
    file: PublishedFile,
    folder: Path,
    *,
    url: str | None = None,
    timeout: float = TIMEOUT,
    retries: int = RETRIES,
    progress: Progress | None = None,
) -> Path:
    """Downloads a file unless a verified copy is there already.

    Args:
        file: What to fetch; its size and SHA-256 are checked whatever the `url`.
        folder: Where to keep it; created if missing. Two processes may call this
            at once: the second waits for the first.
        url: A mirror to use in place of `file.url`.
        timeout: Seconds without a byte that end an attempt. Defaults to 10.
        retries: Attempts after a first one that broke off. A network that cannot be
            reached at all is not tried again. Defaults to 4.
        progress: Called with (bytes on disk, bytes in all).

    Returns:
        The path of the verified file.

    Raises:
        DownloadError: no network, a dead server, a refusal, too many broken attempts.
        ChecksumError: the server sent another file than the published one.
        OutputError: the folder cannot be written.
    """
    url = url or file.url
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(
            f"A download needs an http:// or https:// address. Received: {url!r}. "
            "Give a file on this machine as a path instead."
        )
    make_folder(folder)
    target = folder / file.name
    partial = folder / f"{file.name}.partial"
    if is_published(target, file):
        return target
    try:
        with exclusive_lock(partial, wait=True):
            if not is_published(target, file):
                job = _Download(file, url, partial, timeout, retries, progress)
                job.run()
                partial.replace(target)
            return target
    except (DownloadError, ChecksumError):
        # Keep what can be resumed, but do not litter the cache with empty files.
        if partial.exists() and not partial.stat().st_size:
            partial.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise OutputError(
            f"Cannot write {partial}: {reason(error)}. "
            "Set KERAS_HOME to a folder that can be written."
        ) from error


def is_published(path: Path, file: PublishedFile) -> bool:
    """Whether `path` exists and has the size and SHA-256 of the published file."""
    return (
        path.is_file()
        and path.stat().st_size == file.size
        and file.sha256 in (None, sha256_of(path))
    )


class _Interrupted(Exception):
    """The attempt broke off in a way that another attempt may mend."""


@dataclass
class _Download:
    file: PublishedFile
    url: str
    partial: Path
    timeout: float
    retries: int
    progress: Progress | None
    spliced: bool = False  # the partial file holds pieces of several answers

    def run(self) -> None:
        """Fills `partial` until it is the published file."""
        again = True
        while True:
            # A complete partial file of an earlier run is verified, not trusted.
            self.spliced = self.spliced or (again and self._size() > 0)
            self._complete()
            digest = sha256_of(self.partial)
            if self.file.sha256 in (None, digest):
                return
            self._truncate()
            if not (self.spliced and again):
                raise ChecksumError(
                    f"The file at {self.url} is not the published {self.file.name}: "
                    f"its SHA-256 is {digest}, expected {self.file.sha256}. "
                    f"{_by_hand()}"
                )
            # Pieces of several answers may not fit: once more, from zero.
            self.spliced = again = False

    def _complete(self) -> None:
        failures = 0
        while (before := self._size()) != self.file.size:
            if before > self.file.size:
                self._truncate()
                before = 0
            try:
                self._attempt(before)
            except _Interrupted as error:
                if self._size() - before >= _FRESH_START:
                    failures = 0
                failures += 1
                if failures > self.retries:
                    raise DownloadError(
                        f"Gave up on {self.url} after {failures} broken attempts, with "
                        f"{self._size()} of {self.file.size} bytes: {error}. "
                        f"The same command goes on from there. {_by_hand()}"
                    ) from error
                time.sleep(min(_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE))

    def _attempt(self, start: int) -> None:
        """One request, from byte `start` on."""
        headers = {
            "User-Agent": f"keras-musicvae/{__version__}",
            "Accept-Encoding": "identity",
        }
        if start:
            headers["Range"] = f"bytes={start}-"
        request = urllib.request.Request(self.url, headers=headers)
        try:
            response = urllib.request.urlopen(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            with error:
                self._refused(error)
            return
        except (urllib.error.URLError, OSError, ValueError) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            if isinstance(cause, (ConnectionResetError, http.client.HTTPException)):
                raise _Interrupted(str(cause) or type(cause).__name__) from error
            raise DownloadError(
                f"Cannot reach {urlsplit(self.url).hostname} to download "
                f"{self.file.name}: {_network_reason(cause)}. {_by_hand()}"
            ) from error
        except http.client.HTTPException as error:
            raise _Interrupted(str(error) or type(error).__name__) from error
        with contextlib.closing(response):
            self._receive(response, start)

    def _refused(self, error: urllib.error.HTTPError) -> None:
        if error.code == 416:  # our range makes no sense to the server: start over
            self._truncate()
        elif error.code not in (408, 425, 429) and error.code < 500:
            raise DownloadError(
                f"The server refused {self.url}: {error.code} {error.reason}. "
                f"{_by_hand()}"
            )
        raise _Interrupted(f"the server answered {error.code} {error.reason}")

    def _receive(self, response: http.client.HTTPResponse, start: int) -> None:
        """Appends the body to the partial file."""
        if response.status == 206:
            # Bytes at another place than we asked for would be spliced in silently.
            if not response.headers.get("Content-Range", "").startswith(
                f"bytes {start}-"
            ):
                self._truncate()
                raise _Interrupted("the server sent another range than requested")
            self.spliced = True
        elif start:  # the server ignores ranges
            self._truncate()
            start = 0
        announced = response.headers.get("Content-Length", "")
        if announced.isdigit() and start + int(announced) != self.file.size:
            raise ChecksumError(
                f"The file at {self.url} is not the published {self.file.name}: it has "
                f"{start + int(announced)} bytes, expected {self.file.size}. "
                f"{_by_hand()}"
            )
        size = start
        period_start, period_size = time.monotonic(), size
        with self.partial.open("ab") as output:
            while True:
                try:
                    piece = response.read1(_PIECE)
                except (OSError, http.client.HTTPException) as error:
                    raise _Interrupted(_network_reason(error)) from error
                if not piece:
                    break
                size += len(piece)
                if size > self.file.size:
                    output.close()
                    self._truncate()
                    raise ChecksumError(
                        f"The file at {self.url} is not the published "
                        f"{self.file.name}: it has more than {self.file.size} bytes. "
                        f"{_by_hand()}"
                    )
                output.write(piece)
                if self.progress is not None:
                    self.progress(size, self.file.size)
                elapsed = time.monotonic() - period_start
                if elapsed > _PERIOD:
                    if size - period_size < _SLOWEST * elapsed:
                        raise _Interrupted("the server became too slow")
                    period_start, period_size = time.monotonic(), size
        if size < self.file.size:
            raise _Interrupted(
                f"the connection was cut after {size} of {self.file.size} bytes"
            )

    def _size(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _truncate(self) -> None:
        # Not unlinked: the lock of this download is held on the file.
        with self.partial.open("wb"):
            pass


def _network_reason(cause: object) -> str:
    if isinstance(cause, (socket.timeout, TimeoutError)):
        return "no answer in time"
    if isinstance(cause, socket.gaierror):
        return "the name cannot be resolved (no network?)"
    if isinstance(cause, ssl.SSLError):
        return f"the secure connection failed ({cause.reason or cause})"
    if isinstance(cause, OSError):
        return reason(cause)
    return str(cause) or type(cause).__name__


def _by_hand() -> str:
    return (
        "Check the network (a proxy is taken from HTTPS_PROXY), or fetch the file in "
        "another way and give its path in place of the download."
    )
