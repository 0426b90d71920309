"""Peak memory of training and of sampling, each contender in a process of its own."""

import sys
from typing import Any

from benchmarks.contenders import NATIVE, OURS, STOCK, exists
from benchmarks.experiment import Options
from benchmarks.tasks import FULL, TINY, Task
from benchmarks.worker import Worker, WorkerError

HELP = "peak memory of host and device, in training and sampling"


def measure(options: Options) -> dict[str, Any]:
    """`peaks`: per task and contender `host_before`, `host`, `device`, in bytes."""
    peaks = []
    for task, contenders in _cases(options):
        for backend in options.backends:
            for name in contenders:
                if not exists(name, backend):
                    continue
                print(f"  memory {task.kind} {backend}: {name}", file=sys.stderr)
                entry = {"task": task.as_dict(), "backend": backend, "name": name}
                try:
                    with Worker(backend, task.precision, cores=options.cores) as worker:
                        entry |= worker.ask(
                            "memory", contender=name, task=task.as_dict()
                        )
                except WorkerError as error:
                    entry["failed"] = str(error)
                peaks.append(entry)
    return {"peaks": peaks}


def _cases(options: Options) -> list[tuple[Task, tuple[str, ...]]]:
    if options.tiny:
        return [(Task("train", 4, TINY), (OURS,))]
    found: list[tuple[Task, tuple[str, ...]]] = [
        (Task("train", 128, FULL), (OURS, NATIVE))
    ]
    if options.full:
        found = [
            (Task("train", 128, FULL), (OURS, NATIVE, STOCK)),
            (Task("train", 512, FULL), (OURS, NATIVE)),
            (Task("train", 128, FULL, "bfloat16"), (OURS, NATIVE)),
            (Task("sample", 512, FULL), (OURS, NATIVE)),
        ]
    return found
