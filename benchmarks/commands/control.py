"""A control of the harness: it must see a difference that was put there."""

from typing import Any

from benchmarks.contenders import OURS
from benchmarks.experiment import Options, race, workers
from benchmarks.tasks import FULL, TINY, Task

HELP = "a control: our train step against itself, and against itself slowed by 10%"

SLOWED = 0.1


def measure(options: Options) -> dict[str, Any]:
    """`races`; each with our step twice, the second time slowed on purpose."""
    task = Task("train", 8 if options.tiny else 32, TINY if options.tiny else FULL)
    with workers(options) as processes:
        return {"races": [race(processes, task, (OURS,), options, slowed=SLOWED)]}
