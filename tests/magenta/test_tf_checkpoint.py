import gzip
import io
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from checkpoint_writers import (
    FULL_SIZE,
    SMALL,
    block_of,
    data_file,
    entry_record,
    field,
    index_file,
    random_weights,
    varint,
    with_training_state,
    write_bundle,
    write_table,
)

from keras_musicvae.errors import CheckpointError
from keras_musicvae.magenta import files as files_module
from keras_musicvae.magenta.files import Archive, Folder
from keras_musicvae.magenta.tf_checkpoint import find_checkpoints, read_tf_checkpoint

SECONDS = 3.0  # measured: below 1 on an idle machine; tests also run on busy ones


def read(path: Path, prefix: str = "model.ckpt-7") -> dict:
    return read_tf_checkpoint(Folder(path), prefix)


def fails(path: Path, match: str, prefix: str = "model.ckpt-7") -> None:
    start = time.process_time()
    with pytest.raises(CheckpointError, match=match):
        read(path, prefix)
    assert time.process_time() - start < SECONDS


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A checkpoint with optimizer slots; its prefix."""
    prefix = tmp_path / "run" / "model.ckpt-7"
    write_bundle(prefix, with_training_state(random_weights(SMALL)))
    return prefix


# --- Reading ------------------------------------------------------------------


def test_reads_every_variable(tmp_path):
    weights = with_training_state(random_weights(SMALL))
    write_bundle(tmp_path / "model.ckpt-7", weights)
    variables = read(tmp_path)
    assert list(variables) == sorted(weights)
    for name, array in variables.items():
        np.testing.assert_array_equal(array, weights[name])
        assert not array.flags.writeable


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_reads_archives(small, tmp_path, mode, tar_format):
    path = tmp_path / ("x.tgz" if mode == "w:gz" else "x.tar")
    inside = "long/" + "folder/" * 20
    with tarfile.open(path, mode, format=tar_format) as archive:
        archive.add(small.parent, inside)
    archive = Archive(path)
    (prefix,) = find_checkpoints(archive)
    assert prefix == f"{inside}model.ckpt-7"
    expected = read(small.parent)
    for name, array in read_tf_checkpoint(archive, prefix).items():
        np.testing.assert_array_equal(array, expected[name])


def test_the_newest_checkpoint_is_the_last(tmp_path):
    for step in (1000, 20, 9):
        write_bundle(tmp_path / f"model.ckpt-{step}", {"a": np.zeros(2)})
    files = Folder(tmp_path)
    assert [p[11:] for p in find_checkpoints(files)] == ["9", "20", "1000"]


def test_full_size_with_slots_takes_less_than_a_second(tmp_path):
    write_bundle(
        tmp_path / "model.ckpt-7", with_training_state(random_weights(FULL_SIZE))
    )
    size = data_file(tmp_path / "model.ckpt-7").stat().st_size
    assert size > 49_000_000
    start = time.process_time()
    variables = read(tmp_path)
    assert time.process_time() - start < SECONDS
    assert len(variables) == 3 * 16 + 3


# --- Damage -------------------------------------------------------------------


def test_every_truncation_of_the_index_is_found(small):
    index = index_file(small)
    data = index.read_bytes()
    for size in range(0, len(data), 7):
        index.write_bytes(data[:size])
        fails(small.parent, "model.ckpt-7.index")


def test_every_flipped_byte_of_the_index_is_found(small):
    index = index_file(small)
    data = bytearray(index.read_bytes())
    for position in range(0, len(data), 3):
        damaged = data.copy()
        damaged[position] ^= 1 << position % 8
        index.write_bytes(damaged)
        fails(small.parent, "model.ckpt-7")


def test_random_mutations_of_the_index_end_in_an_error(small):
    # Every mutation that leaves the checksums wrong must end in CheckpointError.
    rng = np.random.default_rng(0)
    index = index_file(small)
    data = np.frombuffer(index.read_bytes(), np.uint8)
    for _ in range(300):
        damaged = data.copy()
        start = rng.integers(len(data))
        damaged[start : start + rng.integers(1, 40)] = rng.integers(256)
        if (damaged == data).all():
            continue
        index.write_bytes(damaged.tobytes())
        fails(small.parent, "model.ckpt-7")


def test_flipped_bits_and_wrong_lengths_of_the_data_are_found(small):
    data_path = data_file(small)
    data = data_path.read_bytes()
    rng = np.random.default_rng(0)
    for position in [0, len(data) - 1, *rng.integers(len(data), size=40)]:
        damaged = bytearray(data)
        damaged[position] ^= 1 << rng.integers(8)
        data_path.write_bytes(damaged)
        fails(small.parent, "checksum of .* is wrong")
    for size in (0, 1, len(data) // 2, len(data) - 1):
        data_path.write_bytes(data[:size])
        fails(small.parent, "truncated")
    data_path.write_bytes(data + b"\0")
    fails(small.parent, f"{len(data) + 1:,} bytes")


def test_missing_files_are_named(small):
    data_file(small).unlink()
    fails(small.parent, "model.ckpt-7.data-00000-of-00001")
    fails(small.parent, "model.ckpt-8.index", prefix="model.ckpt-8")


def test_oversized_files_are_refused_unread(small):
    os.truncate(data_file(small), 10 << 30)
    fails(small.parent, "at most")
    os.truncate(index_file(small), 10 << 30)
    fails(small.parent, "at most")


def test_special_files_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "model.ckpt-7.index")
    fails(tmp_path, "missing")


ZERO_CRC = 0xA282EAD8  # of no bytes, masked


@pytest.mark.parametrize(
    ("records", "match"),
    [
        ({b"a": entry_record(1, (1 << 40,), 0, 0, 4, 0)}, "out of range"),
        ({b"a": entry_record(1, (2**31 - 1,) * 8, 0, 0, 4, 0)}, "should have"),
        ({b"a": entry_record(1, (1,) * 9, 0, 0, 4, 0)}, "9 dimensions"),
        ({b"a": entry_record(1, (1,), 0, 0, 8, 0)}, "should have 4 bytes"),
        ({b"a": entry_record(1, (1,), 5, 0, 4, 0)}, "data file 5"),
        ({b"a": entry_record(1, (1,), 0, 1 << 60, 4, 0)}, "truncated"),
        ({b"a": entry_record(99, (1,), 0, 0, 4, 0)}, "type 99"),
        ({b"a": b"\xff" * 20}, "damaged"),
        ({b"a": field(2, b"\x12\x7f")}, "damaged"),
        ({b"\xff": entry_record(1, (1,), 0, 0, 4, 0)}, "damaged"),
        (
            {b"a": entry_record(1, (1,), 0, 0, 4, 0)}
            | {b"b": entry_record(1, (1,), 0, 0, 4, 0)},
            "share the same bytes",
        ),
    ],
)
def test_impossible_records_are_refused(tmp_path, records, match):
    header = (b"", field(1, 1))
    index_file(tmp_path / "model.ckpt-7").write_bytes(
        write_table([header, *records.items()])
    )
    data_file(tmp_path / "model.ckpt-7").write_bytes(bytes(4))
    fails(tmp_path, match)


@pytest.mark.parametrize("num_shards", [0, 3, 1 << 40])
def test_impossible_numbers_of_shards_are_refused(tmp_path, num_shards):
    table = write_table([(b"", field(1, num_shards))])
    index_file(tmp_path / "model.ckpt-7").write_bytes(table)
    fails(tmp_path, "data files")


def test_big_endian_and_compressed_checkpoints_are_explained(tmp_path):
    path = index_file(tmp_path / "model.ckpt-7")
    path.write_bytes(write_table([(b"", field(1, 1) + field(2, 1))]))
    fails(tmp_path, "big-endian")
    path.write_bytes(write_table([(b"", field(1, 1))], compression=1))
    fails(tmp_path, "snappy")


def test_unsorted_repeated_and_too_many_keys_are_refused(tmp_path):
    path = index_file(tmp_path / "model.ckpt-7")
    header = (b"", field(1, 1))
    for keys in ([b"b", b"a"], [b"a", b"a"]):
        path.write_bytes(write_table([header, *((key, b"") for key in keys)]))
        fails(tmp_path, "ascend")
    many = [(b"%06d" % index, b"") for index in range(10_001)]
    path.write_bytes(write_table([header, *many]))
    fails(tmp_path, "more than 10,000")


def test_a_block_that_claims_long_keys_is_refused(tmp_path):
    # Prefix compression could make kilobytes of index into gigabytes of keys.
    block = varint(0) + varint(5000) + varint(0) + b"x" * 5000
    assert len(block_of([])) == 8
    table = write_table([(b"x" * 5000, b"")])
    assert block in table
    index_file(tmp_path / "model.ckpt-7").write_bytes(table)
    fails(tmp_path, "malformed")


# --- Archives -----------------------------------------------------------------


def archive_of(path: Path, members: list[tarfile.TarInfo], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = ""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


@pytest.mark.parametrize("name", ["../x.index", "/etc/x.index", "a/../../x.index"])
def test_members_that_lead_out_of_an_archive_are_refused(tmp_path, name):
    path = archive_of(tmp_path / "x.tar", [member(name)])
    with pytest.raises(CheckpointError, match="refused the member"):
        Archive(path)


def test_links_in_an_archive_are_not_followed(tmp_path):
    link = member("model.ckpt-7.index", kind=tarfile.SYMTYPE, link="/etc/passwd")
    hard = member("model.ckpt-8.index", kind=tarfile.LNKTYPE, link="/etc/passwd")
    path = archive_of(tmp_path / "x.tar", [link, hard])
    assert Archive(path).sizes == {}


def test_archive_bombs_end_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(files_module, "MAX_BYTES", 1 << 20)
    many = archive_of(tmp_path / "a.tar", [member(f"{i}") for i in range(1100)])
    bomb = tmp_path / "b.tgz"
    bomb.write_bytes(gzip.compress(bytes(2 << 20)))
    large = tmp_path / "c.tar"
    large.write_bytes(bytes(2 << 20))
    for path, match in (
        (many, "more than 1000"),
        (bomb, "unpacks to more"),
        (large, "at most"),
    ):
        start = time.process_time()
        with pytest.raises(CheckpointError, match=match):
            Archive(path)
        assert time.process_time() - start < SECONDS


def test_the_real_limit_of_a_compressed_archive_is_reached_in_a_second(tmp_path):
    bomb = tmp_path / "b.tgz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        for _ in range(257):
            file.write(bytes(1 << 20))
    start = time.process_time()
    with pytest.raises(CheckpointError, match="unpacks to more"):
        Archive(bomb)
    assert time.process_time() - start < SECONDS


def test_an_announced_long_name_is_not_believed(tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    path = tmp_path / "x.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    with pytest.raises(CheckpointError, match="headers are too long"):
        Archive(path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_damaged_archives_end_in_a_clear_error(small, tmp_path, mode):
    path = tmp_path / "x.tar"
    with tarfile.open(path, mode) as archive:
        archive.add(small.parent, "run")
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    expected = read(small.parent)
    for trial in range(120):
        damaged = bytearray(data)
        if trial % 2:
            del damaged[rng.integers(len(data)) :]
        else:
            damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        start = time.process_time()
        try:
            archive = Archive(path)
            for prefix in find_checkpoints(archive):
                # Damage in a file's owner or date may pass; in its bytes never.
                for name, array in read_tf_checkpoint(archive, prefix).items():
                    np.testing.assert_array_equal(array, expected[name])
        except CheckpointError:
            pass
        assert time.process_time() - start < SECONDS


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "x.tar"
    for content in (b"", b"<html>404</html>", b"PK\3\4" + bytes(2000), b"\x1f\x8b"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError):
            files = Archive(path)
            read_tf_checkpoint(files, "model.ckpt-7")
