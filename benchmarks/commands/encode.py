"""Encoding: the posteriors of grooves."""

import sys
from typing import Any

from benchmarks.contenders import NATIVE, OURS, STOCK
from benchmarks.experiment import Options, race, workers
from benchmarks.tasks import FULL, TINY, Task

HELP = "encoding: latency of one groove, grooves per second of many"

BATCHES = (1, 512)
FULL_BATCHES = (1, 8, 64, 512, 4096)


def measure(options: Options) -> dict[str, Any]:
    """`races`; every call timed on its own."""
    batches = FULL_BATCHES if options.full else BATCHES
    if options.tiny:
        batches = (1, 8)
    contenders = (OURS, NATIVE, STOCK) if options.full else (OURS, NATIVE)
    with workers(options) as processes:
        races = []
        for batch in batches:
            print(f"  encode batch {batch}", file=sys.stderr)
            task = Task("encode", batch, TINY if options.tiny else FULL)
            races.append(race(processes, task, contenders, options, each=True))
    return {"races": races}
