"""The train step: forward, backward, clipping, Adam."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.contenders import NATIVE, NATIVE_COMPILED, OURS, OURS_FIT, STOCK
from benchmarks.experiment import Options, race, workers
from benchmarks.tasks import FLAT, FULL, TINY, Task

HELP = "the train step, in windows per second, beside hand-written code and the limit"

BATCHES = (32, 128, 512, 2048, 4096)
# Stock Keras layers loop in Python on PyTorch: from here on that takes minutes.
LARGEST_STOCK_BATCH = 128
# A precision whose matrix products are slower than this share of float32's is done in
# software: a train step would take minutes and say nothing.
EMULATED = 0.1


def measure(options: Options) -> dict[str, Any]:
    """All cases; `rates` of the machine by precision and backend, `races`."""
    rates: dict[str, Any] = {}
    races = []
    for precision in precisions(options):
        planned = [c for c in cases(options) if c[0].precision == precision]
        if not planned:
            continue
        with workers(options, precision) as processes:
            rates[precision] = {
                backend: worker.ask("rates", precision=precision)
                for backend, worker in processes.items()
            }
            able = {
                backend: worker
                for backend, worker in processes.items()
                if not is_emulated(rates, precision, backend)
            }
            for task, contenders in planned:
                print(f"  train {label(task)}", file=sys.stderr)
                races.append(race(able, task, contenders, options))
    return {"rates": rates, "races": races}


def is_emulated(rates: dict[str, Any], precision: str, backend: str) -> bool:
    """Whether a backend does this precision in software on this machine."""
    usual = rates.get("float32", {}).get(backend, {}).get("matrix_flops", 0.0)
    return rates[precision][backend]["matrix_flops"] < EMULATED * usual


def precisions(options: Options) -> tuple[str, ...]:
    """tf32 is a mode of NVIDIA GPUs."""
    return ("float32", *(["tf32"] if options.gpu else []), "bfloat16")


def cases(options: Options) -> Iterator[tuple[Task, Sequence[str]]]:
    """What is measured: tasks, and who takes part."""
    if options.tiny:
        yield Task("train", 4, TINY), (OURS, NATIVE, OURS_FIT, STOCK)
        return
    if not options.full:
        yield Task("train", 128, FULL), (OURS, NATIVE, STOCK)
        yield Task("train", 512, FULL), (OURS, NATIVE)
        yield Task("train", 128, FLAT), (OURS, NATIVE)
        yield Task("train", 128, FULL, dropout=0.3), (OURS, NATIVE)
        yield Task("train", 128, FULL, "bfloat16"), (OURS, NATIVE)
        return
    for precision in precisions(options):
        for size in (FULL, FLAT):
            for batch in BATCHES:
                contenders = [OURS, NATIVE, OURS_FIT, NATIVE_COMPILED]
                if batch <= LARGEST_STOCK_BATCH or options.gpu:
                    contenders.append(STOCK)
                yield Task("train", batch, size, precision), contenders
        yield Task("train", 128, FULL, precision, dropout=0.3), (OURS, NATIVE)


def label(task: Task) -> str:
    """A task in a line."""
    decoder = "hierarchical" if task.size.hierarchical else "flat"
    dropout = f", dropout {task.dropout:g}" if task.dropout else ""
    return (
        f"{decoder}, {task.size.num_bars} bars, batch {task.batch}, "
        f"{task.precision}{dropout}"
    )
