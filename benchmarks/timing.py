"""Repeated timings, contenders that take turns, and what their ratios are worth.

A ratio of two times is quoted from one run in which the contenders alternate, in turns
(A B, B A, A B ...): what disturbs the machine for longer than a turn disturbs both, and
a machine that grows slower harms neither more. The ratio is the median of the ratios of
neighbouring turns, with their quartiles.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# Of fewer, quartiles say nothing: on a machine shared with others three or four turns
# have shown differences of 10 % between two copies of the same contender.
LEAST_ROUNDS = 5

# One turn: seconds of each run, or the mean of all of them where they overlap.
Turn = Callable[[int], list[float]]


@dataclass(frozen=True)
class Summary:
    """Median and spread of some numbers.

    Attributes:
        median: Half of the numbers are below.
        lower: A quarter of the numbers is below.
        upper: A quarter of the numbers is above.
    """

    median: float
    lower: float
    upper: float

    @property
    def spread(self) -> float:
        """Distance of the quartiles over the median."""
        return (self.upper - self.lower) / self.median


def summarise(numbers: Sequence[float]) -> Summary:
    """Median and quartiles (linear interpolation) of at least one number."""
    lower, median, upper = (percentile(numbers, share) for share in (25, 50, 75))
    return Summary(median, lower, upper)


def percentile(numbers: Sequence[float], share: float) -> float:
    """The number below which `share` per cent of them lie, interpolated."""
    return float(np.percentile(numbers, share))


def compare(numbers: Sequence[float], others: Sequence[float]) -> Summary:
    """The ratios of turns that were neighbours, `numbers` over `others`."""
    return summarise([a / b for a, b in zip(numbers, others, strict=True)])


def alternate(
    turns: Mapping[str, Turn],
    *,
    rounds: int,
    repeats: Mapping[str, int] | None = None,
    most_seconds: float = float("inf"),
) -> dict[str, list[list[float]]]:
    """Lets the contenders take turns, in the opposite order every other round.

    Args:
        turns: Contenders by name; each runs a number of times and says how long it
            took. They are warm already.
        rounds: Turns of each contender.
        repeats: Runs of a turn; defaults to one.
        most_seconds: No round starts after so long, unless there were fewer than
            `LEAST_ROUNDS`.

    Returns:
        For each contender its turns, each a list of seconds per run.
    """
    seconds: dict[str, list[list[float]]] = {name: [] for name in turns}
    begin = time.perf_counter()
    for done in range(rounds):
        if done >= LEAST_ROUNDS and time.perf_counter() - begin > most_seconds:
            break
        order = list(turns) if done % 2 == 0 else list(reversed(turns))
        for name in order:
            seconds[name].append(turns[name]((repeats or {}).get(name, 1)))
    return seconds


def runs_of_a_turn(seconds: float, least_seconds: float) -> int:
    """How often a run of so many seconds is repeated to fill a turn."""
    return max(1, min(1000, round(least_seconds / max(seconds, 1e-7))))


def timed(run: Callable[[int], None], repeats: int, *, each: bool) -> list[float]:
    """Times `run(number of runs)`, which returns when the device has finished.

    Args:
        run: Runs so many times.
        repeats: How many times.
        each: Time every run on its own, instead of the mean of runs that may overlap.
    """
    if not each:
        start = time.perf_counter()
        run(repeats)
        return [(time.perf_counter() - start) / repeats]
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(1)
        seconds.append(time.perf_counter() - start)
    return seconds
