"""How fast MIDI files are read, and how many hits each grid keeps.

    python benchmarks/read_midi.py groove-v1.0.0-midionly.zip

Compares, on the same bytes and in one process: miditoolkit alone, symusic alone (if it
is installed), symusic on bytes that our check has passed, our check alone, and
`read_midi` as users call it, from bytes to a `Groove`. Then it reads all files on finer
grids.
"""

import argparse
import io
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import miditoolkit

from keras_musicvae.grooves.midi import read_midi
from keras_musicvae.grooves.midi_check import check_midi
from keras_musicvae.grooves.midi_load import load_midi

GRIDS = (4, 6, 8, 12)
REPEATS = 3

Note = tuple[int, int, int]


def files_of(source: Path) -> list[bytes]:
    if source.is_dir():
        return [path.read_bytes() for path in sorted(source.rglob("*.mid"))]
    with zipfile.ZipFile(source) as archive:
        names = [name for name in archive.namelist() if name.endswith(".mid")]
        return [archive.read(name) for name in names]


def seconds(work: Callable[[bytes], Any], files: list[bytes]) -> float:
    """Processor time for all files, the best of a few turns."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        for data in files:
            work(data)
        times.append(time.process_time() - start)
    return min(times)


def onsets(notes: Iterable[Any], start: str = "start") -> list[Note]:
    return sorted((getattr(n, start), n.pitch, n.velocity) for n in notes)


def by_miditoolkit(data: bytes) -> miditoolkit.MidiFile:
    return miditoolkit.MidiFile(file=io.BytesIO(data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="a zip or a folder of MIDI files")
    files = files_of(parser.parse_args().source)
    readers: dict[str, Callable[[bytes], Any]] = {
        "miditoolkit alone (unchecked)": by_miditoolkit,
        "check_midi": check_midi,
        "load_midi: check_midi and notes": load_midi,
        "read_midi: bytes to Groove": read_midi,
    }
    symusic: Any
    try:
        import symusic
    except ImportError:
        symusic = None
    else:
        readers["symusic alone (unchecked)"] = symusic.Score.from_midi

        def checked(data: bytes) -> Any:
            check_midi(data)
            return symusic.Score.from_midi(data)

        readers["check_midi, then symusic"] = checked
    print(f"{len(files):,} files, {sum(map(len, files)):,} bytes")
    for name, work in readers.items():
        spent = seconds(work, files)
        print(f"{len(files) / spent:>9,.0f} files/s  {spent:7.2f} s  {name}")

    equal = {"miditoolkit": 0, "symusic": 0}
    for data in files:
        ours = sorted(map(tuple, load_midi(data).notes[:, :3].tolist()))
        tracks = by_miditoolkit(data).instruments
        equal["miditoolkit"] += ours == onsets(n for t in tracks for n in t.notes)
        if symusic is not None:
            score = symusic.Score.from_midi(data)
            notes = (note for track in score.tracks for note in track.notes)
            equal["symusic"] += ours == onsets(notes, "time")
    for name, count in equal.items():
        print(f"{count:>9,} files with the same notes in {name}")

    for grid in GRIDS:
        reports = [read_midi(data, steps_per_quarter=grid).report for data in files]
        hits = sum(report.num_hits for report in reports if report)
        notes = sum(report.num_notes for report in reports if report)
        print(
            f"{hits / notes:>9.1%} of {notes:,} hits kept at {grid} steps per quarter"
        )


if __name__ == "__main__":
    main()
