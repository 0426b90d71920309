"""Fetches files over HTTP: resumed after a cut, verified, renamed when complete.

The bytes of a file go to `NAME.partial` beside the target. A cut connection is resumed
with an HTTP range, after a pause that doubles; an interrupted program goes on where it
stopped. The target appears only once size and SHA-256 are those that were published.

A server is a stranger. It may be slow, but not slower than `SLOWEST` for longer than
`GRACE`, whatever it sends: headers, answers to continue, or a body. It may redirect to
another place on itself, or to another public server over https, and nowhere else.
"""

import contextlib
import functools
import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from keras_musicvae import __version__
from keras_musicvae.errors import ChecksumError, DownloadError, OutputError, plain
from keras_musicvae.files import (
    exclusive_lock,
    make_folder,
    reason,
    sha256_of,
)
from keras_musicvae.progress import Progress, showing

TIMEOUT = 10.0
"""Seconds without a byte (or without an answer to connect) that end an attempt."""

RETRIES = 4
"""Attempts after the first one; the count restarts whenever 64 KiB have arrived."""

GRACE = 30.0
"""Seconds that a download may take beyond its size divided by `SLOWEST`."""

SLOWEST = 8192
"""Bytes per second; a server that is slower for `GRACE` seconds is given up."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PAUSE = 0.5  # seconds before the first retry; doubles with each
_LONGEST_PAUSE = 8.0
_FRESH_START = 1 << 16  # bytes that prove that a retry is worth more retries
_PIECE = 1 << 14


class Patience:
    """How long to go on with a server, in one command that may fetch several files.

    It lasts `GRACE` seconds, and longer with each byte of a body that arrives, but
    never more than `GRACE` from now.
    """

    def __init__(self) -> None:
        self._end = time.monotonic() + GRACE

    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    def arrived(self, num_bytes: int) -> None:
        """Counts bytes of a body."""
        latest = time.monotonic() + GRACE
        self._end = min(self._end + num_bytes / SLOWEST, latest)


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


def is_secure(address: str) -> bool:
    """Whether an address is well formed, and `https://` or `http://localhost`."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or not address.isascii() or re.search(r"[\x00-\x20]", address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def fetch(
    file: PublishedFile,
    folder: Path,
    *,
    url: str | None = None,
    timeout: float = TIMEOUT,
    retries: int = RETRIES,
    patience: Patience | None = None,
    verbose: bool = False,
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
        patience: That of a command which fetches several files. Defaults to a new one.
        verbose: Show progress on stderr. Defaults to False.

    Returns:
        The path of the verified file.

    Raises:
        DownloadError: no network, a dead or slow server, a refusal, a redirect to a
            place that is not allowed, too many broken attempts.
        ChecksumError: the server sent another file than the published one.
        OutputError: the folder cannot be written.
    """
    url = url or file.url
    if not re.match("https?://", url, re.IGNORECASE):
        raise DownloadError(
            f"A download needs an http:// or https:// address. Received: {url!r}. "
            "Give a file on this machine as a path instead."
        )
    make_folder(folder)
    target, partial = folder / file.name, folder / f"{file.name}.partial"
    if is_published(target, file):
        return target
    lock = folder / f".{file.name}.lock"
    try:
        with exclusive_lock(lock, wait=True):
            if not is_published(target, file):
                server = _Server(timeout, patience or Patience())
                label = f"Downloading {file.name}"
                with showing(label, file.size, "bytes", verbose=verbose) as display:
                    _Download(file, url, partial, server, retries, display).run()
                partial.replace(target)
        # Only now: whoever still waits for the lock finds the file published.
        lock.unlink(missing_ok=True)
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


def fetch_small(
    url: str, *, limit: int, timeout: float = TIMEOUT, patience: Patience | None = None
) -> bytes | None:
    """The content of a small file whose size nothing announces.

    Args:
        url: Its address.
        limit: Bytes that it may have; of a longer one, `limit + 1` bytes are read.
        timeout: Seconds without a byte that end an attempt. Defaults to 10.
        patience: That of a command which fetches several files. Defaults to a new one.

    Returns:
        The content; None if the server has no such file.

    Raises:
        DownloadError: as for `fetch`.
    """
    server = _Server(timeout, patience or Patience())
    failures = 0
    while True:
        try:
            with server.get(url) as response:
                if response.status in (403, 404, 410):
                    return None
                server.check_status(response, url)
                content = bytearray()
                for piece in server.body(response):
                    content += piece
                    if len(content) > limit:
                        return bytes(content[: limit + 1])
                if len(content) < (_length(response) or 0):
                    raise _Interrupted("the connection was cut")
                return bytes(content)
        except _Interrupted as error:
            failures = _after_pause(failures, 2, server.patience, url, error)


def announced(
    url: str, *, timeout: float = TIMEOUT, patience: Patience | None = None
) -> tuple[int | None, http.client.HTTPMessage]:
    """Asks for a file, and reads no more than its headers.

    Returns:
        The size of the file, None if the server does not say; the headers.

    Raises:
        DownloadError: as for `fetch`.
    """
    server = _Server(timeout, patience or Patience())
    try:
        with server.get(url) as response:
            server.check_status(response, url)
            return _length(response), response.headers
    except _Interrupted as error:
        raise DownloadError(f"Cannot fetch {url}: {error}. {_otherwise()}") from error


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
    server: "_Server"
    retries: int
    display: Progress
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
                    f"{_otherwise()}"
                )
            again = self.spliced = False

    def _complete(self) -> None:
        """Fetches until the partial file has the published size."""
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
                place = f"{self.url}, with {self._size()} of {self.file.size} bytes"
                failures = _after_pause(
                    failures, self.retries, self.server.patience, place, error
                )

    def _attempt(self, start: int) -> None:
        """One request, from byte `start` on; appends the body to the partial file."""
        ranges = {"Range": f"bytes={start}-"} if start else {}
        with self.server.get(self.url, ranges) as response:
            if response.status == 416:  # our range makes no sense: start over
                self._truncate()
                raise _Interrupted("the server refused to resume")
            self.server.check_status(response, self.url)
            if response.status == 206:
                # Bytes at another place than we asked for would be spliced in silently.
                place = response.headers.get("Content-Range", "")
                if not place.startswith(f"bytes {start}-"):
                    self._truncate()
                    raise _Interrupted("the server sent another range than requested")
                self.spliced = True
            elif start:  # the server ignores ranges
                self._truncate()
                start = 0
            length = _length(response)
            if length is not None and start + length != self.file.size:
                raise self._too_long(f"{start + length} bytes, expected")
            self._receive(response, start)

    def _receive(self, response: http.client.HTTPResponse, start: int) -> None:
        size = start
        with self.partial.open("ab") as output:
            for piece in self.server.body(response):
                size += len(piece)
                if size > self.file.size:
                    output.close()
                    self._truncate()
                    raise self._too_long("more than")
                output.write(piece)
                self.display.update(size)
        if size < self.file.size:
            raise _Interrupted(
                f"the connection was cut after {size} of {self.file.size} bytes"
            )

    def _too_long(self, received: str) -> ChecksumError:
        return ChecksumError(
            f"The file at {self.url} is not the published {self.file.name}: it has "
            f"{received} {self.file.size} bytes. {_otherwise()}"
        )

    def _size(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _truncate(self) -> None:
        with self.partial.open("wb"):
            pass


# --- HTTP ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Server:
    """Sends requests, each within the timeout and what is left of the patience."""

    timeout: float
    patience: Patience

    @contextlib.contextmanager
    def get(
        self, url: str, headers: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Sends a request and follows redirects; any other answer is yielded."""
        for _ in range(_MAX_REDIRECTS):
            with contextlib.closing(self._send(url, headers or {})) as response:
                if response.status not in _REDIRECTS:
                    yield response
                    return
                url = _redirected(url, response.headers.get("Location", ""))
        raise DownloadError(
            f"{url}: more than {_MAX_REDIRECTS} redirects. {_otherwise()}"
        )

    def _send(self, url: str, headers: dict[str, str]) -> Any:
        headers = {
            "User-Agent": f"keras-musicvae/{__version__}",
            "Accept-Encoding": "identity",
            **headers,
        }
        # Only these two: nothing follows redirects, or opens files or ftp.
        opener = urllib.request.OpenerDirector()
        opener.add_handler(urllib.request.ProxyHandler())
        opener.add_handler(_Web(self))
        try:
            request = urllib.request.Request(url, headers=headers)
            return opener.open(request, timeout=self.seconds())
        except (OSError, ValueError, http.client.HTTPException) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            if isinstance(cause, (ConnectionResetError, http.client.HTTPException)):
                raise _Interrupted(_network_reason(cause)) from error
            raise DownloadError(
                f"Cannot reach {_shown(urlsplit(url))} to download {url[:200]}: "
                f"{_network_reason(cause)}. {_otherwise()}"
            ) from error

    def seconds(self) -> float:
        """For how long to wait for the next byte.

        Raises:
            TimeoutError: The patience is at its end.
        """
        left = self.patience.left()
        if left <= 0:
            raise _TooSlow(
                f"the server is too slow (less than {SLOWEST} bytes per second)"
            )
        return min(self.timeout, left)

    def check_status(self, response: http.client.HTTPResponse, url: str) -> None:
        """Raises for an answer that is not the file."""
        status = f"{response.status} {plain(response.reason[:80])}"
        if response.status in (408, 425, 429) or response.status >= 500:
            raise _Interrupted(f"the server answered {status}")
        if response.status not in (200, 206):
            raise DownloadError(f"The server refused {url}: {status}. {_otherwise()}")

    def body(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """The body in pieces."""
        while True:
            try:
                piece = response.read1(_PIECE)
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise _Interrupted(_network_reason(error)) from error
            if not piece:
                return
            self.patience.arrived(len(piece))
            yield piece


class _TooSlow(TimeoutError):
    """The patience is at its end."""


class _Web(urllib.request.HTTPHandler):
    """Opens http:// and https:// with answers that are read with patience."""

    https_request = urllib.request.HTTPHandler.http_request

    def __init__(self, server: _Server) -> None:
        super().__init__()
        self._server = server

    def http_open(self, request: urllib.request.Request) -> Any:
        return self._open(http.client.HTTPConnection, request)

    def https_open(self, request: urllib.request.Request) -> Any:
        return self._open(http.client.HTTPSConnection, request)

    def _open(self, kind: Any, request: urllib.request.Request) -> Any:
        def connect(host: str, **options: Any) -> Any:
            connection = kind(host, **options)
            connection.response_class = functools.partial(_Response, self._server)
            return connection

        return self.do_open(connect, request)  # type: ignore[arg-type]


class _Response(http.client.HTTPResponse):
    """An answer of which every read, of its headers too, has a limited time."""

    def __init__(self, server: _Server, sock: socket.socket, *args: Any, **kw: Any):
        super().__init__(sock, *args, **kw)
        self.fp = io.BufferedReader(_Patient(self.fp.detach(), sock, server))


class _Patient(io.RawIOBase):
    def __init__(self, raw: Any, sock: socket.socket, server: _Server) -> None:
        self._raw, self._sock, self._server = raw, sock, server

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._server.seconds())
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            self._server.seconds()  # says so if the patience is at its end
            raise

    def close(self) -> None:
        self._raw.close()
        super().close()


def _redirected(url: str, location: str) -> str:
    """The address of a redirect, if it is allowed."""
    try:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        same = (old.scheme, old.netloc) == (new.scheme, new.netloc)
        public = new.scheme == "https" and not _is_local(new.hostname or "localhost")
        if location and (same or (public and not _is_local(old.hostname or ""))):
            return target
    except ValueError:
        pass
    raise DownloadError(
        f"{url} redirects to {location[:200]!r}. Followed are redirects on the same "
        "server, and to another public server over https://. If you trust the other "
        "address, give it in place of this one."
    )


def _is_local(host: str) -> bool:
    """Whether a name or an address is of this machine or of a private network."""
    with contextlib.suppress(ValueError):
        return not ipaddress.ip_address(host).is_global
    return host == "localhost" or host.endswith(".localhost")


def _length(response: http.client.HTTPResponse) -> int | None:
    """The announced size of a body."""
    length = response.headers.get("Content-Length", "")
    return int(length) if re.fullmatch("[0-9]{1,18}", length) else None


def _after_pause(
    failures: int, retries: int, patience: Patience, place: str, error: Exception
) -> int:
    """Waits after a broken attempt and counts it, or gives up."""
    failures += 1
    pause = min(_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
    if failures > retries or pause > patience.left():
        raise DownloadError(
            f"Gave up on {place}, after {failures} broken attempts: {error}. "
            f"What has arrived is kept. {_otherwise()}"
        ) from error
    time.sleep(pause)
    return failures


def _network_reason(cause: object) -> str:
    if isinstance(cause, _TooSlow):
        return str(cause)
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, socket.gaierror):
        return "the name cannot be resolved (no network?)"
    if isinstance(cause, ssl.SSLError):
        return f"the secure connection failed ({cause.reason or cause})"
    if isinstance(cause, OSError):
        return reason(cause)
    return plain(str(cause)[:200]) or type(cause).__name__


def _shown(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _otherwise() -> str:
    return (
        "Check the network (a proxy is taken from HTTPS_PROXY), or fetch the file in "
        "another way and give its path in place of the download."
    )
