import contextlib
import hashlib
import socket
import threading
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from loopback import Behaviour, serve

from keras_musicvae import download
from keras_musicvae.download import PublishedFile, announced, fetch, fetch_small
from keras_musicvae.errors import ChecksumError, DownloadError, OutputError

DATA = bytes(range(256)) * 1500  # 384,000 bytes
FILE = PublishedFile(
    name="data.bin",
    url="http://192.0.2.1/unused",
    size=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(download, "_PAUSE", 0.01)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fetch_from(behaviour: Behaviour, folder: Path, **options: object) -> Path:
    with serve(behaviour) as url:
        return fetch(FILE, folder, url=url, **options)


def test_a_complete_download_is_kept_and_not_repeated(tmp_path, monkeypatch):
    behaviour = Behaviour(DATA)
    seen = []
    display = SimpleNamespace(update=seen.append)
    monkeypatch.setattr(
        download, "showing", lambda *a, **k: contextlib.nullcontext(display)
    )
    with serve(behaviour) as url:
        path = fetch(FILE, tmp_path / "cache", url=url)
        assert path == tmp_path / "cache" / "data.bin"
        assert path.read_bytes() == DATA
        assert seen[-1] == len(DATA)
        assert fetch(FILE, tmp_path / "cache", url=url) == path
    assert behaviour.requests == [None]
    assert names(path.parent) == ["data.bin"]


def test_a_damaged_copy_is_replaced(tmp_path):
    (tmp_path / "data.bin").write_bytes(DATA[:-1] + b"?")
    assert fetch_from(Behaviour(DATA), tmp_path).read_bytes() == DATA


def test_cut_connections_are_resumed_where_they_broke(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.cut_after = 100_000
    assert fetch_from(behaviour, tmp_path).read_bytes() == DATA
    assert behaviour.requests == [
        None,
        "bytes=100000-",
        "bytes=200000-",
        "bytes=300000-",
    ]


def test_many_cuts_are_survived_as_long_as_bytes_arrive(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.cut_after = 70_000
    assert fetch_from(behaviour, tmp_path, retries=1).read_bytes() == DATA


def test_a_server_without_ranges_starts_over(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.ranges = False
    behaviour.cut_after, behaviour.cuts = 100_000, 2
    assert fetch_from(behaviour, tmp_path).read_bytes() == DATA
    assert len(behaviour.requests) == 3


def test_a_server_that_never_gets_through_is_given_up(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.cut_after = 10
    with pytest.raises(DownloadError, match=r"after 3 broken attempts.*384000 bytes"):
        fetch_from(behaviour, tmp_path, retries=2)
    assert not (tmp_path / "data.bin").exists()
    assert (tmp_path / "data.bin.partial").read_bytes() == DATA[:30]


def test_the_next_run_goes_on_from_the_partial_file(tmp_path):
    (tmp_path / "data.bin.partial").write_bytes(DATA[:200_000])
    behaviour = Behaviour(DATA)
    assert fetch_from(behaviour, tmp_path).read_bytes() == DATA
    assert behaviour.requests == ["bytes=200000-"]


@pytest.mark.parametrize("size", [200_000, len(DATA), len(DATA) + 5])
def test_a_damaged_partial_file_costs_one_fresh_start(tmp_path, size):
    (tmp_path / "data.bin.partial").write_bytes(b"\1" * size)
    behaviour = Behaviour(DATA)
    assert fetch_from(behaviour, tmp_path).read_bytes() == DATA
    assert behaviour.requests[-1] is None


def test_wrong_bytes_of_the_right_length(tmp_path):
    behaviour = Behaviour(DATA[:-1] + b"?")
    with pytest.raises(ChecksumError, match=r"SHA-256 is \w{64}, expected \w{64}"):
        fetch_from(behaviour, tmp_path)
    assert names(tmp_path) == [".data.bin.lock"]
    assert len(behaviour.requests) == 1


@pytest.mark.parametrize("announce", [True, False])
def test_a_longer_file_is_not_read_to_its_end(tmp_path, announce):
    behaviour = Behaviour(DATA * 20)
    behaviour.announce_length = announce
    with pytest.raises(ChecksumError, match="384000"):
        fetch_from(behaviour, tmp_path)
    assert names(tmp_path) == [".data.bin.lock"]


def test_a_page_in_place_of_the_file(tmp_path):
    with pytest.raises(ChecksumError, match="it has 13 bytes, expected 384000"):
        fetch_from(Behaviour(b"<html></html>"), tmp_path)


def test_a_server_that_sends_another_range(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.cut_after, behaviour.cuts = 100_000, 1
    behaviour.wrong_range = True
    assert fetch_from(behaviour, tmp_path).read_bytes() == DATA
    assert behaviour.requests == [None, "bytes=100000-", None]


def test_missing_on_the_server(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.status = [404]
    with pytest.raises(DownloadError, match=r"404 Not Found.*give its path"):
        fetch_from(behaviour, tmp_path)
    assert len(behaviour.requests) == 1


def test_an_overloaded_server_is_asked_again(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.status = [503, 429, 500]
    assert fetch_from(behaviour, tmp_path).read_bytes() == DATA


def test_a_slow_server_is_waited_for(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.pause = 0.1
    assert fetch_from(behaviour, tmp_path, timeout=0.5).read_bytes() == DATA
    assert behaviour.requests == [None]


def test_a_silent_server_ends_the_attempt(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.stall_after = 1000
    started = time.monotonic()
    with pytest.raises(DownloadError, match="no answer in time"):
        fetch_from(behaviour, tmp_path, timeout=0.2, retries=1)
    assert time.monotonic() - started < 10


def test_a_dripping_server_ends_the_attempt(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "GRACE", 0.3)
    monkeypatch.setattr(download, "SLOWEST", 10**7)
    behaviour = Behaviour(DATA)
    behaviour.pause = 0.15
    with pytest.raises(DownloadError, match="too slow"):
        fetch_from(behaviour, tmp_path, retries=0)


def test_a_dead_network_fails_at_once(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(DownloadError, match=r"Cannot reach 127.0.0.1.*refused"):
        fetch(FILE, tmp_path, url=f"http://127.0.0.1:{port}/x")
    assert time.monotonic() - started < 10
    assert names(tmp_path) == [".data.bin.lock"]


def test_an_unknown_host_fails_at_once(tmp_path, monkeypatch):
    def no_network(*args, **options):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(DownloadError, match=r"storage.example .*cannot be resolved"):
        fetch(FILE, tmp_path, url="https://storage.example/x")


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://x/y", "data.bin"])
def test_only_web_addresses(tmp_path, url):
    with pytest.raises(DownloadError, match="http"):
        fetch(FILE, tmp_path, url=url)


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot create the folder"):
        fetch(FILE, tmp_path / "file" / "cache", url="http://127.0.0.1:9/x")


def test_two_processes_at_once_download_once(tmp_path):
    behaviour = Behaviour(DATA)
    behaviour.pause = 0.02
    with serve(behaviour) as url:
        threads = [
            threading.Thread(target=fetch, args=(FILE, tmp_path), kwargs={"url": url})
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert behaviour.requests == [None]
    assert (tmp_path / "data.bin").read_bytes() == DATA


# --- Strangers: raw answers, sent slowly or endlessly ---------------------------


@contextlib.contextmanager
def speaking(say):
    """A server that calls `say(connection, number of the request)`; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests = []

    def serve_all():
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                requests.append(connection.recv(4096))
                threading.Thread(
                    target=say_and_close, args=(connection,), daemon=True
                ).start()

    def say_and_close(connection):
        with contextlib.suppress(OSError), connection:
            say(connection)

    threading.Thread(target=serve_all, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def repeating(start: bytes, piece: bytes, pause: float):
    def say(connection):
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return say


OK = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "a header byte now and then": repeating(OK + b"X-Long: ", b"x", 0.02),
    "headers": repeating(OK, b"X: y\r\n", 0.02),
    "continue, slowly": repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02),
    "continue, fast": repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500, 0),
    "a body byte now and then": repeating(OK + b"\r\n", b"x", 0.02),
    "chunks": repeating(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.02
    ),
    "a chunk's length": repeating(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0", 0.02
    ),
    "the end of chunks": repeating(
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n", 0.001
    ),
}


@pytest.mark.parametrize("say", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("kind", ["file", "small", "size"])
def test_an_endless_answer_has_a_deadline(tmp_path, monkeypatch, say, kind):
    monkeypatch.setattr(download, "GRACE", 0.4)
    started = time.monotonic()
    tracemalloc.start()
    with speaking(say) as (url, _), contextlib.suppress(DownloadError):
        if kind == "file":
            fetch(FILE, tmp_path, url=url)
        elif kind == "small":
            fetch_small(url, limit=1 << 20)
        else:
            announced(url)
    assert time.monotonic() - started < 4
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    assert not (tmp_path / "data.bin").exists()


@pytest.mark.parametrize("length", ["9" * 5000, "\xb2", "-1", "x", "1e9", " "])
def test_an_impossible_length(tmp_path, length):
    answer = OK + f"Content-Length: {length}\r\n\r\n".encode("latin-1") + DATA
    with speaking(lambda connection: connection.sendall(answer)) as (url, _):
        assert announced(url)[0] is None
        with contextlib.suppress(DownloadError):
            assert fetch(FILE, tmp_path, url=url, retries=0).read_bytes() == DATA


@pytest.mark.parametrize(
    "answer",
    [b"\x1b[2J" * 9000, b"HTTP/1.1 \x1b[2J\r\n\r\n", b"HTTP/1.1 500 \x1b[2J\r\n\r\n"],
)
def test_the_words_of_a_server_reach_no_terminal(tmp_path, answer):
    with speaking(lambda connection: connection.sendall(answer)) as (url, _):
        with pytest.raises(DownloadError, match=r"\\x1b\[2J") as caught:
            fetch(FILE, tmp_path, url=url, retries=0)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "ftp://127.0.0.1:{other}/x",
        "file:///etc/hosts",
        "http://127.0.0.1:{other}/x",
        "http://localhost:{port}/x",
        "http://example.org/x",
        "https://127.0.0.1:{other}/x",
        "//127.0.0.1:{other}/x",
        "http://[::1/x",
        "",
    ],
)
def test_a_redirect_elsewhere_is_not_followed(tmp_path, status, location):
    def say(connection):
        target = location.format(other=urlsplit(other).port, port=port)
        head = f"HTTP/1.1 {status} Found\r\nLocation: {target}\r\n\r\n"
        connection.sendall(head.encode())

    with speaking(lambda connection: None) as (other, asked), speaking(say) as (url, _):
        port = urlsplit(url).port
        with pytest.raises(DownloadError, match="redirects to"):
            fetch(FILE, tmp_path, url=url)
        with pytest.raises(DownloadError, match="redirects to"):
            fetch_small(url, limit=100)
        assert asked == []


def test_a_redirect_on_the_same_server_is_followed_and_its_body_is_not_read(tmp_path):
    answers = [
        b"HTTP/1.1 302 Found\r\nLocation: /y\r\n\r\n" + b"z" * 100_000,
        OK + b"\r\n" + DATA,
    ]
    with speaking(lambda line: line.sendall(answers.pop(0))) as (url, asked):
        assert fetch(FILE, tmp_path, url=url).read_bytes() == DATA
    assert [request.split()[1] for request in asked] == [b"/x", b"/y"]


def test_redirects_in_a_circle(tmp_path):
    circle = b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"
    with speaking(lambda connection: connection.sendall(circle)) as (url, asked):
        with pytest.raises(DownloadError, match="more than 5 redirects"):
            fetch(FILE, tmp_path, url=url)
    assert len(asked) == 5


def test_a_public_server_may_redirect_to_another_one():
    redirected = download._redirected
    assert redirected("https://a.org/x", "https://b.org/y") == "https://b.org/y"
    for bad in ("https://10.0.0.1/", "https://[fd00::1]/", "https://localhost/"):
        with pytest.raises(DownloadError, match="redirects to"):
            redirected("https://a.org/x", bad)
