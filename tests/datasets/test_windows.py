import json
import shutil

import numpy as np
import pytest
from synthetic import groove_bytes

from keras_musicvae.datasets.convert import WindowConfig
from keras_musicvae.datasets.folder import preprocess
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import ChecksumError, DatasetError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.midi import read_midi


@pytest.fixture(scope="module")
def midi(tmp_path_factory):
    folder = tmp_path_factory.mktemp("midi")
    for style in ("rock", "jazz"):
        (folder / style).mkdir()
        for number in range(6):
            data = groove_bytes(number + len(style), bars=3 + number)
            (folder / style / f"{number}.mid").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def folder(midi, tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "two bars"
    preprocess(midi, out, WindowConfig(converter=GrooveConverter(num_bars=2)), jobs=1)
    return out


def test_a_window_holds_the_bars_of_its_file(folder, midi):
    windows = GrooveWindows.load(folder, verify=True)
    converter = GrooveConverter(num_bars=2)
    assert len(windows) == 2 * sum(range(2, 8))
    for index in range(len(windows)):
        groove = read_midi(midi / windows.file_names[windows.file[index]])
        bar = windows.start_bar[index]
        part = groove.bars(bar, bar + 2)
        assert np.array_equal(windows[index], converter.to_array(part))
        assert windows.tempo[index] == np.float32(groove.tempo)
        style = windows.styles[windows.style[index]]
        assert style == windows.file_names[windows.file[index]].split("/")[0]
        assert windows.groove(index).tempo == pytest.approx(groove.tempo)


def test_indexing_is_that_of_an_array(folder):
    windows = GrooveWindows.load(folder)
    every = windows.arrays()
    assert every.shape == (54, 32, 27)
    assert every.dtype == np.float32
    mask = windows.tempo > 100
    for key in (3, -1, np.int64(5), slice(4, 40, 3), [7, 7, -2], [], mask):
        assert np.array_equal(windows[key], every[key])
    for key in (54, [0, 54], "a"):
        with pytest.raises((IndexError, TypeError, ValueError)):
            windows[key]
    with pytest.raises(IndexError, match="one-dimensional"):
        windows[np.zeros((2, 2), int)]
    every[0] = 1  # a copy: the dataset itself cannot be changed
    assert not np.array_equal(windows[0], every[0])


def test_splits_divide_the_windows_by_file(folder):
    windows = GrooveWindows.load(folder)
    parts = [windows.split(name) for name in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(windows)
    assert [len(part) for part in parts] == list(windows.info["counts"].values())
    files = [set(part.file.tolist()) for part in parts]
    assert all(files)
    assert not (files[0] & files[1] or files[0] & files[2] or files[1] & files[2])
    with pytest.raises(DatasetError, match="train, validation, test"):
        windows.split("training")


def test_select(folder):
    windows = GrooveWindows.load(folder)
    apart = windows.select(hop_bars=2)
    assert (apart.start_bar % 2 == 0).all()
    assert len(apart) == 2 * sum(bars // 2 for bars in range(3, 9))
    rock = windows.select(style="rock")
    assert {windows.styles[code] for code in rock.style} == {"rock"}
    slow = windows.select(tempo=(0, 100), hop_bars=2, style="jazz")
    expected = (
        (windows.tempo <= 100)
        & (windows.start_bar % 2 == 0)
        & (windows.style == windows.styles.index("jazz"))
    )
    assert np.array_equal(slow.arrays(), windows[expected])
    assert np.array_equal(windows.select(mask=[5, 3]).arrays(), windows[[5, 3]])
    masked = windows.select(style="rock", mask=windows.tempo > 100)
    assert len(masked) == (rock.tempo > 100).sum()
    for wrong in ({"style": "polka"}, {"hop_bars": 0}, {"kind": "fills"}):
        with pytest.raises(DatasetError):
            windows.select(**wrong)


def test_batches_visit_every_window_once_in_an_order_of_their_own(folder):
    windows = GrooveWindows.load(folder)
    plain = np.concatenate(list(windows.batches(10)))
    assert np.array_equal(plain, windows.arrays())
    batches = list(windows.batches(10, seed=1, epoch=2))
    assert [len(batch) for batch in batches] == [10, 10, 10, 10, 10, 4]
    shuffled = np.concatenate(batches)
    again = np.concatenate(list(windows.batches(10, seed=1, epoch=2)))
    other = np.concatenate(list(windows.batches(10, seed=1, epoch=3)))
    assert np.array_equal(shuffled, again)
    assert not np.array_equal(shuffled, other)
    sums = plain.sum((1, 2))
    assert np.array_equal(np.sort(shuffled.sum((1, 2))), np.sort(sums))
    assert not np.array_equal(shuffled.sum((1, 2)), sums)
    assert len(list(windows.batches(10, drop_remainder=True))) == 5


def test_windows_of_grooves_in_memory(midi):
    grooves = [read_midi(path) for path in sorted(midi.glob("rock/*.mid"))]
    windows = GrooveWindows.from_grooves(grooves, GrooveConverter(num_bars=4))
    assert len(windows) == 1 + 2 + 3 + 4 + 5  # the first has three bars
    assert windows.num_steps == 64
    last = GrooveConverter(num_bars=4).to_array(grooves[5].bars(4, 8))
    assert np.array_equal(windows[-1], last)
    assert windows.file[-1] == 5
    assert len(windows.split("train")) == len(windows)
    short = GrooveWindows.from_grooves(
        grooves, GrooveConverter(num_bars=4), short="pad"
    )
    assert len(short) == len(windows) + 1
    assert not short[0][48:].any()
    empty = GrooveWindows.from_grooves([], GrooveConverter(num_bars=4))
    assert empty.arrays().shape == (0, 64, 27)


def test_parts_leave_no_trace(midi, tmp_path, monkeypatch):
    from keras_musicvae.datasets import folder

    config = WindowConfig(converter=GrooveConverter(num_bars=2))
    monkeypatch.setattr(folder, "PART_FILES", 3)
    preprocess(midi, tmp_path / "many", config, jobs=2)
    monkeypatch.undo()
    preprocess(midi, tmp_path / "one", config)
    for path in (tmp_path / "many").iterdir():
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()


def test_gathering_is_fast(folder):
    import time

    windows = GrooveWindows.load(folder)
    indices = np.random.default_rng(0).integers(0, len(windows), (20, 256))
    started = time.perf_counter()
    for batch in indices:
        windows[batch]
    assert indices.size / (time.perf_counter() - started) > 5000  # per second


# --- Folders that are not what they should be ---------------------------------


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def edit(folder, **changes):
    path = folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match=r"is not a preprocessed dataset.*preproc"):
        GrooveWindows.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", "[" * 10000, "\0"])
def test_a_broken_description(copy, text):
    (copy / "dataset.json").write_text(text)
    with pytest.raises(DatasetError):
        GrooveWindows.load(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 1},
        {"format": "other"},
        {"frames": {"size": 1, "sha256": ""}},
        {"frames": {"size": -1, "sha256": ""}},
        {"frames": []},
        {"num_steps": 0},
        {"num_steps": 33},
        {"num_steps": True},
        {"styles": []},
        {"styles": [1, 2]},
        {"config": {}},
        {"config": None},
        {"windows": "windows.npy"},
    ],
)
def test_a_description_that_does_not_fit(copy, changes):
    edit(copy, **changes)
    with pytest.raises(DatasetError):
        GrooveWindows.load(copy)


def test_missing_and_truncated_files(copy):
    frames = copy / "frames.npy"
    data = frames.read_bytes()
    frames.write_bytes(data[:-1])
    with pytest.raises(DatasetError, match=r"frames\.npy: it has"):
        GrooveWindows.load(copy)
    frames.unlink()
    with pytest.raises(DatasetError, match="No such file"):
        GrooveWindows.load(copy)


def test_a_changed_file_is_found_when_asked(copy):
    frames = copy / "frames.npy"
    data = bytearray(frames.read_bytes())
    data[-1] ^= 1
    frames.write_bytes(bytes(data))
    GrooveWindows.load(copy)
    with pytest.raises(ChecksumError, match="SHA-256"):
        GrooveWindows.load(copy, verify=True)


@pytest.mark.parametrize(
    "field, value",
    [("row", -1), ("row", 10**12), ("row", 1730), ("style", 9), ("split", 3)],
)
def test_a_window_outside_of_the_data(copy, field, value):
    table = np.load(copy / "windows.npy")
    table[field][5] = value
    np.save(copy / "windows.npy", table)
    with pytest.raises(DatasetError, match=r"windows\.npy"):
        GrooveWindows.load(copy)


def test_nothing_is_unpickled(copy):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    size = (copy / "windows.npy").stat().st_size
    np.save(copy / "windows.npy", np.array([Bomb()], object), allow_pickle=True)
    info = json.loads((copy / "dataset.json").read_text())
    info["windows"]["size"] = (copy / "windows.npy").stat().st_size
    assert info["windows"]["size"] != size
    edit(copy, windows=info["windows"])
    with pytest.raises(DatasetError, match=r"windows\.npy"):
        GrooveWindows.load(copy)
