"""Preprocessing: files per second, memory, and what a kill costs.

    python benchmarks/preprocess.py --groove groove-v1.0.0-midionly.zip
    python benchmarks/preprocess.py --files 20000      # synthetic, 5 % of them broken

The second makes a folder of synthetic files, preprocesses it undisturbed, then again
with a kill -9 half-way and a second run, and compares the two results byte by byte.
"""

import argparse
import contextlib
import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "datasets"))

GRIDS = (4, 6, 8, 12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groove", type=Path, help="the Groove MIDI Dataset's zip")
    parser.add_argument("--files", type=int, help="size of a synthetic folder")
    parser.add_argument("--jobs", type=int, help="processes (default: all cores)")
    args = parser.parse_args()
    if not (args.groove or args.files):
        parser.error("give --groove ZIP, --files N or both")
    with tempfile.TemporaryDirectory() as folder:
        if args.groove:
            compare_readers(args.groove)
            time_groove(args.groove, Path(folder), args.jobs)
        if args.files:
            kill_half_way(args.files, Path(folder), args.jobs)


def compare_readers(archive: Path) -> None:
    """Files per second of CPU time, one process, of parsing alone and of all steps."""
    import miditoolkit

    from keras_musicvae.datasets.convert import (
        RejectedFile,
        WindowConfig,
        convert_bytes,
    )
    from keras_musicvae.grooves.midi_check import check_midi

    with zipfile.ZipFile(archive) as source:
        files = [source.read(n) for n in source.namelist() if n.endswith(".mid")]
    config = WindowConfig()

    def convert(data: bytes) -> None:
        with contextlib.suppress(RejectedFile):
            convert_bytes(data, config)

    readers = {
        "miditoolkit.MidiFile (parsing only)": lambda data: miditoolkit.MidiFile(
            file=io.BytesIO(data)
        ),
        "check_midi (checking and parsing)": check_midi,
        "check_midi + symusic": None,
        "all steps, bytes to windows": convert,
    }
    try:
        import symusic

        readers["check_midi + symusic"] = lambda data: (
            check_midi(data),
            symusic.Score.from_midi(data),
        )
    except ImportError:
        del readers["check_midi + symusic"]
    for name, read in readers.items():
        started = time.process_time()
        for data in files:
            read(data)
        spent = time.process_time() - started
        print(f"{name:38s} {len(files) / spent:7,.0f} files/s per core")


def time_groove(archive: Path, folder: Path, jobs: int | None) -> None:
    from keras_musicvae.datasets.convert import WindowConfig
    from keras_musicvae.datasets.folder import preprocess
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.grooves.converter import GrooveConverter

    for grid in GRIDS:
        started = time.perf_counter()
        config = WindowConfig(converter=GrooveConverter(steps_per_quarter=grid))
        windows = preprocess(archive, folder / f"groove{grid}", config, jobs=jobs)
        spent = time.perf_counter() - started
        report = windows.info["report"]
        kept = 100 * report["hits"] / report["notes"]
        print(
            f"{grid:2d} steps per quarter: {report['files']['read']:,} files in "
            f"{spent:.1f} s ({report['files']['read'] / spent:,.0f} files/s), "
            f"{len(windows):,} windows, {kept:.1f} % of the hits kept"
        )
    started = time.perf_counter()
    windows = GrooveWindows.load(folder / "groove4")
    print(f"loading: {1000 * (time.perf_counter() - started):.1f} ms")
    started, count = time.perf_counter(), 0
    for batch in windows.batches(128, seed=0):
        count += len(batch)
    rate = count / (time.perf_counter() - started)
    print(f"batches of 128 in random order: {rate:,.0f} windows/s")


def kill_half_way(count: int, folder: Path, jobs: int | None) -> None:
    from synthetic import write_folder

    midi = folder / "midi"
    broken = write_folder(midi, count)
    print(f"{count:,} synthetic files, {broken:,} of them broken")

    started = time.perf_counter()
    process = _start(midi, folder / "plain", jobs)
    _, status, usage = os.wait4(process.pid, 0)
    spent = time.perf_counter() - started
    assert status == 0
    print(
        f"undisturbed: {spent:.1f} s ({count / spent:,.0f} files/s); "
        f"largest memory of the parent {usage.ru_maxrss / 1024:,.0f} MB"
    )

    process = _start(midi, folder / "killed", jobs)
    time.sleep(spent / 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    parts = list((folder / ".killed.partial" / "parts").glob("*.json"))
    print(f"killed after {spent / 2:.1f} s with {len(parts)} parts sealed")
    started = time.perf_counter()
    assert _start(midi, folder / "killed", jobs).wait() == 0
    print(f"resumed: {time.perf_counter() - started:.1f} s")

    plain, killed = (_digests(folder / name) for name in ("plain", "killed"))
    assert plain == killed, "the results differ"
    print(f"the results are equal: {len(plain)} files, byte by byte")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest memory of any process {children / 1024:,.0f} MB")


def _start(midi: Path, out: Path, jobs: int | None) -> subprocess.Popen:
    command = [sys.executable, "-m", "keras_musicvae", "preprocess", midi]
    extra = ["--jobs", str(jobs)] if jobs else []
    return subprocess.Popen([*command, "--out", out, "--quiet", *extra])


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }


if __name__ == "__main__":
    main()
