import hashlib
import socket
import threading
import time
from pathlib import Path

import pytest
from loopback import Behaviour, serve

from keras_musicvae.datasets import download
from keras_musicvae.datasets.download import PublishedFile, fetch
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


def fetch_from(behaviour: Behaviour, folder: Path, **options: object) -> Path:
    with serve(behaviour) as url:
        return fetch(FILE, folder, url=url, **options)


def test_a_complete_download_is_kept_and_not_repeated(tmp_path):
    behaviour = Behaviour(DATA)
    seen = []
    with serve(behaviour) as url:
        path = fetch(
            FILE, tmp_path / "cache", url=url, progress=lambda *a: seen.append(a)
        )
        assert path == tmp_path / "cache" / "data.bin"
        assert path.read_bytes() == DATA
        assert seen[-1] == (len(DATA), len(DATA))
        assert fetch(FILE, tmp_path / "cache", url=url) == path
    assert behaviour.requests == [None]
    assert sorted(p.name for p in path.parent.iterdir()) == ["data.bin"]


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
    assert list(tmp_path.iterdir()) == []
    assert len(behaviour.requests) == 1


@pytest.mark.parametrize("announce", [True, False])
def test_a_longer_file_is_not_read_to_its_end(tmp_path, announce):
    behaviour = Behaviour(DATA * 20)
    behaviour.announce_length = announce
    with pytest.raises(ChecksumError, match="384000"):
        fetch_from(behaviour, tmp_path)
    assert list(tmp_path.iterdir()) == []


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
    monkeypatch.setattr(download, "_PERIOD", 0.2)
    monkeypatch.setattr(download, "_SLOWEST", 10**7)
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
    assert list(tmp_path.iterdir()) == []


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
