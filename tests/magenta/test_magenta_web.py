import base64
import contextlib
import json
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from checkpoint_writers import SMALL, random_weights, write_bundle, write_tfjs
from google_crc32c import value as crc32c

from keras_musicvae.errors import CheckpointError, ChecksumError, DownloadError
from keras_musicvae.magenta import load as load_module
from keras_musicvae.magenta.files import MAX_BYTES
from keras_musicvae.magenta.load import open_magenta
from keras_musicvae.magenta.released import RELEASED, Released
from keras_musicvae.magenta.web import fetch_checkpoint


class Server:
    """Serves files from memory on 127.0.0.1, with Google's checksum header."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.cut: set[str] = set()  # whose connection breaks off once, half-way
        self.requests: list[str] = []
        self.address = ""

    def add(self, path: str, data: bytes, crc: int | None = None) -> None:
        self.files[path] = data
        crc = crc32c(data) if crc is None else crc
        encoded = base64.b64encode(crc.to_bytes(4, "big")).decode()
        self.headers[path] = {"x-goog-hash": f"crc32c={encoded},md5=AAAA=="}


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            state.requests.append(self.path)
            if self.path not in state.files:
                self.send_error(404)
                return
            data, start = state.files[self.path], 0
            if requested := self.headers.get("Range"):
                start = int(requested.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206 if start else 200)
            if start:
                last = len(data) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
            headers = {"Content-Length": str(len(data) - start)}
            for header in (headers | state.headers.get(self.path, {})).items():
                self.send_header(*header)
            self.end_headers()
            end = len(data)
            if self.path in state.cut and len(state.requests) > 1:
                state.cut.remove(self.path)
                end = len(data) // 2
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data[start:end])

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{httpd.server_port}"
    yield state
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def archive(tmp_path) -> bytes:
    write_bundle(tmp_path / "run" / "model.ckpt-7", random_weights(SMALL))
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.add(tmp_path / "run", "run")
    return (tmp_path / "x.tar").read_bytes()


def serve_folder(server: Server, folder, path: str) -> None:
    for file in folder.iterdir():
        server.add(f"{path}/{file.name}", file.read_bytes())


def test_an_archive_is_fetched_once_and_kept(server, archive):
    server.add("/models/groovae_4bar.tar", archive)
    address = f"{server.address}/models/groovae_4bar.tar"
    checkpoint = open_magenta(address)
    assert (checkpoint.num_bars, checkpoint.architecture) == (4, SMALL)
    expected = random_weights(SMALL)
    for name, array in checkpoint.weights.items():
        np.testing.assert_array_equal(array, expected[name])
    seen = len(server.requests)
    path = fetch_checkpoint(address)
    assert len(server.requests) == seen
    assert path.name == "groovae_4bar.tar"
    assert path.read_bytes() == archive


def test_a_browser_folder_is_fetched_file_by_file(server, tmp_path):
    write_tfjs(tmp_path / "js", random_weights(SMALL), converter={"numSteps": 32})
    serve_folder(server, tmp_path / "js", "/js/tap2drum_2bar")
    for address in ("/js/tap2drum_2bar", "/js/tap2drum_2bar/"):
        checkpoint = open_magenta(server.address + address)
        assert (checkpoint.num_bars, checkpoint.released) == (2, "tap2drum_2bar")
    assert server.requests.count("/js/tap2drum_2bar/weights_manifest.json") == 1


def test_a_broken_connection_is_resumed(server, archive):
    server.add("/x.tar", archive)
    server.cut.add("/x.tar")
    path = fetch_checkpoint(f"{server.address}/x.tar")
    assert path.read_bytes() == archive
    assert not server.cut


def test_a_file_damaged_on_its_way_is_not_kept(server, archive, tmp_path):
    server.add("/x.tar", archive, crc=crc32c(archive) ^ 1)
    with pytest.raises(ChecksumError, match="damaged on its way"):
        fetch_checkpoint(f"{server.address}/x.tar")
    assert not list((tmp_path / "home").rglob("x.tar*"))


def test_a_server_without_checksums_is_good_enough(server, archive):
    server.add("/x.tar", archive)
    server.headers.clear()
    assert fetch_checkpoint(f"{server.address}/x.tar").read_bytes() == archive


def test_a_missing_file_is_named(server, tmp_path):
    with pytest.raises(DownloadError, match=r"404.*magenta_checkpoints.md"):
        fetch_checkpoint(f"{server.address}/x.tar")
    write_tfjs(tmp_path / "js", random_weights(SMALL), shard_bytes=1 << 13)
    serve_folder(server, tmp_path / "js", "/js")
    del server.files["/js/group1-shard2of2"]
    with pytest.raises(DownloadError, match="group1-shard2of2"):
        fetch_checkpoint(f"{server.address}/js")
    # What was complete is kept, what was not is asked for again.
    with pytest.raises(DownloadError, match="group1-shard2of2"):
        fetch_checkpoint(f"{server.address}/js")
    assert server.requests.count("/js/group1-shard1of2") == 2


def test_oversized_answers_are_refused_unread(server, archive):
    server.add("/x.tar", archive)
    server.headers["/x.tar"] = {"Content-Length": str(MAX_BYTES + 1)}
    with pytest.raises(CheckpointError, match="announce its size"):
        fetch_checkpoint(f"{server.address}/x.tar")
    server.add("/js/weights_manifest.json", b" " * (2 << 20))
    with pytest.raises(CheckpointError, match="more than"):
        fetch_checkpoint(f"{server.address}/js")


def test_a_manifest_cannot_name_other_files(server, tmp_path):
    manifest = [{"paths": ["../../secret"], "weights": []}]
    server.add("/js/weights_manifest.json", json.dumps(manifest).encode())
    with pytest.raises(CheckpointError, match="leads out of the folder"):
        fetch_checkpoint(f"{server.address}/js")
    assert server.requests == ["/js/weights_manifest.json"]


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/x.tar",
        "https://",
        "https://example.org",
        "https://example.org/..",
        "https://exämple.org/x.tar",
        "https://[::1/x.tar",
    ],
)
def test_malformed_and_insecure_addresses_are_refused(address):
    with pytest.raises(CheckpointError, match="checkpoint"):
        fetch_checkpoint(address)


def test_a_dead_server_fails_fast(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(DownloadError, match="Cannot reach"):
        fetch_checkpoint("http://127.0.0.1:9/x.tar")
    assert time.monotonic() - start < 10


def test_a_released_name_is_fetched_from_its_address(
    server, archive, monkeypatch, tmp_path
):
    server.add("/groovae_4bar.tar", archive)
    entry = Released(4, None, "", python=f"{server.address}/groovae_4bar.tar")
    monkeypatch.setitem(load_module.RELEASED, "groovae_4bar", entry)
    monkeypatch.chdir(tmp_path)
    assert open_magenta("groovae_4bar").released == "groovae_4bar"
    # A file or folder of this name comes first.
    (tmp_path / "groovae_4bar").mkdir()
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        open_magenta("groovae_4bar")


def test_official_addresses_are_secure_and_named_like_their_checkpoint():
    for name, entry in RELEASED.items():
        for address in filter(None, (entry.python, entry.browser)):
            assert address.startswith("https://storage.googleapis.com/magentadata/")
            assert address.rpartition("/")[2].removesuffix(".tar") == name
        assert entry.address
