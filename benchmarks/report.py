"""The report in Markdown from the JSON that the commands left, and README's table.

`python -m benchmarks.report FOLDER` prints the table of the README.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import limits
from benchmarks.commands import COMMANDS, is_emulated
from benchmarks.contenders import NATIVE, OURS, STOCK
from benchmarks.race import Entry, Race
from benchmarks.tasks import FLAT, FULL, Task
from benchmarks.timing import Summary, summarise
from keras_musicvae.files import replacing

Records = Mapping[str, dict[str, Any]]

# Quartiles further apart than this, as a share of the median, or other programs that
# use more than this share of all cores: the machine was disturbed.
DISTURBED = 0.1
MIB = 2**20


def write_report(folder: Path) -> Path:
    """Writes `report.md` beside the JSON of a folder and returns its path."""
    path = folder / "report.md"
    with replacing(path) as temporary:
        temporary.write_text(report(read_records(folder)))
    return path


def read_records(folder: Path) -> Records:
    """The records by command."""
    paths = sorted(folder.glob("*.json"))
    return {path.stem: json.loads(path.read_text()) for path in paths}


def report(records: Records) -> str:
    """The whole report."""
    if not records:
        return "# Benchmarks\n\nNothing was measured yet.\n"
    first = next(iter(records.values()))
    parts = ["# Benchmarks", *_machine(first), _runs(records)]
    sections = {
        "train": _train,
        "sample": _calls,
        "encode": _calls,
        "music": _music,
        "memory": _memory,
        "preprocess": _preprocess,
    }
    for name, section in sections.items():
        if name in records:
            text = str(COMMANDS[name].__doc__).partition("\n")[0]
            parts += [f"## {name.capitalize()}", text]
            parts += section(records[name]["result"])
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def headline(records: Records) -> str:
    """The table of the README: one row per figure, one column per backend."""
    backends = list(records["train"]["backends"])
    rows = [
        [label, *(cells.get(backend, "-") for backend in backends)]
        for label, cells in _headline_rows(records)
        if cells
    ]
    return table(["", *backends], rows)


def _headline_rows(records: Records) -> Iterator[tuple[str, dict[str, str]]]:
    for race in map(Race, records["train"]["result"]["races"]):
        task = race.task
        if task.precision == "float32" and task.size.hierarchical:
            yield f"train step, batch {task.batch}: windows/s", _rates(race)
            for other, title in ((NATIVE, "hand-written code"), (STOCK, "stock Keras")):
                yield f"its time over that of {title}", _ratios(race, other)
    for race in map(Race, records["sample"]["result"]["races"]):
        if race.task.batch == 1:
            latencies = {
                e.backend: f"{summarise(e.runs).median * 1e3:.1f}" for e in _ours(race)
            }
            yield "one groove from z: ms, median", latencies
        if race.task.batch == 512:
            yield "512 grooves from z: grooves/s", _rates(race)
    music = records["music"]["result"]
    for verb in ("sample", "encode"):
        cells = {
            backend: f"{music['number'] / summarise(found[verb]).median:.0f}"
            for backend, found in music["seconds"].items()
        }
        yield f"`{verb}` of {music['preset']}, MIDI files included: grooves/s", cells


def _ours(race: Race) -> list[Entry]:
    return [e for e in race.entries if e.name == OURS and not e.failed]


def _rates(race: Race) -> dict[str, str]:
    batch = race.task.batch
    return {e.backend: f"{batch / e.seconds.median:.0f}" for e in _ours(race)}


def _ratios(race: Race, other: str) -> dict[str, str]:
    found = {e.backend: race.ratio(e, other) for e in _ours(race)}
    return {backend: f"{r.median:.2f}" for backend, r in found.items() if r}


def _machine(record: Mapping[str, Any]) -> list[str]:
    machine = record["machine"]
    have = [name for name, has in machine["cpu_features"].items() if has]
    lines = [
        f"- {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; "
        f"{', '.join(have) or 'no fast matrix instructions'}",
        f"- {machine['system']}, Python {machine['python']}",
    ]
    gpu = ", ".join(f"{k} {v}" for k, v in (machine["gpu"] or {}).items())
    lines.append(f"- GPU: {gpu}" if gpu else "- no GPU: nothing here was run on one")
    for backend in record["backends"].values():
        versions = ", ".join(f"{k} {v}" for k, v in backend["versions"].items())
        lines.append(
            f"- {backend['backend']}: {backend['threads'] or 'default'} threads, "
            f"{', '.join(backend['devices'])}; {versions}"
        )
    return ["\n".join(lines)]


def _runs(records: Records) -> str:
    rows = []
    for name, record in records.items():
        others = record["disturbance"]["cores_used_by_others"]
        note = f"{others:.0%}{' (disturbed)' if others > DISTURBED else ''}"
        took = f"{record['seconds']:.0f}"
        rows.append((name, record["started"], took, record["commit"], note))
    return table(
        ("command", "started", "seconds", "commit", "cores used by others"), rows
    )


_RATES = (
    ("matrix GFLOP/s", "matrix_flops", 1e-9),
    ("copy GB/s", "copy_bytes", 1e-9),
    ("LSTM step 256, us", "step_seconds_256", 1e6),
    ("LSTM step 512, us", "step_seconds_512", 1e6),
)


def _train(result: Mapping[str, Any]) -> Iterator[str]:
    size, flat = limits.train_operations(FULL), limits.train_operations(FLAT)
    yield (
        "On a batch that is on the device already. Median [quartiles] over the turns; "
        "ratios of neighbouring turns. The limit is the largest of three floors: "
        f"operations ({size / 1e9:.2f} GFLOP a window hierarchical, {flat / 1e9:.2f} "
        "flat), bytes, serial chain."
    )
    rates = result["rates"]
    yield table(
        ("measured here", *(title for title, _, _ in _RATES)),
        [
            (
                f"{backend}, {precision}",
                *(f"{factor * found[name]:.4g}" for _, name, factor in _RATES),
            )
            for precision, backends in rates.items()
            for backend, found in backends.items()
        ],
    )
    for precision, backends in rates.items():
        slow = [name for name in backends if is_emulated(rates, precision, name)]
        if slow:
            yield (
                f"Not timed: {', '.join(slow)} in {precision}, which it does in "
                "software here."
            )
    for race in map(Race, result["races"]):
        yield f"### {race.task.label}"
        yield _race(race, rates[race.task.precision])


def _calls(result: Mapping[str, Any]) -> Iterator[str]:
    yield "From arrays to arrays in NumPy; every call timed on its own."
    for race in map(Race, result["races"]):
        yield f"### {race.task.label}"
        yield _race(race)


def _race(race: Race, rates: Mapping[str, Any] | None = None) -> str:
    """A row per contender; with `rates`, the share of the limit, else percentiles."""
    own = ("share of the limit",) if rates else ("90 %, ms", "99 %, ms")
    head = (
        *("contender", "ms", "per second", "over hand-written"),
        *own,
        *("first, s", "differs by", ""),
    )
    rows = []
    for entry in race.entries:
        row = [f"{entry.backend}: {entry.name}"]
        if entry.failed:
            row.append(f"failed: {entry.failed}")
        else:
            seconds, difference = entry.seconds, entry.record["difference"]
            row += [_spread(seconds, 1e3), f"{race.task.batch / seconds.median:.0f}"]
            row.append(_ratio(race.ratio(entry)))
            if rates:
                floor, share = _share_of_limit(race.task, entry, rates)
                row.append(f"{share:.0%} ({floor})")
            else:
                row += [f"{entry.percentile(p) * 1e3:.1f}" for p in (90, 99)]
            row.append(f"{entry.record['first_seconds']:.1f}")
            row.append(f"{max(difference.values()):.0e}" if difference else "-")
            row.append("disturbed" if seconds.spread > DISTURBED else "")
        rows.append([*row, *[""] * (len(head) - len(row))])
    return table(head, rows)


def _share_of_limit(
    task: Task, entry: Entry, rates: Mapping[str, Any]
) -> tuple[str, float]:
    # The machine's floor is what any of the backends was seen to reach.
    best = {
        name: max(found[name] for found in rates.values())
        for name in ("matrix_flops", "copy_bytes")
    }
    floors = limits.floors(task, {**rates[entry.backend], **best})
    largest = max(floors, key=lambda name: floors[name])
    return largest, floors[largest] / entry.seconds.median


def _music(result: Mapping[str, Any]) -> Iterator[str]:
    where = "in memory" if result["in_memory"] else "on the disk"
    yield (
        f"{result['number']} grooves at once with `{result['preset']}`: `sample` and a "
        "MIDI file of each; `encode` of these files; `files`: their bytes written "
        f"again and nothing else. The files lie {where}."
    )
    rows = [
        (backend, verb, _spread(found, 1e3), f"{result['number'] / found.median:.0f}")
        for backend, verbs in result["seconds"].items()
        for verb, seconds in verbs.items()
        for found in [summarise(seconds)]
    ]
    yield table(("backend", "verb", "ms", "grooves/s"), rows)


def _memory(result: Mapping[str, Any]) -> Iterator[str]:
    yield "MiB; each contender in a fresh process, three runs."
    rows = []
    for peak in result["peaks"]:
        task = Task.from_dict(peak["task"])
        if "failed" in peak:
            cells = [f"failed: {peak['failed']}", "", ""]
        else:
            host, device = peak["host"], peak.get("device")
            sizes = (host, host - peak["host_before"], device)
            cells = [f"{size / MIB:.0f}" if size else "-" for size in sizes]
        about = (f"{peak['backend']}: {peak['name']}", f"{task.kind}, {task.label}")
        rows.append((*about, *cells))
    yield table(("contender", "task", "peak", "over the imports", "device"), rows)


def _preprocess(result: Mapping[str, Any]) -> Iterator[str]:
    seconds = _spread(summarise(result["seconds"]), 1e3)
    yield f"`keras-musicvae preprocess`, a whole process: {seconds} ms."
    readers = [
        (name, f"{result['files'] / seconds:.0f}")
        for name, seconds in result["readers"].items()
    ]
    yield table(("one process", "files/s"), readers)


def _spread(summary: Summary, factor: float = 1.0) -> str:
    """The median and the quartiles, in three or four digits."""
    found = [factor * x for x in (summary.median, summary.lower, summary.upper)]
    digits = 2 if found[0] < 10 else 1 if found[0] < 100 else 0
    median, lower, upper = (f"{x:.{digits}f}" for x in found)
    return f"{median} [{lower}, {upper}]"


def _ratio(ratio: Summary | None) -> str:
    return "-" if ratio is None else _spread(ratio)


def main() -> None:
    """Prints the table of the README."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a run")
    print(headline(read_records(parser.parse_args().folder)))


if __name__ == "__main__":
    main()
