"""Files appear whole, survive a kill, and are read within bounds."""

import os
import signal
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile

import pytest

from keras_musicvae import files
from keras_musicvae.datasets.folder import preprocess
from keras_musicvae.datasets.sources import open_source
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import OutputError, PathError
from keras_musicvae.files import (
    BoundedZip,
    exclusive_lock,
    recover_folder,
    replacing_folder,
    strict_json,
)
from keras_musicvae.magenta.checkpoint import read_checkpoint


def names(folder):
    return [path.name for path in folder.iterdir()]


KILLED = """
import os, signal, sys
from pathlib import Path
from keras_musicvae import files

if sys.argv[2] == "renames":
    files._exchange = lambda left, right: False
target = Path(sys.argv[1])
rename = Path.rename
def rename_and_die(path, to):
    rename(path, to)
    os.kill(os.getpid(), signal.SIGKILL)
Path.rename = rename_and_die
with files.replacing_folder(target) as new:
    (new / "file").write_text("new")
    if sys.argv[2] == "writing":
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[2] == "exchange":
        files.shutil.rmtree = lambda *a, **b: os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("moment", "content"), [("writing", "old"), ("renames", "old"), ("exchange", "new")]
)
def test_a_killed_replacement_leaves_a_whole_folder(tmp_path, moment, content):
    target = tmp_path / "a [1]"
    target.mkdir()
    (target / "file").write_text("old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(target), moment])
    assert killed.returncode == -signal.SIGKILL
    if moment != "renames":
        assert (target / "file").read_text() == content
    recover_folder(target)
    assert (target / "file").read_text() == content
    assert names(tmp_path) == [target.name]


def test_a_running_replacement_is_left_alone(tmp_path):
    with replacing_folder(tmp_path / "x") as first:
        (first / "file").write_text("first")
        with replacing_folder(tmp_path / "x") as second:
            (second / "file").write_text("second")
        assert (tmp_path / "x" / "file").read_text() == "second"
    assert (tmp_path / "x" / "file").read_text() == "first"
    assert names(tmp_path) == ["x"]


def test_empty_folders_of_killed_replacements_are_removed(tmp_path):
    old, starting, foreign = (tmp_path / f".x.{name * 8}" for name in "abc")
    for folder in (old, starting, foreign):
        folder.mkdir()
    (foreign / "file").touch()
    for folder in (old, foreign):
        os.utime(folder, (0, 0))
    with replacing_folder(tmp_path / "x") as new:
        (new / "a").touch()
    assert set(names(tmp_path)) == {starting.name, foreign.name, "x"}


@pytest.mark.parametrize("exchanged", [True, False])
def test_a_folder_is_replaced_as_a_whole(tmp_path, monkeypatch, exchanged):
    if not exchanged:
        monkeypatch.setattr(files, "_exchange", lambda left, right: False)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "other").touch()
    with replacing_folder(tmp_path / "x") as new:
        (new / "file").touch()
    assert names(tmp_path / "x") == ["file"]
    with pytest.raises(ZeroDivisionError), replacing_folder(tmp_path / "x"):
        raise ZeroDivisionError
    assert names(tmp_path / "x") == ["file"]
    assert names(tmp_path) == ["x"]


def test_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="Choose another"),
        replacing_folder(tmp_path / "file" / "x"),
    ):
        pass


def test_a_lock_has_one_holder(tmp_path):
    path = tmp_path / "lock"
    with exclusive_lock(path) as first, exclusive_lock(path) as second:
        assert (first, second) == (True, False)
    with exclusive_lock(path) as third:
        assert third


@pytest.mark.parametrize("name", ["a", "é", "x" * 100])
def test_a_key_twice_among_many_is_found_at_once(name):
    keys = ", ".join(f'"{number}": 0' for number in range(80_000))
    start = time.process_time()
    with pytest.raises(ValueError, match="appears twice"):
        strict_json(f'{{{keys}, "{name}": 1, "{name}": 2}}'.encode())
    assert time.process_time() - start < 2


def zip64_locator(size: int) -> bytes:
    """The end of a zip whose plain record is harmless and whose zip64 record is not."""
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, 0)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, size, 1)
    return record + locator + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, 46, 0, 0)


def test_a_zip_with_a_huge_table_of_contents_is_refused(tmp_path):
    path = tmp_path / "x.zip"
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", *[0] * 16)
    for directory in (entry * 100_000, None):
        with path.open("wb") as file:
            if directory is None:  # 40 GB that take no space on the disk
                file.seek(40 << 30)
            else:
                file.write(directory)
            file.write(zip64_locator(file.tell()))
        tracemalloc.start()
        with pytest.raises(zipfile.BadZipFile, match="table of contents"):
            BoundedZip(path, max_directory=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
        tracemalloc.stop()


def test_a_good_zip_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", b"b" * 100)
    with BoundedZip(tmp_path / "x.zip", max_directory=1 << 20) as archive:
        assert archive.read("a") == b"b" * 100


@pytest.mark.parametrize("path", ["a\0b", "\ud800", b"a\0", 5])
@pytest.mark.parametrize(
    "use",
    [
        files.user_path,
        GrooveWindows.load,
        open_source,
        read_checkpoint,
        lambda path: preprocess(".", path),
    ],
)
def test_paths_that_no_file_can_have(use, path):
    with pytest.raises(PathError):
        use(path)
