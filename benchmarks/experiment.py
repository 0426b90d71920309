"""Contenders of all backends side by side on one task, taking turns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contenders import exists
from benchmarks.tasks import Task
from benchmarks.timing import alternate, runs_of_a_turn
from benchmarks.worker import Worker, WorkerError

Workers = Mapping[str, Worker]


@dataclass(frozen=True)
class Options:
    """What the command line chose.

    Attributes:
        backends: Backends to measure.
        full: All cases, instead of those of half an hour on two cores.
        rounds: Turns of each contender.
        seconds: Least length of a turn.
        race_seconds: From here on no further round is begun.
        cores: Cores that a worker may use; None: all.
        data: The Groove MIDI Dataset's zip; None: where `KERAS_MUSICVAE_SHARED` or
            the cache has it.
        gpu: Whether this machine has a GPU.
        out: Folder of the results.
        tiny: A tiny model and few cases, to try the code.
    """

    backends: tuple[str, ...]
    full: bool = False
    rounds: int = 9
    seconds: float = 0.3
    race_seconds: float = 180.0
    cores: int | None = None
    data: Path | None = None
    gpu: bool = False
    out: Path = field(default_factory=Path)
    tiny: bool = False


@contextmanager
def workers(options: Options, precision: str = "float32") -> Iterator[Workers]:
    """One worker per backend, for as long as the context lasts."""
    with ExitStack() as stack:
        yield {
            backend: stack.enter_context(
                Worker(backend, precision, cores=options.cores)
            )
            for backend in options.backends
        }


def race(
    workers: Workers,
    task: Task,
    contenders: Sequence[str],
    options: Options,
    *,
    each: bool = False,
    slowed: float = 0.0,
) -> dict[str, Any]:
    """Times contenders against each other.

    Args:
        workers: One per backend.
        task: What they do.
        contenders: Names; those that a backend does not have are left out.
        options: Rounds and lengths of the turns.
        each: Time every run on its own, for percentiles.
        slowed: Adds a copy of the first contender that is slower by this share.

    Returns:
        `task`, and `contenders`: for each `backend`, `name`, `difference` from ours,
        `build_seconds`, `first_seconds`, `second_seconds`, and `turns`, lists of
        seconds per run; or `failed`, the reason why it could not run.
    """
    entries: dict[str, dict[str, Any]] = {}
    asked = [(name, 0.0) for name in contenders]
    if slowed:
        asked.append((contenders[0], slowed))
    for backend, worker in workers.items():
        for name, slower in asked:
            if not exists(name, backend):
                continue
            shown = f"{name}, slowed by {slower:.0%}" if slower else name
            key = f"{backend}: {shown}"
            entries[key] = {"backend": backend, "name": shown}
            try:
                entries[key] |= worker.ask(
                    "prepare",
                    key=key,
                    contender=name,
                    task=task.as_dict(),
                    slowed=slower,
                )
            except WorkerError as error:
                entries[key]["failed"] = str(error)
    # Backend by backend: a process that has waited for others pays for it in its next
    # run, and that contender would pay for all. So it also runs once without a clock.
    for backend, worker in workers.items():
        turns = {
            key: _turn(worker, key, each)
            for key, entry in entries.items()
            if entry["backend"] == backend and "failed" not in entry
        }
        repeats = {
            key: runs_of_a_turn(entries[key]["second_seconds"], options.seconds)
            for key in turns
        }
        for turn in list(turns.values())[:1]:
            turn(1)
        seconds = alternate(
            turns,
            rounds=options.rounds,
            repeats=repeats,
            most_seconds=options.race_seconds / len(workers),
        )
        for key, value in seconds.items():
            entries[key]["turns"] = value
    for worker in workers.values():
        worker.ask("drop")
    return {"task": task.as_dict(), "contenders": list(entries.values())}


def _turn(worker: Worker, key: str, each: bool) -> Any:
    return lambda repeats: worker.ask("time", key=key, repeats=repeats, each=each)
