"""Hugging Face by its real client and a server of ours; Kaggle by a double."""

import hashlib
import shutil
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from preset_examples import assert_same_weights, edit_json

from keras_musicvae.errors import (
    ChecksumError,
    DownloadError,
    OutputError,
    PresetFileError,
    PresetFormatError,
    UnknownPresetError,
)
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.presets.preset_io import load_preset
from keras_musicvae.presets.upload import upload_preset

REPOSITORY = "drummers/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubHandler(BaseHTTPRequestHandler):
    """As much of the hub's protocol as its client needs to fetch a file."""

    def _answer(self, body: bool) -> None:
        _, *repository, _, revision, name = self.path.split("/")
        if "/".join(repository) != REPOSITORY:
            return self._error(404, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._error(404, "RevisionNotFound")
        path = self.server.folder / name
        if not path.is_file():
            return self._error(404, "EntryNotFound")
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _error(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub(preset, tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    server = ThreadingHTTPServer(("127.0.0.1", 0), HubHandler)
    server.daemon_threads = True
    server.folder = preset
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def stop(server) -> None:
    server.shutdown()
    server.server_close()


def test_hugging_face_preset_is_fetched_and_then_cached(hub, saved_preset):
    expected = load_preset(MusicVAE, saved_preset)
    model = load_preset(MusicVAE, f"hf://{REPOSITORY}")
    assert_same_weights(model, expected)
    stop(hub)
    start = time.monotonic()
    assert_same_weights(load_preset(MusicVAE, f"hf://{REPOSITORY}"), expected)
    assert time.monotonic() - start < 10


def test_hugging_face_revision_and_pin(hub, preset):
    digest = hashlib.sha256((preset / "metadata.json").read_bytes()).hexdigest()
    load_preset(MusicVAE, f"hf://{REPOSITORY}@{COMMIT}#sha256={digest}")
    with pytest.raises(ChecksumError, match="0000"):
        load_preset(MusicVAE, f"hf://{REPOSITORY}#sha256={'0' * 64}")
    with pytest.raises(UnknownPresetError, match="no revision 'v9'"):
        load_preset(MusicVAE, f"hf://{REPOSITORY}@v9")


def test_hugging_face_tampered_file(hub, preset):
    content = bytearray((preset / "model.weights.h5").read_bytes())
    content[-1] ^= 1
    (preset / "model.weights.h5").write_bytes(content)
    with pytest.raises(ChecksumError, match=r"model\.weights\.h5"):
        load_preset(MusicVAE, f"hf://{REPOSITORY}")


def test_hugging_face_unknown_repository(hub):
    with pytest.raises(UnknownPresetError, match="'nobody/nothing'"):
        load_preset(MusicVAE, "hf://nobody/nothing")


def test_hugging_face_repository_of_another_kind(hub, preset):
    (preset / "metadata.json").unlink()
    with pytest.raises(PresetFileError, match=r"`metadata.json` doesn't exist"):
        load_preset(MusicVAE, f"hf://{REPOSITORY}")


def test_hugging_face_file_that_is_too_large(hub, preset):
    edit_json(preset, "metadata.json", lambda m: m.update(notes="x" * (1 << 20)))
    with pytest.raises(PresetFormatError, match="too large"):
        load_preset(MusicVAE, f"hf://{REPOSITORY}")


def test_hugging_face_without_a_network_fails_fast(hub):
    stop(hub)
    start = time.monotonic()
    with pytest.raises(DownloadError, match="not in the cache") as caught:
        load_preset(MusicVAE, f"hf://{REPOSITORY}")
    assert time.monotonic() - start < 10
    assert "packaged preset" in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["hf://", "hf://model", "hf://a/b/c", "hf://a/b@", "hf://a/../b", "hf://a b/c"],
)
def test_hugging_face_address_that_is_malformed(address):
    with pytest.raises(PresetFormatError, match="hf://org/model"):
        load_preset(MusicVAE, address)


@pytest.mark.parametrize("address", ["kaggle://a/b", "kaggle://a/b/keras/c/latest"])
def test_kaggle_address_that_is_malformed(address):
    with pytest.raises(PresetFormatError, match="kaggle://org/model/keras"):
        load_preset(MusicVAE, address)


@pytest.mark.parametrize(
    ("address", "package"),
    [("hf://a/b", "huggingface_hub"), ("kaggle://a/b/keras/c/1", "kagglehub")],
)
def test_missing_client_names_the_extra(address, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DownloadError, match=package) as caught:
        load_preset(MusicVAE, address)
    assert 'pip install "keras-musicvae[hub]"' in str(caught.value)


@pytest.fixture
def kaggle(saved_preset, monkeypatch):
    """A double of `kagglehub`: it serves our folder, or raises what a test says."""
    double = SimpleNamespace(error=None, calls=[])

    def model_download(handle, path=None):
        double.calls.append((handle, path))
        if double.error is not None:
            raise double.error
        return str(saved_preset / path)

    double.model_download = model_download
    monkeypatch.setitem(sys.modules, "kagglehub", double)
    return double


def test_kaggle_preset(kaggle, saved_preset):
    address = "kaggle://drummers/music-vae/keras/tiny/3"
    model = load_preset(MusicVAE, address)
    assert_same_weights(model, load_preset(MusicVAE, saved_preset))
    handle = "drummers/music-vae/keras/tiny/3"
    assert (handle, "model.weights.h5") in kaggle.calls
    assert {called for called, _ in kaggle.calls} == {handle}


class HTTPError(OSError):
    """Like that of `requests`."""

    def __init__(self, status):
        super().__init__(f"{status} Client Error")
        self.response = SimpleNamespace(status_code=status)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (HTTPError(404), UnknownPresetError),
        (HTTPError(403), UnknownPresetError),
        (HTTPError(500), DownloadError),
        (OSError("Name or service not known"), DownloadError),
        (RuntimeError("anything"), DownloadError),
    ],
)
def test_kaggle_errors_become_ours(kaggle, error, expected):
    kaggle.error = error
    with pytest.raises(expected, match="kaggle://a/b/keras/c"):
        load_preset(MusicVAE, "kaggle://a/b/keras/c")


# --- Uploading ------------------------------------------------------------------


@pytest.fixture
def hub_folder(tmp_path, monkeypatch):
    """Doubles of both clients, that copy what they are given into a folder."""
    hub = SimpleNamespace(error=None, calls=[])
    folder = tmp_path / "hub"

    def copy(source, names=None):
        if hub.error is not None:
            raise hub.error
        folder.mkdir()
        for path in Path(source).iterdir():
            if names is None or path.name in names:
                shutil.copy(path, folder)

    def upload_folder(*, repo_id, revision, folder_path, allow_patterns, **_):
        hub.calls.append((repo_id, revision))
        copy(folder_path, allow_patterns)

    def model_upload(handle, local_model_dir, version_notes=""):
        hub.calls.append(handle)
        copy(local_model_dir)

    def create_repo(repo_id, *, exist_ok):
        assert exist_ok

    hub.upload_folder, hub.model_upload, hub.create_repo, hub.folder = (
        upload_folder,
        model_upload,
        create_repo,
        folder,
    )
    for package in ("huggingface_hub", "kagglehub"):
        monkeypatch.setitem(sys.modules, package, hub)
    return hub


@pytest.mark.parametrize(
    ("uri", "call"),
    [
        ("hf://me/tiny", ("me/tiny", None)),
        ("hf://me/tiny@v1", ("me/tiny", "v1")),
        ("kaggle://me/music-vae/keras/tiny", "me/music-vae/keras/tiny"),
    ],
)
def test_what_is_uploaded_can_be_loaded(hub_folder, preset, uri, call):
    (preset / ".gitattributes").touch()
    (preset / "README.md").write_text("edited")
    upload_preset(uri, preset)
    assert hub_folder.calls == [call]
    loaded = load_preset(MusicVAE, hub_folder.folder)
    assert_same_weights(loaded, load_preset(MusicVAE, preset))


@pytest.mark.parametrize(
    "uri", ["tiny", "https://x.org/tiny", "hf://a", "kaggle://a/b/keras/c/3", "hf://"]
)
def test_addresses_that_take_no_upload(hub_folder, preset, uri):
    with pytest.raises(PresetFormatError, match="is uploaded to"):
        upload_preset(uri, preset)


def test_a_damaged_preset_is_not_uploaded(hub_folder, preset):
    with (preset / "config.json").open("a") as file:
        file.write(" ")
    with pytest.raises(ChecksumError, match=r"config\.json"):
        upload_preset("hf://me/tiny", preset)
    with pytest.raises(PresetFileError):
        upload_preset("hf://me/tiny", preset / "nowhere")
    assert hub_folder.calls == []


def test_an_upload_that_fails_says_why(hub_folder, preset):
    hub_folder.error = RuntimeError("401 Unauthorized\nmore")
    with pytest.raises(OutputError, match=r"401 Unauthorized .*logged in"):
        upload_preset("hf://me/tiny", preset)
