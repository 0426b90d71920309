"""Files of latents: encode, decode, and what strangers put into such files."""

import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cli_files import DEBUG, files_in, record

from keras_musicvae.cli.latents import read_latents
from keras_musicvae.cli.main import main
from keras_musicvae.errors import GrooveError
from keras_musicvae.files import sha256_of
from keras_musicvae.grooves.midi import read_midi


def test_encode_then_decode(beats, capsys):
    assert main(["encode", "beats", *DEBUG, "--out=z.npz"]) == 0
    with np.load("z.npz") as file:
        assert file["z"].shape == file["z_stddev"].shape == (5, 8)
        assert file["start_bar"].tolist() == [0, 2, 3, 0, 0]
        assert file["tempo"].round().tolist() == [90, 90, 90, 120, 120]
        assert file["source"][0] == "beats/a.mid"
    assert record("z.json")["files"][0]["sha256"] == sha256_of(Path("z.npz"))
    assert main(["decode", "z.npz", *DEBUG, "--temperature=0", "--out=out"]) == 0
    assert files_in("out") == [
        "a_bar_1.mid",
        "a_bar_3.mid",
        "a_bar_4.mid",
        "b_bar_1.mid",
        "c_bar_1.mid",
        "decode.json",
    ]
    assert round(read_midi("out/a_bar_1.mid").tempo) == 90
    assert main(["reconstruct", "beats/b.mid", *DEBUG, "--temperature=0"]) == 0
    back = read_midi("samples/b_reconstructed.mid")
    assert np.array_equal(back.hits, read_midi("out/b_bar_1.mid").hits)


def test_encode_a_sample(beats):
    for seed in (1, 2, 1):
        options = ["--sample", f"--seed={seed}", f"--out=z{seed}.npz"]
        assert main(["encode", "beats/b.mid", *DEBUG, *options]) == 0
    one, two = (np.load(f"z{seed}.npz")["z"] for seed in (1, 2))
    assert (one != two).all()
    assert record("z1.json")["seed"] == 1


def test_decode_takes_any_array(folder):
    np.save("z.npy", np.zeros((2, 8), np.float32))
    assert main(["decode", "z.npy", *DEBUG, "--seed=1", "--out=out"]) == 0
    assert files_in("out") == ["decode.json", "groove_01.mid", "groove_02.mid"]


def test_names_in_a_file_of_latents_lead_nowhere_else(folder):
    rows = {"z": np.zeros((3, 8)), "z_stddev": np.ones((3, 8))}
    sources = np.array(["../../up.mid", "a/..", "C:\\x\0y"])
    np.savez(
        "z.npz", **rows, source=sources, start_bar=np.arange(3), tempo=np.full(3, 90.0)
    )
    assert main(["decode", "z.npz", *DEBUG, "--out=deep/out"]) == 0
    assert len(files_in("deep/out")) == 4
    assert files_in(".") == ["deep", "z.npz"]
    assert files_in("deep") == ["out"]


# --- What strangers put into such files -----------------------------------------


def npy(
    descr="'<f4'", order="False", shape="(2, 8)", data=bytes(64), version=b"\x01\x00"
):
    """The bytes of an array whose header says anything."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text))
    return b"\x93NUMPY" + version + size + text.encode("latin1") + data


def npz(compression=zipfile.ZIP_STORED, **members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def saved(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def rows(**changed):
    """A file as `encode` writes it, with arrays changed or (None) missing."""
    arrays = {
        "z": np.zeros((2, 8), np.float32),
        "z_stddev": np.ones((2, 8), np.float32),
        "source": np.array(["a.mid", "b.mid"]),
        "start_bar": np.arange(2),
        "tempo": np.array([90.0, 120.0]),
    }
    members = {name: saved(array) for name, array in arrays.items()} | changed
    return npz(**{name: data for name, data in members.items() if data is not None})


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


COUNTED = np.arange(16, dtype="<f4").reshape(2, 8)


@pytest.mark.parametrize(
    "data",
    [
        npy(order="True", data=COUNTED.tobytes("F")),
        npy("'>f4'", data=COUNTED.astype(">f4").tobytes()),
        npy("'<f8'", data=COUNTED.astype("<f8").tobytes()),
        npy("'<f2'", data=COUNTED.astype("<f2").tobytes()),
        npy(version=b"\x02\x00", data=COUNTED.tobytes()),
        npz(zipfile.ZIP_DEFLATED, z=npy(data=COUNTED.tobytes())),
    ],
    ids=range(6),
)
def test_any_order_of_bytes_and_precision(folder, data):
    Path("z").write_bytes(data)
    z, names = read_latents(Path("z"))
    assert z.dtype == np.float32 and names == ["groove_01", "groove_02"]
    np.testing.assert_array_equal(z, COUNTED)


BAD_FILES = [
    (b"", "archive is damaged"),
    (b"neither", "archive is damaged"),
    (npz(y=npy()), "no array 'z'"),
    # Type
    (npy(shape="(True, 8)", data=bytes(32)), "an array of the shape"),
    (npy("'|O'", data=bytes(128)), "floating-point"),
    (npy("'<i8'", data=bytes(128)), "floating-point"),
    (npy("'<c8'", data=bytes(128)), "floating-point"),
    (npy("[('a', '<f4')]"), "floating-point"),
    (npy("[('a', '|O')]"), "floating-point"),
    (npy("('<f4', (2,))"), "floating-point"),
    (npy("'|V0'"), "floating-point"),
    (npy("'nonsense'"), "header"),
    # Shape and size
    (npy(shape="(16,)"), "(number, latent_dim)"),
    (npy(shape="(0, 8)", data=b""), "(number, latent_dim)"),
    (npy(shape="(2, 0)", data=b""), "(number, latent_dim)"),
    (npy(shape="(2, -8)"), "shape (2, -8)"),
    (npy(shape="(10**6, 8)"), "header"),
    (npy(shape=f"({10**12}, {10**12})"), "more than 268,435,456 bytes"),
    (npy(shape=f"({'9' * 4000}, 2)"), "more than 268,435,456 bytes"),
    (npy(shape="(67108864, 1)"), "as its header says"),
    (npy(shape="(200000, 1)", data=bytes(800000)), "1 to 100,000"),
    (npy(data=bytes(63)), "must have 64 bytes"),
    (npy(data=bytes(65)), "must have 64 bytes"),
    # Header
    (b"\x93NUMPY", "magic"),
    (npy(version=b"\x03\x00"), "format (3, 0)"),
    (npy(version=b"\x09\x00"), "format (9, 0)"),
    (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "header"),
    (npy("'<f4\x00'"), "header"),
    (npy("'" * 3), "header"),
    (npy("[" * 2000), "header"),
    (npy("-" * 3000 + "1"), "header"),
    (npy("'" + "x" * 9000 + "'"), "header"),
    (npy("{'names': ['a'], 'formats': ['<f4'], 'offsets': [-4]}"), "header"),
    # Archive
    (npz(zipfile.ZIP_BZIP2, z=npy()), "compressed in another way"),
    (npz(zipfile.ZIP_LZMA, z=npy()), "compressed in another way"),
    (flipped(npz(z=npy()), 60), "archive is damaged"),
    (npz(z=npy())[:-30], "archive is damaged"),
    # Rows
    (rows(tempo=None), "'tempo' must have 2 rows"),
    (rows(tempo=saved(np.zeros(3))), "'tempo' must have 2 rows"),
    (rows(source=saved(np.arange(2))), "'source' must hold text"),
    (rows(source=npy("'<U2'", shape="(2,)", data=b"\xff" * 16)), "no text"),
    (rows(source=npy("'<U999999999'", shape="(2,)")), "header"),
    (rows(source=npy("'<U99999999'", shape="(2,)")), "more than"),
    (rows(start_bar=saved(np.zeros(2))), "'start_bar' must hold integers"),
    (rows(z_stddev=saved(np.zeros((1, 8)))), "'z_stddev' must have 2 rows"),
]


@pytest.mark.parametrize(("data", "words"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_files_that_are_no_latents(folder, data, words):
    Path("z.npz").write_bytes(data)
    with pytest.raises(GrooveError, match=r"^z\.npz is not") as caught:
        read_latents(Path("z.npz"))
    assert words in str(caught.value)


def test_a_bomb_is_not_unpacked(folder):
    for shape in ("(2, 8)", "(67108864, 8)"):
        bomb = npy(shape=shape, data=bytes(20 << 20))
        Path("z.npz").write_bytes(npz(zipfile.ZIP_DEFLATED, z=bomb))
        tracemalloc.start()
        with pytest.raises(GrooveError):
            read_latents(Path("z.npz"))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 7)), "(number, 8)"),
        (np.full((2, 8), np.nan), "finite"),
        (np.full((2, 8), 1e300), "finite"),
    ],
    ids=range(3),
)
def test_latents_that_the_model_refuses(folder, capsys, array, words):
    np.savez("z.npz", z=array)
    assert main(["decode", "z.npz", *DEBUG, "--out=out"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not Path("out").exists()


def test_a_pipe_is_not_waited_for(folder, capsys):
    os.mkfifo("z.npz")
    assert main(["decode", "z.npz", *DEBUG]) == 1
    assert "z.npz: it is no regular file" in capsys.readouterr().err
    assert main(["decode", "gone.npz", *DEBUG]) == 1
    assert "gone.npz: No such file" in capsys.readouterr().err


def test_long_and_equal_sources_become_names_of_files(folder):
    sources = np.array(["\u754c" * 3000, "\u754c" * 3000])
    bars = saved(np.zeros(2, np.int64))
    Path("z.npz").write_bytes(rows(source=saved(sources), start_bar=bars))
    assert main(["decode", "z.npz", *DEBUG, "--seed=1", "--out=out"]) == 0
    assert len(files_in("out")) == 3
