import os
import struct
import zipfile

import pytest

from keras_musicvae.datasets import sources
from keras_musicvae.datasets.catalogue import read_catalogue
from keras_musicvae.datasets.sources import UnreadableFile, open_source
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import DatasetError


def names(source):
    return [entry.name for entry in source.entries()[0]]


def make_zip(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_folder_is_searched_to_any_depth_in_a_fixed_order(tmp_path):
    for name in ("b.mid", "a/z.MIDI", "a/b/c.smf", "B.mid", "readme.txt", "._b.mid"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    source = open_source(tmp_path)
    assert names(source) == ["B.mid", "a/b/c.smf", "a/z.MIDI", "b.mid"]
    assert source.entries()[1] == 2
    assert source.entries()[0][0].size == 5
    assert source.read("a/b/c.smf", 4) == b"xxxx"


def test_odd_entries_of_a_folder(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe.mid")  # reading it would wait for ever
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link.mid").symlink_to(tmp_path / "a.mid")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    odd = os.fsdecode(b"\xff\xfe.mid")
    (tmp_path / odd).write_bytes(b"odd")
    source = open_source(tmp_path)
    assert names(source) == ["a.mid", "link.mid", odd]
    assert source.read(odd, 10) == b"odd"
    with pytest.raises(UnreadableFile, match="No such file"):
        source.read("gone.mid", 10)


def test_a_single_file(tmp_path):
    path = tmp_path / "x.mid"
    path.write_bytes(b"MThd...")
    source = open_source(path)
    assert names(source) == ["x.mid"]
    assert source.read("x.mid", 100) == b"MThd..."


def test_a_zip_is_read_in_place_and_its_names_are_labels(tmp_path):
    members = {
        "../../evil.mid": b"1",
        "/abs.mid": b"22",
        "a/b.mid": b"333",
        "a/Icon\r": b"",
        "a/": b"",
        "__MACOSX/._b.mid": b"shadow",
    }
    path = make_zip(tmp_path / "x.zip", members)
    source = open_source(path)
    assert names(source) == ["../../evil.mid", "/abs.mid", "a/b.mid"]
    assert source.entries()[1] == 2
    assert source.read("../../evil.mid", 9) == b"1"
    assert [p.name for p in tmp_path.iterdir()] == ["x.zip"]


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    bomb = {"bomb.mid": bytes(200 << 20)}
    path = make_zip(tmp_path / "x.zip", bomb, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    assert len(open_source(path).read("bomb.mid", 1000)) == 1000


def test_a_damaged_member_is_unreadable_and_others_are_not(tmp_path):
    members = {"a.mid": b"A" * 100, "b.mid": b"B" * 100}
    path = make_zip(tmp_path / "x.zip", members)
    data = path.read_bytes().replace(b"A" * 100, b"A" * 99 + b"?")
    path.write_bytes(data)
    source = open_source(path)
    with pytest.raises(UnreadableFile, match="CRC"):
        source.read("a.mid", 1000)
    assert source.read("b.mid", 1000) == b"B" * 100
    with pytest.raises(UnreadableFile, match="not in the zip"):
        source.read("c.mid", 1000)


def test_an_encrypted_member_is_unreadable(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"a.mid": b"A" * 100})
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\1\2")
    data[central + 8] |= 1
    data[6] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableFile, match="encrypted"):
        open_source(path).read("a.mid", 1000)


@pytest.mark.parametrize("cut", [3, 50, 200])
def test_a_truncated_zip(tmp_path, cut):
    path = make_zip(tmp_path / "x.zip", {"a.mid": b"A" * 100})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetError, match="not a zip that can be read"):
        open_source(path)


def test_a_huge_table_of_contents_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_DIRECTORY_BYTES", 1000)
    small = make_zip(tmp_path / "small.zip", {"a.mid": b"A"})
    assert names(open_source(small)) == ["a.mid"]
    large = make_zip(tmp_path / "large.zip", {f"{n}.mid": b"A" for n in range(50)})
    with pytest.raises(DatasetError, match="table of contents"):
        open_source(large)


def test_a_huge_table_of_contents_in_zip64_is_refused(tmp_path):
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    end = struct.pack(
        "<4sHHHHLLH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0
    )
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\3\4" + record + locator + end)
    with pytest.raises(DatasetError, match=r"central directory|table of contents"):
        open_source(path)


def test_zip64_sizes_count_even_where_the_old_fields_hold_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_DIRECTORY_BYTES", 1000)
    path = make_zip(tmp_path / "x.zip", {f"{n}.mid": b"A" for n in range(50)})
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    size, offset = struct.unpack("<LL", data[end + 12 : end + 20])
    record = struct.pack(
        "<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 50, 50, size, offset
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    small = data[end : end + 8] + struct.pack("<HHLLH", 1, 1, 46, offset, 0)
    path.write_bytes(data[:end] + record + locator + small)
    assert len(zipfile.ZipFile(path).namelist()) == 50
    with pytest.raises(DatasetError, match="table of contents"):
        open_source(path)


def test_pipes_are_refused_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "info.csv")
    (tmp_path / "a.mid").write_bytes(b"MThd")
    source = open_source(tmp_path)
    with pytest.raises(UnreadableFile, match="no regular file"):
        source.read("info.csv", 10)
    assert not read_catalogue(source).is_groove
    os.mkfifo(tmp_path / "dataset.json")
    with pytest.raises(DatasetError, match="no regular file"):
        GrooveWindows.load(tmp_path)


def test_the_home_folder_may_be_named_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.mid").write_bytes(b"MThd")
    assert names(open_source("~")) == ["a.mid"]
    with pytest.raises(DatasetError, match="No such file"):
        GrooveWindows.load("~/nothing")


def test_what_is_no_source(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no .*nowhere"):
        open_source(tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(DatasetError, match="neither a zip nor a MIDI file"):
        open_source(tmp_path / "a.txt")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="none of them"):
        open_source(tmp_path / "pipe")
