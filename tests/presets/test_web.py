"""Presets from a web server that is good, slow, dead, or lies."""

import hashlib
import socket
import time

import pytest
from folder_server import serve_folder
from preset_examples import assert_same_weights, edit_json

from keras_musicvae.errors import (
    ChecksumError,
    DownloadError,
    ForeignPresetError,
    OutputError,
    PresetFileError,
    PresetFormatError,
)
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.presets import web
from keras_musicvae.presets.preset_io import load_preset
from keras_musicvae.presets.sources import find_preset


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "home" / "models"


@pytest.fixture
def server(preset):
    with serve_folder(preset) as server:
        yield server


def test_fetched_once_and_then_offline(server, cache, saved_preset):
    model = load_preset(MusicVAE, server.url)
    assert_same_weights(model, load_preset(MusicVAE, saved_preset))
    assert "model.weights.h5" in server.requests
    server.requests.clear()
    server.stall = True
    assert_same_weights(model, load_preset(MusicVAE, server.url + "/"))
    assert not server.requests
    (folder,) = cache.iterdir()
    assert folder.name.startswith("tiny-")
    assert not list(folder.glob("*.partial"))


def test_weights_are_fetched_only_if_needed(server):
    load_preset(MusicVAE, server.url, load_weights=False)
    assert "model.weights.h5" not in server.requests


def test_cut_connections_are_resumed(server, saved_preset):
    server.cut_after, server.cuts = 20_000, 4
    assert_same_weights(
        load_preset(MusicVAE, server.url), load_preset(MusicVAE, saved_preset)
    )


def test_metadata_survives_a_cut_and_an_error(server):
    server.cut_after, server.cuts, server.errors = 50, 1, [503]
    load_preset(MusicVAE, server.url, load_weights=False)
    assert server.requests[:3] == ["metadata.json"] * 3


def test_slow_server(server, saved_preset):
    server.pause = 0.05
    assert_same_weights(
        load_preset(MusicVAE, server.url), load_preset(MusicVAE, saved_preset)
    )


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_wrong_bytes(server, preset, name, cache):
    content = bytearray((preset / name).read_bytes())
    content[len(content) // 2] ^= 1
    (preset / name).write_bytes(content)
    with pytest.raises(ChecksumError, match=name):
        load_preset(MusicVAE, server.url)
    assert not list(cache.glob(f"*/{name}"))


def test_pin_guards_against_consistent_lies(server, preset):
    digest = hashlib.sha256((preset / "metadata.json").read_bytes()).hexdigest()
    pinned = f"{server.url}#sha256={digest}"
    load_preset(MusicVAE, pinned)
    edit_json(preset, "config.json", lambda c: c["config"].update(free_bits=1.0))
    load_preset(MusicVAE, pinned)  # from the cache
    with pytest.raises(ChecksumError, match="must be 0000"):
        load_preset(MusicVAE, f"{server.url}#sha256={'0' * 64}")


def test_damaged_cache_is_fetched_again(server, cache):
    model = load_preset(MusicVAE, server.url)
    (folder,) = cache.iterdir()
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    assert_same_weights(model, load_preset(MusicVAE, server.url))


def test_no_such_preset(server, preset):
    (preset / "metadata.json").unlink()
    with pytest.raises(PresetFileError, match=r"`metadata.json` doesn't exist.*404"):
        load_preset(MusicVAE, server.url)


def test_web_page_instead_of_a_preset(server, preset):
    (preset / "metadata.json").write_text("<!doctype html><title>Log in</title>")
    with pytest.raises(PresetFormatError, match="not valid JSON"):
        load_preset(MusicVAE, server.url)
    (preset / "metadata.json").write_text('{"keras_hub_version": "0.2"}')
    with pytest.raises(ForeignPresetError):
        load_preset(MusicVAE, server.url)


def test_endless_metadata(server, preset):
    (preset / "metadata.json").write_bytes(b" " * (3 << 20))
    with pytest.raises(PresetFormatError, match="too large"):
        load_preset(MusicVAE, server.url)


def test_dead_server_fails_fast():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(DownloadError, match="packaged preset"):
        load_preset(MusicVAE, f"http://127.0.0.1:{port}/x")
    assert time.monotonic() - start < 10


def test_silent_server_fails_within_the_timeout(server):
    server.stall = True
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"no answer in time|timed out"):
        web.fetch_from_web(server.url, timeout=0.3)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/presets/x",
        "https://",
        "https://exa mple.org/x",
        "https://example.org/x\n",
        "https://[::1/x",
    ],
)
def test_addresses_that_are_refused(address):
    with pytest.raises(PresetFormatError, match="https://"):
        find_preset(address)


def test_redirect_to_another_server_is_refused_before_it_is_asked(server, preset):
    with serve_folder(preset) as other:
        server.redirect = other.url
        with pytest.raises(DownloadError, match="redirects to"):
            load_preset(MusicVAE, server.url)
        assert other.requests == []


def test_unwritable_cache(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="folder"):
        load_preset(MusicVAE, server.url)


def test_names_in_the_metadata_are_not_fetched(server, preset):
    edit_json(
        preset, "metadata.json", lambda m: m["sha256"].update({"evil.py": "0" * 64})
    )
    load_preset(MusicVAE, server.url)
    assert "evil.py" not in server.requests
