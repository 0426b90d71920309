"""How the train step's cost grows with bars, width and devices."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmarks.contenders import NATIVE, OURS
from benchmarks.experiment import Options, race, workers
from benchmarks.tasks import FULL, TINY, ModelSize, Task
from benchmarks.worker import Worker, WorkerError

HELP = "how the train step's cost grows with bars, width and devices"

BARS = (2, 4, 8, 16)
WIDTHS = (0.5, 1.0, 2.0)
DEVICES = (1, 2)


def measure(options: Options) -> dict[str, Any]:
    """`bars` and `widths`: races; `devices`: a race per number of devices."""
    batch = 4 if options.tiny else (128 if options.full else 32)
    contenders = (OURS, NATIVE) if options.full else (OURS,)
    found: dict[str, Any] = {"bars": [], "widths": []}
    with workers(options) as processes:
        for what, size in _sizes(options):
            print(f"  scaling {what}", file=sys.stderr)
            task = Task("train", batch, size)
            found[what].append(race(processes, task, contenders, options))
    if "jax" in options.backends:
        found["devices"] = _devices(options, batch)
    return found


def _sizes(options: Options) -> Iterator[tuple[str, ModelSize]]:
    size = TINY if options.tiny else FULL
    for bars in BARS[:2] if options.tiny else BARS:
        yield "bars", replace(size, num_bars=bars)
    for factor in WIDTHS:
        yield "widths", size.scaled(factor)


def _devices(options: Options, batch: int) -> dict[str, Any]:
    """`DataParallel` on simulated CPU devices, or on the GPUs that there are.

    On a CPU this shows that the way works and gives the same loss, not that it is
    faster: the devices share the same cores.
    """
    task = Task("train", batch, TINY if options.tiny else FULL)
    races = []
    for number in DEVICES:
        simulated = 1 if options.gpu else number
        try:
            with Worker("jax", cores=options.cores, virtual_devices=simulated) as one:
                devices = one.ask("distribute") if number > 1 else 1
                small = replace(task, batch=4)
                loss = one.ask("later_loss", contender=OURS, task=small.as_dict())
                result = race({"jax": one}, task, (OURS,), options)
                races.append({"devices": devices, "later_loss": loss, **result})
        except WorkerError as error:
            races.append({"devices": number, "failed": str(error)})
    return {"simulated": not options.gpu, "cores": os.cpu_count(), "races": races}
