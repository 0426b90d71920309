"""Small files that would take much memory or time are refused before they are built."""

import gzip
import io
import json
import tarfile
import time
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from checkpoint_writers import entry_record, field, varint, write_table

from keras_musicvae.errors import CheckpointError
from keras_musicvae.magenta.checkpoint import read_checkpoint
from keras_musicvae.magenta.files import Folder
from keras_musicvae.magenta.sstable import MAX_ENTRIES, masked_crc32c, read_table
from keras_musicvae.magenta.tf_checkpoint import read_tf_checkpoint
from keras_musicvae.magenta.tfjs import read_tfjs


@contextmanager
def within(megabytes: float, seconds: float = 2):
    tracemalloc.start()
    start = time.process_time()
    try:
        yield
        assert time.process_time() - start < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
    finally:
        tracemalloc.stop()


def shared_prefix_table(entries: int) -> bytes:
    """Long keys, of which each but the first takes five bytes."""
    block = varint(0) + varint(1000) + varint(0) + b"k" * 1000
    block += (varint(1000) + varint(2) + varint(0) + b"ab") * entries
    data = bytearray()

    def add(content: bytes) -> bytes:
        place = varint(len(data)) + varint(len(content))
        content += b"\0"
        data.extend(content + masked_crc32c(content).to_bytes(4, "little"))
        return place

    end = (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    place = add(block + end)
    handles = add(end)
    handles += add(varint(0) + varint(1) + varint(len(place)) + b"z" + place + end)
    magic = write_table([(b"a", b"")])[-8:]
    return bytes(data) + handles.ljust(40, b"\0") + magic


@pytest.mark.parametrize("entries", [MAX_ENTRIES, 700_000])
def test_keys_that_share_their_prefixes(entries):
    table = shared_prefix_table(entries)
    with within(30), pytest.raises(CheckpointError, match="more than 10,000 entries"):
        read_table(table, "x")


def test_an_archive_of_such_an_index(tmp_path):
    path = tmp_path / "x.tgz"
    with tarfile.open(path, "w:gz") as archive:
        table = shared_prefix_table(690_000)
        member = tarfile.TarInfo("model.ckpt-1.index")
        member.size = len(table)
        archive.addfile(member, io.BytesIO(table))
    assert path.stat().st_size < 30_000
    with within(60), pytest.raises(CheckpointError, match="more than"):
        read_checkpoint(path)


def test_an_archive_of_zeros(tmp_path):
    (tmp_path / "x.tgz").write_bytes(gzip.compress(bytes(100 << 20), 9))
    with within(30), pytest.raises(CheckpointError, match="unpacks to more than"):
        read_checkpoint(tmp_path / "x.tgz")


def write_quantised(folder, shape, dtype="uint8", **quantisation) -> None:
    quantisation = {"dtype": dtype, "scale": 0.5, "min": -1, **quantisation}
    weight = {"name": "w", "shape": shape, "dtype": "float32"}
    manifest = [{"paths": ["a"], "weights": [{**weight, "quantization": quantisation}]}]
    (folder / "weights_manifest.json").write_text(json.dumps(manifest))


def test_quantised_weights_take_no_more_than_the_result(tmp_path):
    write_quantised(tmp_path, [4 << 20])
    (tmp_path / "a").write_bytes(bytes(4 << 20))
    with within(4.2 * 5.5):
        assert read_tfjs(Folder(tmp_path))["w"][-1] == -1


def test_quantised_weights_are_counted_before_they_are_read(tmp_path):
    write_quantised(tmp_path, [200 << 20])
    with (tmp_path / "a").open("wb") as file:
        file.truncate(200 << 20)
    with within(1), pytest.raises(CheckpointError, match="announces weights of"):
        read_tfjs(Folder(tmp_path))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(("scale", "low"), [(2, 0), (2, -3), (300, 10**6), (2.0, 1)])
def test_whole_numbers_as_scale_and_minimum(tmp_path, dtype, scale, low):
    write_quantised(tmp_path, [2], dtype, scale=scale, min=low)
    (tmp_path / "a").write_bytes(np.array([200, 255], dtype).tobytes())
    expected = [200 * scale + low, 255 * scale + low]
    assert read_tfjs(Folder(tmp_path))["w"].tolist() == expected


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_file_named_again_and_again(tmp_path, name):
    manifest = [{"paths": [name] * 200_000, "weights": []}]
    (tmp_path / "weights_manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "a").touch()
    with within(30), pytest.raises(CheckpointError, match="more than 1000 files"):
        read_tfjs(Folder(tmp_path))


@pytest.mark.parametrize("shape", [[0, *[2**31 - 1] * 7], [2**31 - 1] * 7 + [0]])
def test_no_numbers_in_huge_dimensions(tmp_path, shape):
    write_quantised(tmp_path, shape)
    (tmp_path / "a").touch()
    with pytest.raises(CheckpointError, match="shape"):
        read_tfjs(Folder(tmp_path))
    record = entry_record(1, tuple(shape), 0, 0, 0, masked_crc32c(b""))
    table = write_table([(b"", field(1, 1)), (b"w", record)])
    (tmp_path / "x.index").write_bytes(table)
    (tmp_path / "x.data-00000-of-00001").touch()
    with pytest.raises(CheckpointError, match="dimension of 0"):
        read_tf_checkpoint(Folder(tmp_path), "x")


def test_long_names_within_long_names(tmp_path):
    path = tmp_path / "x.tar"
    header = tarfile.TarInfo("x")
    header.type = tarfile.GNUTYPE_LONGNAME
    path.write_bytes(header.tobuf(tarfile.USTAR_FORMAT) * 4000 + bytes(1024))
    with within(20), pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path)
