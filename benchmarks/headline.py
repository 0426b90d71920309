"""The benchmark table of the README: `python -m benchmarks.headline FOLDER`.

The folder holds the JSON of a run, such as benchmarks/results/MACHINE-DATE.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contenders import NATIVE, OURS, STOCK
from benchmarks.report import read_records
from benchmarks.report.races import Entry, Race, races
from benchmarks.report.tables import table
from benchmarks.timing import summarise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a run")
    print(headline(read_records(parser.parse_args().folder)))


def headline(records: Mapping[str, Any]) -> str:
    """One row per figure, one column per backend."""
    backends = list(records["train"]["backends"])
    rows = [
        [label, *(cells.get(backend, "-") for backend in backends)]
        for label, cells in _rows(records)
    ]
    return table(["", *backends], rows)


def _rows(records: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for race in races(records["train"]["result"]):
        task = race.task
        if task.precision != "float32" or task.dropout or not task.size.hierarchical:
            continue
        rates = {e.backend: f"{task.batch / e.seconds.median:.0f}" for e in _ours(race)}
        yield f"train step, batch {task.batch}: windows/s", rates
        for other, title in ((NATIVE, "hand-written code"), (STOCK, "stock Keras")):
            ratios = _ratios(race, other)
            if ratios:
                yield f"its time over that of {title}", ratios
    for race in races(records["sample"]["result"]):
        if race.task.batch == 1:
            cells = {e.backend: f"{e.percentile(50) * 1e3:.1f}" for e in _ours(race)}
            yield "one groove from z: ms, median", cells
        if race.task.batch == 512:
            cells = {e.backend: f"{512 / e.seconds.median:.0f}" for e in _ours(race)}
            yield "512 grooves from z: grooves/s", cells
    music = records["music"]["result"]
    for verb, title in (("sample", "sample"), ("encode", "encode")):
        cells = {
            backend: f"{music['number'] / summarise(found[verb]).median:.0f}"
            for backend, found in music["seconds"].items()
        }
        yield f"`{title}` of {music['preset']}, MIDI files included: grooves/s", cells


def _ours(race: Race) -> list[Entry]:
    return [e for e in race.entries if e.name == OURS and not e.failed]


def _ratios(race: Race, other: str) -> dict[str, str]:
    found = {}
    for entry in race.entries:
        ratio = race.ratio(entry, other) if entry.name == OURS else None
        if ratio is not None:
            found[entry.backend] = f"{ratio.median:.2f}"
    return found


if __name__ == "__main__":
    main()
