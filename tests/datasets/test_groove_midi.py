"""The real dataset, through the real download code, from a server on this machine."""

import csv
import io
import os
import time
import zipfile

import numpy as np
import pytest
from loopback import Behaviour, serve
from shared_data import GROOVE_ZIP, shared_path

from keras_musicvae import download
from keras_musicvae.datasets import groove_midi
from keras_musicvae.datasets.convert import WindowConfig
from keras_musicvae.datasets.folder import preprocess
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import ChecksumError, DatasetError, DownloadError

# Of groove_format.md: train, validation, test.
APART = {4: (4078, 504, 526), 2: (8411, 1049, 1074)}
EVERY_BAR = {4: (15694, None, None), 2: (16537, 2055, 2084)}


@pytest.fixture(scope="module")
def archive():
    return shared_path(GROOVE_ZIP)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(download, "_PAUSE", 0.01)
    return tmp_path / "keras" / "datasets"


@pytest.fixture(scope="module")
def four_bars(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "groove_4bar"
    preprocess(archive, out)
    return GrooveWindows.load(out, verify=True)


def test_the_download_is_the_published_file_and_is_cached(archive, cache, monkeypatch):
    behaviour = Behaviour(archive.read_bytes())
    behaviour.cut_after, behaviour.cuts = 1_000_000, 2
    with serve(behaviour) as url:
        monkeypatch.setenv(groove_midi.URL_VARIABLE, url)
        path = groove_midi.download(verbose=False)
    assert path == cache / "groove-v1.0.0-midionly.zip"
    assert path.read_bytes() == archive.read_bytes()
    assert len(behaviour.requests) == 3
    assert groove_midi.download(verbose=False) == path  # the server is gone


def test_load_data_downloads_preprocesses_and_caches(archive, cache):
    with serve(Behaviour(archive.read_bytes())) as url:
        parts = groove_midi.load_data(num_bars=2, url=url, verbose=False)
    assert tuple(len(part) for part in parts) == EVERY_BAR[2]
    apart = [part.select(hop_bars=2) for part in parts]
    assert tuple(map(len, apart)) == APART[2]
    started = time.process_time()
    again = groove_midi.load_data(num_bars=2, verbose=False)
    assert time.process_time() - started < 3  # 1 on an idle machine
    assert np.array_equal(again[2].arrays(), parts[2].arrays())


def test_no_network_says_what_to_do(cache):
    with pytest.raises(DownloadError, match=r"Check the network .*give its path"):
        groove_midi.load_data(url="http://127.0.0.1:9/x", verbose=False)


def test_another_file_is_not_accepted(archive, cache):
    data = bytearray(archive.read_bytes())
    data[1_000_000] ^= 1
    with serve(Behaviour(bytes(data))) as url, pytest.raises(ChecksumError):
        groove_midi.download(url=url, verbose=False)
    assert not list(cache.glob("[!.]*"))


def test_a_changed_zip_of_the_official_name_is_not_accepted(archive, tmp_path):
    path = tmp_path / archive.name
    data = bytearray(archive.read_bytes())
    data[1_000_000] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ChecksumError, match="rename it if you changed it on purpose"):
        groove_midi.load_data(path)


def test_counts_of_the_windows_are_the_known_ones(four_bars):
    parts = [four_bars.split(name) for name in ("train", "validation", "test")]
    assert len(parts[0]) == EVERY_BAR[4][0]
    assert tuple(len(part.select(hop_bars=4)) for part in parts) == APART[4]
    report = four_bars.info["report"]
    assert report["files"]["read"] == 1150
    assert report["rejected"] == {"too short": 684, "another time signature": 12}
    assert report["time_signatures"]["4/4"] == 1138
    assert report["ignored_files"] == 39  # `Icon\r` and other junk
    assert report["missing_files"] == 0
    assert report["unknown_pitches"] == {}


def test_what_is_known_of_a_window_is_what_info_csv_says(four_bars, archive):
    with zipfile.ZipFile(archive) as file:
        text = file.read("groove/info.csv").decode()
    table = csv.DictReader(io.StringIO(text))
    rows = {f"groove/{row['midi_filename']}": row for row in table}
    assert len(set(four_bars.styles)) == 18
    for index in range(0, len(four_bars), 97):
        row = rows[four_bars.file_names[four_bars.file[index]]]
        assert four_bars.styles[four_bars.style[index]] == row["style"].split("/")[0]
        assert four_bars.drummers[four_bars.drummer[index]] == row["drummer"]
        assert four_bars.kinds[four_bars.kind[index]] == row["beat_type"]
        assert four_bars.tempo[index] == pytest.approx(float(row["bpm"]), abs=1)
    # Tempos are those of the MIDI files, 102.0001 where info.csv says 102.
    assert np.mean(four_bars.tempo == four_bars.tempo.round()) < 0.5
    for name in ("train", "validation", "test"):
        part = four_bars.split(name)
        names = {four_bars.file_names[number] for number in np.unique(part.file)}
        assert {rows[name]["split"] for name in names} == {name}


def test_the_windows_are_those_of_magenta(four_bars):
    golden = np.load(shared_path("golden/groovae_4bar_train.npz"))
    apart = four_bars.select(hop_bars=4)
    names = np.array(four_bars.file_names)[apart.file]
    compared = 0
    for number, name in enumerate(golden["files"]):
        start, stop = golden["start"][number : number + 2]
        ours = apart[names == f"groove/{name}"]
        assert ours.tobytes() == (golden["outputs"][start:stop] + 0).tobytes(), name
        compared += len(ours)
    assert compared == len(golden["outputs"]) == 1663


def test_an_unpacked_folder_gives_the_same(four_bars, archive, tmp_path, cache):
    with zipfile.ZipFile(archive) as file:
        names = [name for name in file.namelist() if "drummer8/" in name]
        file.extractall(tmp_path / "some", ["groove/info.csv", *names])
    folder = tmp_path / "some" / "groove"
    windows = groove_midi.load_data(folder, verbose=False)
    for name, part in zip(("train", "validation", "test"), windows, strict=True):
        expected = four_bars.split(name).select(drummer="drummer8")
        assert np.array_equal(part.arrays(), expected.arrays())
    missing = windows[0].info["report"]["missing_files"]
    assert missing > 900
    # Files that the dataset does not list have no split: they are not mixed in.
    listed = folder / "drummer8/session2/12_funk_81_beat_4-4.mid"
    listed.rename(folder / "x.mid")
    again = groove_midi.load_data(folder, verbose=False)
    report = again[0].info["report"]
    assert report["rejected"]["not listed"] == 1
    assert report["missing_files"] == missing + 1


def test_a_damaged_list_of_files(archive, tmp_path):
    with zipfile.ZipFile(archive) as file:
        text = file.read("groove/info.csv").decode()
        midi = file.read("groove/drummer1/session1/1_funk_80_beat_4-4.mid")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("groove/info.csv", text.replace(",train", ",trian"))
        file.writestr("groove/drummer1/session1/1_funk_80_beat_4-4.mid", midi)
    with pytest.raises(DatasetError, match=r"info.csv, line \d+.*trian"):
        preprocess(tmp_path / "x.zip", tmp_path / "out")


def test_fills_can_be_kept(archive, tmp_path):
    config = WindowConfig(short="pad")
    windows = preprocess(archive, tmp_path / "out", config)
    assert windows.info["report"]["rejected"] == {"another time signature": 12}
    assert len(windows.select(kind="fill")) > 600


def test_preprocessing_takes_seconds_and_loading_less_than_one(archive, tmp_path):
    # Processor time, so that other work on the machine does not decide.
    started = _processor_seconds()
    preprocess(archive, tmp_path / "out", jobs=2)
    assert _processor_seconds() - started < 2 * 15
    started = time.process_time()
    windows = GrooveWindows.load(tmp_path / "out")
    assert windows.split("train").arrays().shape == (15694, 64, 27)
    assert time.process_time() - started < 3  # 1 on an idle machine


def _processor_seconds():
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
