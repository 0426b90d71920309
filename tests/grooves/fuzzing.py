"""Reads damaged files and watches what comes of them.

    PYTHONPATH=tests python -m grooves.fuzzing 1000000 1 fuzz_failures

reads that many files, of that seed, and saves those that break a rule.
"""

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from grooves import midi_files
from grooves.mutations import mutate
from grooves.written import check_written, written

from keras_musicvae.errors import MusicVAEError
from keras_musicvae.grooves.midi import read_midi, read_midi_parts

MAX_MESSAGE = 2_000  # 20 names of tracks at most
MAX_SECONDS = 3.0  # measured: below 1 on an idle machine


def seeds() -> list[bytes]:
    """Good files of every kind, small enough to be damaged often."""
    song = midi_files.tempo(96) + midi_files.time_signature(4, 4)
    drums = midi_files.notes(*range(0, 7680, 120), pitch=42)
    return [
        midi_files.GOOD,
        midi_files.file(song + drums, format_=0),
        midi_files.file(song, drums, midi_files.notes(0, 960, channel=1)),
        midi_files.file(song + drums, drums, format_=2),
        midi_files.file(song + drums + midi_files.time_signature(7, 8, 60) + drums),
        midi_files.file(midi_files.time_signature(5, 8) + drums, division=96),
        midi_files.riff(midi_files.GOOD, (b"LIST", b"INFO"), (b"DISP", b"odd")),
        midi_files.file(
            song + midi_files.meta(3, "ドラム".encode("shift_jis")),
            *(
                midi_files.meta(3, name)
                + midi_files.notes(*range(0, 7680, 480), pitch=pitch, channel=1)
                for name, pitch in ((b"Kick", 36), (b"Snare", 38), (b"Hats", 42))
            ),
        ),
        midi_files.file(
            midi_files.time_signature(1, 4)
            + midi_files.note()
            + b"\x00\xf8\x00\xb9\x04\x40"
            + midi_files.time_signature(4, 4, 420)
            + drums
            + midi_files.time_signature(8, 8, 119)
            + drums
            + midi_files.meta(6, b"end", 50_000)
        ),
    ]


def check(data: bytes) -> str:
    """Reads one file; returns what came of it, raises if that is not allowed."""
    start = time.process_time()
    try:
        grooves = read_midi_parts(data)
        for groove in grooves:
            json.dumps(groove.report.to_json())
    except MusicVAEError as error:
        if "\n" in str(error) or len(str(error)) > MAX_MESSAGE:
            raise AssertionError(f"a message of {len(str(error))}") from error
        return type(error).__name__
    finally:
        seconds = time.process_time() - start
        if seconds > MAX_SECONDS:
            raise AssertionError(f"{seconds:.1f} s")
    for groove in grooves:
        again = written(groove)
        check_written(groove, again)
        read = read_midi(again, drum_map=groove.drum_map)
        np.testing.assert_array_equal(read.hits, groove.hits)
    return "groove"


def fuzz(
    sources: list[bytes], count: int, seed: int, out: Path | None = None
) -> Counter[str]:
    """Counts what `count` damaged files come to; failures are saved and counted."""
    outcomes: Counter[str] = Counter()
    for number in range(count):
        generator = random.Random(f"{seed}/{number}")
        data = mutate(generator.choice(sources), sources, generator)
        try:
            outcomes[check(data)] += 1
        except Exception as error:
            outcomes[f"FAILURE {type(error).__name__}: {error}"[:100]] += 1
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                (out / f"{seed}-{number}.mid").write_bytes(data)
    return outcomes


if __name__ == "__main__":
    count, seed, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    for outcome, times in fuzz(seeds(), count, seed, out).most_common():
        print(f"{times:>10,}  {outcome}")
