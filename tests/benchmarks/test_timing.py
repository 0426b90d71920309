"""The harness itself: turns, ratios, verdicts, and a slowed contender."""

import time

import numpy as np
import pytest

from benchmarks.timing import (
    LEAST_ROUNDS,
    alternate,
    compare,
    percentile,
    runs_of_a_turn,
    summarise,
    timed,
)


def busy(seconds):
    """Work of so many seconds of this process's own time, whatever others do."""

    def run(repeats):
        end = time.process_time() + repeats * seconds
        while time.process_time() < end:
            pass

    return run


def turn_of(run):
    return lambda repeats: timed(run, repeats, each=False)


def test_quartiles_are_numpys():
    numbers = [5.0, 1.0, 4.0, 2.0, 9.0, 7.0]
    summary = summarise(numbers)
    assert summary.median == np.median(numbers)
    assert summary.lower == pytest.approx(np.percentile(numbers, 25))
    assert summary.upper == pytest.approx(np.percentile(numbers, 75))
    assert percentile(numbers, 90) == pytest.approx(np.percentile(numbers, 90))


def test_contenders_take_turns():
    order = []

    def turn(name):
        def run(repeats):
            order.append((name, repeats))
            return [1.0]

        return run

    found = alternate(
        {"a": turn("a"), "b": turn("b")}, rounds=3, repeats={"a": 1, "b": 2}
    )
    there, back = [("a", 1), ("b", 2)], [("b", 2), ("a", 1)]
    assert order == [*there, *back, *there]
    assert found == {"a": [[1.0]] * 3, "b": [[1.0]] * 3}


def test_a_long_race_ends_early_but_not_before_quartiles_mean_something():
    turns = {"a": turn_of(busy(0.01))}
    assert len(alternate(turns, rounds=50, most_seconds=0)["a"]) == LEAST_ROUNDS
    assert len(alternate(turns, rounds=4, most_seconds=60)["a"]) == 4


def test_ratios_are_of_neighbours():
    """A machine that is twice as slow in the second half disturbs both alike."""
    a, b = [1.1, 1.1, 2.2, 2.2], [1.0, 1.0, 2.0, 2.0]
    ratio = compare(a, b)
    assert ratio.median == pytest.approx(1.1)
    assert ratio.spread == pytest.approx(0.0)


def test_fast_runs_are_repeated_to_fill_a_turn():
    assert runs_of_a_turn(0.001, 0.3) == 300
    assert runs_of_a_turn(5.0, 0.3) == 1
    assert runs_of_a_turn(0.0, 0.3) == 1000


def test_each_run_is_timed_or_their_mean():
    assert len(timed(busy(0.001), 5, each=True)) == 5
    (mean,) = timed(busy(0.002), 5, each=False)
    assert mean >= 0.002


def test_a_slowed_contender_is_detected():
    found = alternate(
        {
            "a": turn_of(busy(0.004)),
            "same": turn_of(busy(0.004)),
            "slowed": turn_of(busy(0.0052)),
        },
        rounds=15,
        repeats=dict.fromkeys(("a", "same", "slowed"), 3),
    )
    a, same, slowed = ([t[0] for t in found[n]] for n in ("a", "same", "slowed"))
    assert compare(slowed, a).median > 1.15
    assert 0.85 < compare(same, a).median < 1.15
