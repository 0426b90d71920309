"""Sampling: new grooves from latents, step after step."""

import sys
from typing import Any

from benchmarks.contenders import NATIVE, OURS
from benchmarks.experiment import Options, race, workers
from benchmarks.tasks import FLAT, FULL, TINY, Task

HELP = "sampling: latency of one groove, grooves per second of many"

BATCHES = (1, 64, 512)
FULL_BATCHES = (1, 8, 64, 512, 4096)


def measure(options: Options) -> dict[str, Any]:
    """`races`; every call timed on its own."""
    batches = FULL_BATCHES if options.full else BATCHES
    sizes = (FULL, FLAT) if options.full else (FULL,)
    if options.tiny:
        batches, sizes = (1, 8), (TINY,)
    with workers(options) as processes:
        races = []
        for size in sizes:
            for batch in batches:
                print(f"  sample batch {batch}", file=sys.stderr)
                task = Task("sample", batch, size)
                races.append(race(processes, task, (OURS, NATIVE), options, each=True))
    return {"races": races}
