"""Contenders of all backends side by side on one task, taking turns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contenders import NATIVE, exists
from benchmarks.tasks import Task
from benchmarks.timing import (
    Summary,
    alternate,
    compare,
    percentile,
    runs_of_a_turn,
    summarise,
)
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
        data: The Groove MIDI Dataset's zip; None: it is downloaded.
        gpu: Whether this machine has a GPU.
        tiny: A tiny model and few cases, to try the code.
    """

    backends: tuple[str, ...]
    full: bool = False
    rounds: int = 9
    seconds: float = 0.3
    race_seconds: float = 180.0
    data: Path | None = None
    gpu: bool = False
    tiny: bool = False


@contextmanager
def workers(options: Options, precision: str = "float32") -> Iterator[Workers]:
    """One worker per backend, for as long as the context lasts."""
    with ExitStack() as stack:
        yield {
            backend: stack.enter_context(Worker(backend, precision))
            for backend in options.backends
        }


def race(
    workers: Workers,
    task: Task,
    contenders: Sequence[str],
    options: Options,
    *,
    each: bool = False,
) -> dict[str, Any]:
    """Times contenders against each other.

    Args:
        workers: One per backend.
        task: What they do.
        contenders: Names; those that a backend does not have are left out.
        options: Rounds and lengths of the turns.
        each: Time every run on its own, for percentiles.

    Returns:
        `task`, and `contenders`: for each `backend`, `name`, `difference` from ours,
        `build_seconds`, `first_seconds`, `second_seconds`, and `turns`, lists of
        seconds per run; or `failed`, the reason why it could not run.
    """
    entries: list[dict[str, Any]] = []
    # Backend by backend: a process that has waited for others pays for it in its next
    # run, and that contender would pay for all. So it also runs once without a clock.
    for backend, worker in workers.items():
        ready: dict[str, dict[str, Any]] = {}
        for name in contenders:
            if not exists(name, backend):
                continue
            entry = {"backend": backend, "name": name}
            entries.append(entry)
            try:
                entry |= worker.ask("prepare", contender=name, task=task.as_dict())
                ready[name] = entry
            except WorkerError as error:
                entry["failed"] = str(error)
        for name in list(ready)[:1]:
            worker.ask("time", contender=name, repeats=1)
        seconds = alternate(
            {name: _turn(worker, name, each) for name in ready},
            rounds=options.rounds,
            repeats={
                name: runs_of_a_turn(entry["second_seconds"], options.seconds)
                for name, entry in ready.items()
            },
            most_seconds=options.race_seconds / len(workers),
        )
        for name, turns in seconds.items():
            ready[name]["turns"] = turns
        worker.ask("drop")
    return {"task": task.as_dict(), "contenders": entries}


def _turn(worker: Worker, name: str, each: bool) -> Any:
    return lambda repeats: worker.ask(
        "time", contender=name, repeats=repeats, each=each
    )


@dataclass(frozen=True)
class Entry:
    """One contender of a race that was run.

    Attributes:
        backend: Which one.
        name: Of the contender.
        record: Its part of the JSON.
    """

    backend: str
    name: str
    record: Mapping[str, Any]

    @property
    def failed(self) -> str | None:
        """Why it did not run."""
        return self.record.get("failed")

    @property
    def turns(self) -> list[float]:
        """Seconds of a run, one number per turn: the median of its runs."""
        return [summarise(turn).median for turn in self.record["turns"]]

    @property
    def runs(self) -> list[float]:
        """Seconds of every run that was timed."""
        return [seconds for turn in self.record["turns"] for seconds in turn]

    def percentile(self, share: float) -> float:
        """Over all runs."""
        return percentile(self.runs, share)

    @property
    def seconds(self) -> Summary:
        """Over the turns."""
        return summarise(self.turns)


class Race:
    """What the JSON of a race says.

    Args:
        record: What `race` gave.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.task = Task.from_dict(record["task"])
        self.entries = [Entry(c["backend"], c["name"], c) for c in record["contenders"]]

    def ratio(self, entry: Entry, name: str = NATIVE) -> Summary | None:
        """Times of `entry` over those of contender `name` on its backend, by turns."""
        for other in self.entries:
            if (other.backend, other.name) == (entry.backend, name):
                if other is entry or other.failed or entry.failed:
                    return None
                return compare(entry.turns, other.turns)
        return None
