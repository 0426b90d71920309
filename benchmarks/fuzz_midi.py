"""Throws damaged MIDI files at the reader, for as long as asked.

    python benchmarks/fuzz_midi.py --count 1000000 --seed 1 FOLDER_OR_ZIP_OF_MIDI

Every file must end, within a second of processor time, in a groove or in an error of
`keras_musicvae.errors`. A groove must come back from writing and reading with the same
hits. Whatever breaks this is saved into --out, and the exit code is 1. Without files of
your own, the damage is done to files that are made up here.
"""

import argparse
import sys
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from grooves.fuzzing import fuzz, seeds

MAX_SEED_BYTES = 20_000


def files_of(source: Path) -> list[bytes]:
    """The MIDI files of a folder or a zip that are not too large."""
    if source.is_dir():
        data = [path.read_bytes() for path in sorted(source.rglob("*.mid"))]
    else:
        with zipfile.ZipFile(source) as archive:
            names = [name for name in archive.namelist() if name.endswith(".mid")]
            data = [archive.read(name) for name in names]
    return [file for file in data if len(file) <= MAX_SEED_BYTES]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz_failures"))
    args = parser.parse_args()
    sources = seeds() + (files_of(args.source) if args.source else [])
    start = time.monotonic()
    outcomes = fuzz(sources, args.count, args.seed, args.out)
    seconds = time.monotonic() - start
    print(f"{args.count:,} files of {len(sources):,} in {seconds:.0f} s")
    for outcome, times in outcomes.most_common():
        print(f"{times:>10,}  {outcome}")
    return any(outcome.startswith("FAILURE") for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())
