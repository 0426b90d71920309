"""What a race of the JSON says: medians, rates, ratios."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import NATIVE
from benchmarks.tasks import Task
from benchmarks.timing import Summary, compare, percentile, summarise


@dataclass(frozen=True)
class Entry:
    """One contender of a race.

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

    @property
    def seconds(self) -> Summary:
        """Over the turns."""
        return summarise(self.turns)

    def percentile(self, share: float) -> float:
        """Over all runs."""
        return percentile(self.runs, share)


class Race:
    """One task and its contenders.

    Args:
        record: What `experiment.race` gave.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.task = Task.from_dict(record["task"])
        self.entries = [Entry(c["backend"], c["name"], c) for c in record["contenders"]]

    def find(self, backend: str, name: str) -> Entry | None:
        """The contender if it ran."""
        for entry in self.entries:
            if (entry.backend, entry.name) == (backend, name) and not entry.failed:
                return entry
        return None

    def ratio(self, entry: Entry, name: str = NATIVE) -> Summary | None:
        """Times of `entry` over those of contender `name` on its backend, by turns."""
        other = self.find(entry.backend, name)
        if other is None or other is entry or entry.failed:
            return None
        return compare(entry.turns, other.turns)


def races(result: Mapping[str, Any], key: str = "races") -> Iterator[Race]:
    """The races of a command's result."""
    return (Race(record) for record in result[key] if "task" in record)
