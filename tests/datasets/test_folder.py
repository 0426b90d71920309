import _thread
import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from synthetic import BROKEN, broken_bytes, groove_bytes, midi_bytes, write_folder

from keras_musicvae.datasets import folder as module
from keras_musicvae.datasets import unfinished, workers
from keras_musicvae.datasets.convert import WindowConfig
from keras_musicvae.datasets.folder import preprocess
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import ConfigError, DatasetError, OutputError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_maps import DRUMS
from keras_musicvae.grooves.midi import read_midi
from keras_musicvae.grooves.midi_limits import MidiLimits


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def midi(tmp_path_factory):
    folder = tmp_path_factory.mktemp("midi")
    write_folder(folder, 200, per_folder=70)
    return folder


@pytest.fixture(scope="module")
def plain(midi, tmp_path_factory):
    """An undisturbed run with parts of 20 files."""
    out = tmp_path_factory.mktemp("data") / "plain"
    usual, module.PART_FILES = module.PART_FILES, 20
    try:
        preprocess(midi, out)
    finally:
        module.PART_FILES = usual
    return out


# --- What is read, and what is not --------------------------------------------


def test_every_file_is_used_or_rejected_with_a_reason(plain):
    windows = GrooveWindows.load(plain, verify=True)
    rejected = rows_of(plain / "rejected.csv")
    used = rows_of(plain / "files.csv")
    assert len(rejected) == 10
    assert len(used) == 190
    assert all(row["reason"] and len(row["sha256"]) == 64 for row in rejected)
    assert {row["category"] for row in rejected} == {
        *("not valid MIDI", "beyond a limit", "no drums")
    }
    assert sum(int(row["windows"]) for row in used) == len(windows)
    assert [row["name"] for row in used] == list(windows.file_names)
    report = windows.info["report"]
    assert report["files"]["read"] == 200
    assert report["rejected"] == {
        category: sum(row["category"] == category for row in rejected)
        for category in report["rejected"]
    }
    assert report["hits"] == sum(report["drums"].values())
    assert report["hits"] + report["shared_cells"] == report["notes"]
    frames = np.load(plain / "frames.npy")
    assert frames[:, :9].sum() == report["hits"]
    assert windows.styles == ("style0", "style1", "style2")


@pytest.mark.parametrize("kind", BROKEN)
def test_each_kind_of_broken_file_alone_is_one_clear_error(tmp_path, kind):
    path = tmp_path / "x.mid"
    path.write_bytes(broken_bytes(kind))
    with pytest.raises(DatasetError, match=r"^No window of 4 bars can be cut. x.mid: "):
        preprocess(path, tmp_path / "new" / "out", jobs=1)
    assert [p.name for p in tmp_path.iterdir()] == ["x.mid"]


def test_a_folder_without_windows_says_why(tmp_path):
    files = {"a.mid": groove_bytes(1, bars=2), "b.mid": groove_bytes(2, bars=3)}
    write(tmp_path / "midi", {**files, "c.mid": b"?"})
    with pytest.raises(DatasetError, match="2 too short, 1 not valid MIDI") as error:
        preprocess(tmp_path / "midi", tmp_path / "out", jobs=1)
    assert "a.mid: has 2 bars, a window 4; --short pad" in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["midi"]


def test_short_files_are_skipped_padded_or_looped(tmp_path):
    files = {"1.mid": groove_bytes(1, bars=1), "5.mid": groove_bytes(2, bars=5)}
    midi = write(tmp_path / "midi", files)
    skip, pad, loop = (
        preprocess(midi, tmp_path / short, WindowConfig(short=short), jobs=1)
        for short in ("skip", "pad", "loop")
    )
    assert (len(skip), len(pad), len(loop)) == (2, 3, 3)
    assert np.array_equal(pad[1:], skip.arrays())
    bar = pad[0][:16]
    assert bar[:, :9].any()
    assert not pad[0][16:].any()
    assert np.array_equal(loop[0], np.tile(bar, (4, 1)))
    assert pad.info["report"]["bars_added"] == 3


def test_bars_after_the_last_window(tmp_path):
    midi = write(tmp_path / "midi", {"6.mid": groove_bytes(1, bars=6)})
    skip, keep = (
        preprocess(midi, tmp_path / tail, WindowConfig(hop_bars=4, tail=tail), jobs=1)
        for tail in ("skip", "keep")
    )
    assert skip.start_bar.tolist() == [0]
    assert skip.info["report"]["bars_left_over"] == 2
    assert keep.start_bar.tolist() == [0, 2]
    assert keep.info["report"]["bars_left_over"] == 0


def test_only_the_time_signature_of_the_model(tmp_path):
    waltz = midi_bytes([(0, 36, 90), (9000, 38, 80)], bars=8, time_signature=(3, 4))
    midi = write(tmp_path / "midi", {"3.mid": waltz, "4.mid": groove_bytes(1)})
    four = preprocess(midi, tmp_path / "four", jobs=1)
    assert list(four.file_names) == ["4.mid"]
    assert four.info["report"]["time_signatures"] == {"3/4": 1, "4/4": 1}
    (row,) = rows_of(tmp_path / "four" / "rejected.csv")
    assert row["category"] == "another time signature"
    assert "3/4" in row["reason"]
    three = preprocess(
        midi,
        tmp_path / "three",
        WindowConfig(converter=GrooveConverter(time_signature=(3, 4))),
        jobs=1,
    )
    assert list(three.file_names) == ["3.mid"]
    assert three.num_steps == 48


def test_a_file_whose_time_signature_changes_gives_its_parts(tmp_path):
    waltz = bytes([0xFF, 0x58, 4, 3, 2, 24, 8])
    common = bytes([0xFF, 0x58, 4, 4, 2, 24, 8])
    bar = 480 * 4
    data = midi_bytes(
        [(480 * n, 36, 1 + n) for n in range(16 + 6 + 20)],
        bars=12,
        extra=[(4 * bar, waltz), (4 * bar + 6 * 480, common)],
    )
    midi = write(tmp_path / "midi", {"x.mid": data})
    windows = preprocess(midi, tmp_path / "out", jobs=1)
    assert windows.start_bar.tolist() == [0, 0, 1]
    first = windows.arrays()[:, 0, 9] * 127
    assert first.round().astype(int).tolist() == [1, 23, 27]
    assert windows.info["report"]["bars_left_over"] == 2


def test_tempo_of_a_window_is_that_of_its_first_bar(tmp_path):
    faster = b"\xff\x51\x03" + (400_000).to_bytes(3, "big")
    notes = [(480 * n, 36, 90) for n in range(24)]
    data = midi_bytes(notes, bars=6, tempo=100, extra=[(2 * 1920, faster)])
    midi = write(tmp_path / "midi", {"x.mid": data})
    windows = preprocess(midi, tmp_path / "out", jobs=1)
    assert windows.tempo.tolist() == [100, 100, 150]
    assert windows.info["report"]["files_with_tempo_changes"] == 1


def test_unknown_pitches_are_counted_or_mapped(tmp_path):
    data = midi_bytes([(0, 36, 90), (480, 92, 80), (960, 92, 70)], bars=4)
    midi = write(tmp_path / "midi", {"x.mid": data})
    skip = preprocess(midi, tmp_path / "skip", jobs=1)
    assert skip.info["report"]["unknown_pitches"] == {"92": 2}
    assert skip[0][:, :9].sum() == 1
    for pitches in ({92: "snare"}, "snare"):
        config = WindowConfig(unknown_pitch=pitches)
        mapped = preprocess(midi, tmp_path / "map", config, overwrite=True)
        assert mapped[0][:, 1].sum() == 2
        # A model that is trained on these windows reads files alike.
        (groove,) = mapped.converter.read(midi / "x.mid", drum_map="auto")
        assert groove.hits[:, 1].sum() == 2
    with pytest.raises(DatasetError, match="92"):
        preprocess(midi, tmp_path / "e", WindowConfig(unknown_pitch="error"), jobs=1)


def test_equal_windows_are_kept_once_and_outside_of_training(tmp_path):
    copy = groove_bytes(1, bars=6)
    files = {f"{n}.mid": groove_bytes(n, bars=6) for n in range(40)}
    # The same windows in files of other contents, which lie in all splits.
    for n in range(100, 130):
        files[f"{n}.mid"] = copy + bytes([n])
    midi = write(tmp_path / "midi", files)
    every = preprocess(midi, tmp_path / "all", jobs=2)
    once = preprocess(midi, tmp_path / "once", dedup=True, jobs=2)
    assert len(every) == 70 * 3
    assert len(once) == 40 * 3
    assert len(np.unique(once.arrays().reshape(len(once), -1), axis=0)) == len(once)
    assert once.info["report"]["duplicate_windows"] == 30 * 3
    wanted = every[every.file_names.index("1.mid") * 3]
    holders = {
        name: int((part.arrays() == wanted).all((1, 2)).sum())
        for name in ("train", "validation", "test")
        for part in [every.split(name)]
    }
    assert all(holders.values())  # a copy in every split
    left = {n: (once.split(n).arrays() == wanted).all((1, 2)).sum() for n in holders}
    assert left == {"train": 0, "validation": 0, "test": 1}


def test_names_that_are_not_text(tmp_path):
    odd = os.fsdecode(b'\xff"odd\n,name.mid')
    midi = write(tmp_path / "midi", {odd: groove_bytes(1), "x.mid": groove_bytes(2)})
    broken = os.fsdecode(b"\xfe.mid")
    write(midi, {broken: b""})
    windows = preprocess(midi, tmp_path / "out", jobs=1)
    assert set(windows.file_names) == {odd, "x.mid"}
    assert rows_of(tmp_path / "out" / "rejected.csv")[0]["name"] == broken


def test_a_zip_gives_what_its_folder_gives(midi, plain, tmp_path, monkeypatch):
    import zipfile

    monkeypatch.setattr(module, "PART_FILES", 20)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for path in sorted(midi.rglob("*.mid"), reverse=True):
            archive.write(path, path.relative_to(midi))
    preprocess(tmp_path / "x.zip", tmp_path / "out")
    ours, theirs = contents(tmp_path / "out"), contents(plain)
    description = ours.pop("dataset.json")
    expected = theirs.pop("dataset.json")
    assert ours == theirs
    name = expected.replace(midi.name.encode(), b"x.zip")
    assert description == name


# --- Files that hurt the reader -----------------------------------------------


@pytest.mark.parametrize(
    "attack, reason",
    [
        ("segfault", "crashed the reader (SIGSEGV)"),
        ("exit", "ended the reader (exit code 3)"),
        ("hang", "took more than 1 s of processor time"),
        ("memory", "needed more than 64 MB of memory"),
    ],
)
def test_a_file_that_kills_its_reader_twice_is_rejected(
    tmp_path, monkeypatch, attack, reason
):
    files = {f"{n}.mid": groove_bytes(n) for n in range(8)}
    midi = write(tmp_path / "midi", {**files, "4.mid": attack.encode()})
    monkeypatch.setattr(workers, "WORKER", "hurt_worker")
    windows = preprocess(midi, tmp_path / "out", jobs=2, seconds=1, memory=64 << 20)
    assert len(windows.file_names) == 7
    (row,) = rows_of(tmp_path / "out" / "rejected.csv")
    assert (row["name"], row["category"]) == ("4.mid", "reader failed")
    assert row["reason"] == reason
    assert len(row["sha256"]) == 64


def test_a_reader_that_dies_once_costs_nothing(midi, plain, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART_FILES", 20)
    monkeypatch.setattr(workers, "WORKER", "hurt_worker")
    monkeypatch.setenv("DIES_ONCE", str(tmp_path / "dead"))
    preprocess(midi, tmp_path / "out", jobs=1)
    assert (tmp_path / "dead").exists()
    assert contents(tmp_path / "out") == contents(plain)


def test_a_busy_machine_rejects_no_file(tmp_path, monkeypatch):
    midi = write(tmp_path / "midi", {"1.mid": groove_bytes(1), "2.mid": b"wait"})
    monkeypatch.setattr(workers, "WORKER", "hurt_worker")
    preprocess(midi, tmp_path / "out", seconds=1)
    (row,) = rows_of(tmp_path / "out" / "rejected.csv")
    assert row["category"] == "not valid MIDI"


def test_what_a_parser_prints_or_raises_is_no_answer(tmp_path, monkeypatch):
    files = {"1.mid": groove_bytes(1), "2.mid": b"print", "3.mid": groove_bytes(3)}
    midi = write(tmp_path / "midi", files)
    monkeypatch.setattr(workers, "WORKER", "hurt_worker")
    windows = preprocess(midi, tmp_path / "out", jobs=1)
    assert list(windows.file_names) == ["1.mid", "3.mid"]


def test_an_unexpected_error_costs_one_file(tmp_path, monkeypatch):
    from keras_musicvae.datasets import convert

    def broken(*arguments, **options):
        raise KeyError("key")

    monkeypatch.setattr(convert, "read_midi_parts", broken)
    with pytest.raises(convert.RejectedFile, match="unexpected error: KeyError"):
        convert.convert_bytes(groove_bytes(1), WindowConfig())


def test_a_reader_that_cannot_start(tmp_path, monkeypatch):
    midi = write(tmp_path / "midi", {"1.mid": groove_bytes(1)})
    monkeypatch.setattr(workers, "WORKER", "no_such_module")
    with pytest.raises(DatasetError, match=r"could not be started.*no_such_module"):
        preprocess(midi, tmp_path / "out")


def test_readers_end_with_an_interruption(midi, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART_FILES", 5)
    started = []
    launch = workers.start

    def start(task, log):
        started.append(launch(task, log))
        return started[-1]

    def interrupt(done):
        _thread.interrupt_main()

    monkeypatch.setattr(workers, "start", start)
    monkeypatch.setattr(module, "showing", lambda *a, **k: interrupted())

    @contextlib.contextmanager
    def interrupted():
        yield type("Bar", (), {"update": lambda self, *a: interrupt(a)})()

    with pytest.raises(KeyboardInterrupt):
        preprocess(midi, tmp_path / "out", jobs=2)
    assert started and all(process.poll() is not None for process in started)


# --- Silence ------------------------------------------------------------------


def test_silent_windows_are_not_trained_on_unless_asked(tmp_path):
    notes = [(0, 36, 90), (480, 38, 90), (1920 * 9, 36, 90)]
    midi = write(tmp_path / "midi", {"x.mid": midi_bytes(notes, bars=10)})
    skip, keep = (
        preprocess(midi, tmp_path / name, WindowConfig(silent=name))
        for name in ("skip", "keep")
    )
    assert skip.start_bar.tolist() == [0, 6]
    assert keep.start_bar.tolist() == list(range(7))
    assert skip.arrays()[..., :9].any((1, 2)).all()
    assert [w.info["report"]["silent_windows"] for w in (skip, keep)] == [5, 0]
    groove = read_midi(midi / "x.mid")
    for silent, count in (("skip", 2), ("keep", 7)):
        made = GrooveWindows.from_grooves(
            [groove], GrooveConverter(num_bars=4), silent=silent
        )
        assert len(made) == count


# --- Interruptions ------------------------------------------------------------

RUN = """
import sys
from keras_musicvae.datasets import folder
folder.PART_FILES = 20
folder.preprocess(sys.argv[1], sys.argv[2], jobs=2)
"""


def start(midi: Path, out: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", RUN, str(midi), str(out)])


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_killed_run_is_resumed_and_leaves_the_same_bytes(midi, plain, tmp_path):
    out = tmp_path / "out"
    partial = tmp_path / ".out.partial"
    process = start(midi, out)
    deadline = time.monotonic() + 60
    while len(list(partial.glob("parts/*.json"))) < 5:
        assert process.poll() is None, "finished before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    kill(process)
    sealed = len(list(partial.glob("parts/*.json")))
    assert 5 <= sealed < 10
    assert not out.exists()
    assert start(midi, out).wait() == 0
    assert contents(out) == contents(plain)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_run_that_is_killed_again_and_again(midi, plain, tmp_path):
    out = tmp_path / "out"
    delay = 0.6
    while not out.exists():
        process = start(midi, out)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            kill(process)
        delay += 0.2
    assert start(midi, out).wait() == 0
    assert contents(out) == contents(plain)


def test_only_parts_that_are_missing_or_damaged_are_read(
    midi, plain, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "PART_FILES", 20)
    publish = unfinished.UnfinishedFolder.publish

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(unfinished.UnfinishedFolder, "publish", interrupt)
    with pytest.raises(KeyboardInterrupt):
        preprocess(midi, tmp_path / "out")
    parts = tmp_path / ".out.partial" / "parts"
    frames = parts / "00004.frames"
    frames.write_bytes(frames.read_bytes()[:-4] + b"\0\0\0\1")
    (parts / "00002.json").unlink()
    (parts / "00006.windows.npy").write_bytes(b"")
    (parts / ".00009.json.1234").touch()
    taken = []
    read = workers.PartReader.read

    def watched(self, parts, jobs, on_file):
        taken.extend(parts)
        read(self, parts, jobs, on_file)

    monkeypatch.setattr(workers.PartReader, "read", watched)
    monkeypatch.setattr(unfinished.UnfinishedFolder, "publish", publish)
    preprocess(midi, tmp_path / "out")
    assert taken == [2, 4, 6]
    assert contents(tmp_path / "out") == contents(plain)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_run_killed_while_it_replaces_leaves_no_litter(tmp_path, monkeypatch):
    midi = write(tmp_path / "midi", {"x.mid": groove_bytes(1)})
    out = tmp_path / "out"
    preprocess(midi, out)
    put = unfinished.put_folder

    def killed(new, target):
        put(new, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "put_folder", killed)
        with pytest.raises(KeyboardInterrupt):
            preprocess(
                midi,
                out,
                WindowConfig(converter=GrooveConverter(num_bars=2)),
                overwrite=True,
            )
    assert GrooveWindows.load(out).num_bars == 2
    preprocess(midi, out, WindowConfig(converter=GrooveConverter(num_bars=2)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["midi", "out"]


def test_other_files_or_settings_start_over(tmp_path, monkeypatch):
    files = {f"{n:02d}.mid": groove_bytes(n) for n in range(30)}
    midi = write(tmp_path / "midi", files)
    monkeypatch.setattr(module, "PART_FILES", 10)
    monkeypatch.setattr(
        unfinished.UnfinishedFolder, "publish", lambda self: self.close()
    )
    with pytest.raises(DatasetError):
        preprocess(midi, tmp_path / "out")
    monkeypatch.undo()
    monkeypatch.setattr(module, "PART_FILES", 10)
    write(midi, {"00.mid": groove_bytes(99)})
    preprocess(midi, tmp_path / "out")
    preprocess(midi, tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_number_of_processes_does_not_change_the_result(
    midi, plain, tmp_path, monkeypatch, jobs
):
    monkeypatch.setattr(module, "PART_FILES", 20)
    preprocess(midi, tmp_path / "out", jobs=jobs)
    assert contents(tmp_path / "out") == contents(plain)


# --- Output -------------------------------------------------------------------


def test_the_same_again_is_nothing_to_do_and_another_needs_overwrite(tmp_path, capsys):
    midi = write(tmp_path / "midi", {"x.mid": groove_bytes(1, bars=6)})
    out = tmp_path / "out"
    preprocess(midi, out, jobs=1)
    stamp = (out / "dataset.json").stat().st_mtime_ns
    preprocess(midi, out, jobs=1, verbose=True)
    assert "already" in capsys.readouterr().err
    assert (out / "dataset.json").stat().st_mtime_ns == stamp
    with pytest.raises(DatasetError, match=r"different: config.*--overwrite"):
        preprocess(
            midi, out, WindowConfig(converter=GrooveConverter(num_bars=2)), jobs=1
        )
    write(midi, {"y.mid": groove_bytes(2)})
    with pytest.raises(DatasetError, match="different: files"):
        preprocess(midi, out, jobs=1)
    assert len(GrooveWindows.load(out)) == 3
    preprocess(midi, out, jobs=1, overwrite=True)
    assert len(GrooveWindows.load(out)) == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["midi", "out"]


def test_folders_with_other_things_are_left_alone(tmp_path):
    midi = write(tmp_path / "midi", {"x.mid": groove_bytes(1)})
    write(tmp_path / "out", {"thesis.txt": b"precious"})
    with pytest.raises(OutputError, match="holds other files"):
        preprocess(midi, tmp_path / "out", overwrite=True)
    with pytest.raises(OutputError, match="is a file"):
        preprocess(midi, tmp_path / "out" / "thesis.txt", overwrite=True)
    with pytest.raises(OutputError, match="no folder that can be written"):
        preprocess(midi, tmp_path / "out" / "thesis.txt" / "x")
    assert (tmp_path / "out" / "thesis.txt").read_bytes() == b"precious"


def test_two_processes_do_not_write_one_folder(tmp_path):
    midi = write(tmp_path / "midi", {"x.mid": groove_bytes(1)})
    other = unfinished.UnfinishedFolder(tmp_path / "out", {})
    with pytest.raises(OutputError, match="Another process"):
        preprocess(midi, tmp_path / "out")
    other.discard()
    preprocess(midi, tmp_path / "out")


@pytest.mark.parametrize(
    "settings",
    [
        {"any_kit": "yes"},
        {"hop_bars": 1.5},
        {"unknown_pitch": "cowbell"},
        {"unknown_pitch": 36},
        {"converter": 4},
        {"hop_bars": 5},
        {"hop_bars": 0},
        {"short": "fill"},
        {"tail": "drop"},
        {"silent": "drop"},
    ],
)
def test_impossible_settings(settings):
    with pytest.raises(ConfigError, match="Received"):
        WindowConfig(**settings)


@pytest.mark.parametrize(
    "settings",
    [{"config": 4}, {"jobs": 0}, {"jobs": "two"}, {"seconds": 0}, {"memory": 1.5}],
)
def test_impossible_arguments(tmp_path, settings):
    with pytest.raises(ConfigError, match="must be"):
        preprocess(tmp_path, tmp_path / "out", **settings)


def test_the_configuration_survives_json():
    config = WindowConfig(
        converter=GrooveConverter(2, time_signature=(6, 8), drum_map="general_midi"),
        unknown_pitch={92: "snare"},
        channel=None,
        track="Drums",
        limits=MidiLimits(max_notes=7),
    )
    restored = WindowConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert restored == config
    assert restored.converter.drum_map.drum_of(92) == DRUMS.index("snare")
    assert restored.converter.drum_map.written_pitches[0] == 36
    assert not restored.any_kit
