"""The report in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks import limits
from benchmarks.commands.control import SLOWED
from benchmarks.commands.train import is_emulated, label
from benchmarks.contenders import OURS
from benchmarks.report.races import Entry, Race, races
from benchmarks.report.targets import ORIGINAL, targets
from benchmarks.tasks import FLAT, FULL, Task
from benchmarks.timing import Summary, summarise

Records = Mapping[str, dict[str, Any]]

# Wider than this, the machine was disturbed.
SPREAD = 0.1
# Others' work, as a share of all cores, from which a run is called disturbed.
OTHERS = 0.1


def report(records: Records, pictures: Mapping[str, str]) -> str:
    """The whole report.

    Args:
        records: What the commands left, by command.
        pictures: File names of pictures, by the section that shows them.
    """
    if not records:
        return "# Benchmarks\n\nNothing was measured yet.\n"
    first = next(iter(records.values()))
    parts = ["# Benchmarks", _machine(first), _runs(records)]
    parts += [f"{name}: {r['note']}" for name, r in records.items() if "note" in r]
    reached = [
        (target.what, target.limit, target.measured, target.reached)
        for target in targets(records)
    ]
    if reached:
        head = ("what", "to reach", "measured", "reached")
        parts += ["## Numbers to reach", table(head, reached)]
    sections = {
        "train": _train,
        "sample": _sample,
        "encode": _encode,
        "control": _control,
        "startup": _startup,
        "music": _music,
        "memory": _memory,
        "scaling": _scaling,
        "preprocess": _preprocess,
    }
    for name, section in sections.items():
        if name in records:
            parts += section(records[name])
            if name in pictures:
                parts.append(f"![{name}]({pictures[name]})")
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _machine(record: Mapping[str, Any]) -> str:
    machine = record["machine"]
    features = machine["cpu_features"]
    have = [name for name, has in features.items() if has]
    lack = [name for name, has in features.items() if not has]
    clocks = sorted({f"{mhz:.0f}" for mhz in machine["cpu_mhz"]})
    lines = [
        f"- CPU: {machine['cpu']} (family, model "
        f"{'/'.join(machine['cpu_family_model'])}), {machine['cores']} cores, "
        f"{', '.join(clocks) or '?'} MHz when asked, governor "
        f"{machine['cpu_governor']}",
        f"- has {', '.join(have) or 'none'}; has not {', '.join(lack) or 'none'} of "
        "what speeds matrix products up",
        f"- memory: {machine['memory_gib']} GiB; {machine['system']}; Python "
        f"{machine['python']}",
    ]
    gpu = machine["gpu"]
    if gpu:
        lines.append("- GPU: " + ", ".join(f"{k} {v}" for k, v in gpu.items()))
    else:
        lines.append("- no GPU: nothing here was run on one")
    for backend in record["backends"].values():
        versions = ", ".join(f"{k} {v}" for k, v in backend["versions"].items())
        lines.append(
            f"- {backend['backend']}: {backend['threads'] or 'default'} threads, "
            f"{', '.join(backend['devices'])}; {versions}"
        )
    return "\n".join(lines)


def _runs(records: Records) -> str:
    rows = []
    for name, record in records.items():
        noise = record["disturbance"]
        others = noise["cores_used_by_others"]
        rows.append(
            (
                name,
                record["started"],
                f"{record['seconds']:.0f}",
                record["commit"],
                f"{noise['load_before']:.1f}, {noise['load_after']:.1f}",
                _share(others),
            )
        )
    head = ("command", "started", "seconds", "commit", "load", "cores used by others")
    return table(head, rows)


def _train(record: Mapping[str, Any]) -> list[str]:
    size, flat = limits.train_operations(FULL), limits.train_operations(FLAT)
    parts = [
        "## Train step",
        "Forward, backward, clipping, Adam, on a batch that is on the device already. "
        "Median [quartiles] over the turns; ratios of neighbouring turns. The limit "
        "is the largest of three floors: operations (counted: "
        f"{size / 1e9:.2f} GFLOP a window hierarchical, {flat / 1e9:.2f} flat), bytes, "
        f"serial chain. The original trained at {ORIGINAL:.0f} windows/s on two other "
        "cores (TensorFlow 2.9, flat decoder).",
        _rates(record["result"]["rates"]),
        *_emulated(record["result"]["rates"]),
    ]
    for race in races(record["result"]):
        rates = record["result"]["rates"][race.task.precision]
        parts += [f"### {label(race.task)}", _train_table(race, rates)]
    return parts


def _share(others: float | None) -> str:
    if others is None:
        return "not measured"
    return f"{others:.0%}{' (disturbed)' if others > OTHERS else ''}"


def _emulated(rates: Mapping[str, Any]) -> list[str]:
    """Says what was not timed, if anything."""
    slow = [
        f"{backend} in {precision}"
        for precision, backends in rates.items()
        for backend in backends
        if is_emulated(rates, precision, backend)
    ]
    if not slow:
        return []
    return [
        f"Not timed: {', '.join(slow)}. The backend does it in software here, at less "
        "than a tenth of float32's rate."
    ]


def _rates(rates: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{backend}, {precision}",
            f"{found['matrix_flops'] / 1e9:.0f}",
            f"{found['copy_bytes'] / 1e9:.1f}",
            f"{found['step_seconds_256'] * 1e6:.0f}",
            f"{found['step_seconds_512'] * 1e6:.0f}",
        )
        for precision, backends in rates.items()
        for backend, found in backends.items()
    ]
    head = (
        "measured here",
        "matrix GFLOP/s",
        "copy GB/s",
        "LSTM step 256, us",
        "LSTM step 512, us",
    )
    return table(head, rows)


def _train_table(race: Race, rates: Mapping[str, Any]) -> str:
    # The machine's floor is what any of the backends was seen to reach.
    best = {
        "matrix_flops": max(found["matrix_flops"] for found in rates.values()),
        "copy_bytes": max(found["copy_bytes"] for found in rates.values()),
    }
    rows = []
    for entry in race.entries:
        if entry.failed:
            rows.append((_name(entry), f"failed: {entry.failed}", *[""] * 6))
            continue
        own = {**rates[entry.backend], **best}
        floors = limits.floors(race.task, own)
        largest = max(floors, key=lambda name: floors[name])
        seconds = entry.seconds
        rows.append(
            (
                _name(entry),
                _milliseconds(seconds),
                f"{race.task.batch / seconds.median:.0f}",
                _ratio(race.ratio(entry)),
                f"{floors[largest] / seconds.median:.0%} ({largest})",
                f"{entry.record['first_seconds']:.1f}",
                _difference(entry),
                _note(seconds),
            )
        )
    head = (
        "contender",
        "ms a step",
        "windows/s",
        "over hand-written",
        "share of the limit",
        "first step, s",
        "differs by",
        "",
    )
    return table(head, rows)


def _sample(record: Mapping[str, Any]) -> list[str]:
    text = (
        "From latents to arrays in NumPy, noise drawn by NumPy included; every call "
        "timed on its own. Percentiles over all calls."
    )
    return ["## Sampling", text, *_calls(record, "grooves/s")]


def _encode(record: Mapping[str, Any]) -> list[str]:
    text = "From arrays to posteriors, both in NumPy; every call timed on its own."
    return ["## Encoding", text, *_calls(record, "grooves/s")]


def _calls(record: Mapping[str, Any], unit: str) -> list[str]:
    parts = []
    for race in races(record["result"]):
        rows = []
        for entry in race.entries:
            if entry.failed:
                rows.append((_name(entry), f"failed: {entry.failed}", *[""] * 7))
                continue
            rows.append(
                (
                    _name(entry),
                    *[f"{entry.percentile(p) * 1e3:.1f}" for p in (50, 90, 99)],
                    f"{race.task.batch / entry.seconds.median:.0f}",
                    _ratio(race.ratio(entry)),
                    f"{entry.record['first_seconds']:.1f}",
                    _difference(entry),
                    _note(entry.seconds),
                )
            )
        head = (
            "contender",
            "median ms",
            "90 %",
            "99 %",
            unit,
            "over hand-written",
            "first call, s",
            "differs by",
            "",
        )
        parts += [f"### {_shape(race.task)}", table(head, rows)]
    return parts


def _control(record: Mapping[str, Any]) -> list[str]:
    rows = []
    for race in races(record["result"]):
        for entry in race.entries:
            ratio = race.ratio(entry, OURS)
            if ratio is None:
                continue
            # Half of it at least, and not by chance.
            seen = "yes" if min(ratio.median - SLOWED / 2, ratio.lower) > 1.0 else "no"
            rows.append((_name(entry), _ratio(ratio), seen))
    text = (
        "The harness against a difference that was put there: our train step beside a "
        "copy that waits for a tenth of its time."
    )
    head = ("contender", "over keras-musicvae", "seen")
    return ["## Control", text, table(head, rows)]


def _startup(record: Mapping[str, Any]) -> list[str]:
    rows = [
        (name, f"{summary.median:.2f}", f"[{summary.lower:.2f}, {summary.upper:.2f}]")
        for name, seconds in record["result"]["starts"].items()
        for summary in [summarise(seconds)]
    ]
    text = "Wall seconds of whole processes."
    return ["## Start-up", text, table(("process", "seconds", "quartiles"), rows)]


def _music(record: Mapping[str, Any]) -> list[str]:
    result = record["result"]
    rows = [
        (backend, verb, _milliseconds(found), f"{result['number'] / found.median:.0f}")
        for backend, verbs in result["seconds"].items()
        for verb, seconds in verbs.items()
        for found in [summarise(seconds)]
    ]
    where = "in memory" if result["in_memory"] else "on the disk"
    text = (
        f"{result['number']} grooves at once with `{result['preset']}`: `sample` and a "
        "MIDI file of each; `encode` of these files; `files`: their bytes written "
        "again and nothing else. One process, two cores or more where the backend "
        f"uses them; reading and writing MIDI takes one. The files lie {where}."
    )
    head = ("backend", "verb", "ms", "grooves/s")
    return ["## Verbs, MIDI included", text, table(head, rows)]


def _memory(record: Mapping[str, Any]) -> list[str]:
    rows = []
    for peak in record["result"]["peaks"]:
        task = Task.from_dict(peak["task"])
        name = f"{peak['backend']}: {peak['name']}"
        if "failed" in peak:
            rows.append((name, task.kind, f"failed: {peak['failed']}", "", ""))
            continue
        mib = 1 / 2**20
        device = peak.get("device")
        rows.append(
            (
                name,
                f"{task.kind} {_shape(task)}",
                f"{peak['host'] * mib:.0f}",
                f"{(peak['host'] - peak['host_before']) * mib:.0f}",
                f"{device * mib:.0f}" if device else "-",
            )
        )
    head = ("contender", "task", "peak, MiB", "over the imports", "device, MiB")
    text = "Each contender in a fresh process, three runs."
    return ["## Memory", text, table(head, rows)]


def _scaling(record: Mapping[str, Any]) -> list[str]:
    result = record["result"]
    parts = ["## Scaling", "Of the train step, per window."]
    for key, title in (("bars", "bars"), ("widths", "encoder units")):
        rows = []
        for race in races(result, key):
            value = race.task.size.num_bars
            if key == "widths":
                value = race.task.size.encoder_units
            operations = limits.train_operations(race.task.size)
            for entry in race.entries:
                if entry.failed:
                    continue
                each = entry.seconds.median / race.task.batch
                rows.append(
                    (
                        _name(entry),
                        str(value),
                        f"{each * 1e3:.2f}",
                        f"{operations / 1e9:.2f}",
                        f"{operations / each / 1e9:.0f}",
                        _note(entry.seconds),
                    )
                )
        head = ("contender", title, "ms a window", "GFLOP", "GFLOP/s", "")
        rows.sort(key=lambda row: (row[0], int(row[1])))
        parts += [f"### {title.capitalize()}", table(head, rows)]
    if "devices" in result:
        parts += _devices(result["devices"])
    return parts


def _devices(result: Mapping[str, Any]) -> list[str]:
    rows = []
    for record in result["races"]:
        devices = str(record["devices"])
        if "failed" in record:
            rows.append((devices, f"failed: {record['failed']}", ""))
            continue
        for entry in Race(record).entries:
            text = entry.failed or _milliseconds(entry.seconds)
            rows.append((devices, text, f"{record['later_loss']:.4f}"))
    text = "JAX, `keras.distribution.DataParallel`."
    if result["simulated"]:
        text += (
            f" A simulation: virtual devices that share the {result['cores']} cores of "
            "one CPU. It shows that the way works, not that it is faster."
        )
    head = ("devices", "ms a step", "loss after two steps")
    return ["### Devices", text, table(head, rows)]


def _preprocess(record: Mapping[str, Any]) -> list[str]:
    result = record["result"]
    if "skipped" in result:
        return ["## Preprocessing", f"Skipped: {result['skipped']}."]
    summary = summarise(result["seconds"])
    text = (
        "`keras-musicvae preprocess` of the Groove MIDI Dataset, a whole process: "
        f"{summary.median:.1f} s [{summary.lower:.1f}, {summary.upper:.1f}]. "
        "`benchmarks/preprocess.py` says:"
    )
    return ["## Preprocessing", text, "\n".join(["```", *result["details"], "```"])]


def _name(entry: Entry) -> str:
    return f"{entry.backend}: {entry.name}"


def _shape(task: Task) -> str:
    decoder = "hierarchical" if task.size.hierarchical else "flat"
    return f"{decoder}, batch {task.batch}, {task.precision}"


def _milliseconds(seconds: Summary) -> str:
    median, lower, upper = (
        1e3 * x for x in (seconds.median, seconds.lower, seconds.upper)
    )
    digits = 1 if median < 100 else 0
    return f"{median:.{digits}f} [{lower:.{digits}f}, {upper:.{digits}f}]"


def _ratio(ratio: Summary | None) -> str:
    if ratio is None:
        return "-"
    return f"{ratio.median:.2f} [{ratio.lower:.2f}, {ratio.upper:.2f}]"


def _difference(entry: Entry) -> str:
    found = entry.record["difference"]
    return f"{max(found.values()):.0e}" if found else "-"


def _note(seconds: Summary) -> str:
    return "disturbed" if seconds.spread > SPREAD else ""
