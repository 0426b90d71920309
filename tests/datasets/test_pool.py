import itertools
import os
import sys
import time
from pathlib import Path

import pytest

from keras_musicvae.datasets.pool import WorkerPool
from keras_musicvae.errors import DatasetError


def run(payloads, **options):
    options = {"jobs": 2, "seconds": 10.0, **options}
    pool = WorkerPool("pool_tasks:make", {"a": 1}, **options)
    return list(pool.map(payloads))


def alive(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_results_come_in_the_order_of_the_tasks():
    replies = run(["sleep 0.3", *(f"echo {n}" for n in range(200))])
    assert [r.message["text"] for r in replies] == ["0.3", *map(str, range(200))]
    assert replies[7].data == b"6"
    assert replies[7].message["setup"] == {"a": 1}


def test_no_tasks():
    assert run([]) == []


def test_failures_are_reported_and_the_rest_goes_on():
    payloads = ["echo 1", "segfault", "echo 2", "exit 3", "raise key", "echo 3"]
    replies = run(payloads)
    assert [r.message.get("text") for r in replies] == [
        *("1", None, "2", None, None, "3")
    ]
    assert replies[1].failure == "crashed the reader (SIGSEGV)"
    assert replies[3].failure == "ended the reader (exit code 3)"
    assert replies[4].failure == "unexpected error: KeyError: 'key'"
    assert replies[0].failure == ""


def test_a_task_that_hangs_is_ended():
    started = time.monotonic()
    replies = run(["hang", "echo 1", "hang", "echo 2"], seconds=0.5)
    assert [r.failure for r in replies] == [
        *("took more than 0.5 s", "", "took more than 0.5 s", "")
    ]
    assert time.monotonic() - started < 10


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_a_task_that_eats_the_memory_is_ended():
    replies = run(
        ["echo 1", f"memory {1 << 29}", "echo 2", f"memory {1 << 20}"],
        memory=128 << 20,
        jobs=1,
    )
    assert replies[1].failure == "needed more than 128 MB of memory"
    assert replies[2].message["text"] == "2"
    assert replies[3].message["size"] == 1 << 20


def test_what_a_task_prints_is_not_taken_for_a_result():
    replies = run(["print abc", "echo 1"])
    assert replies[0].message == {"text": "abc"}
    assert replies[1].message["text"] == "1"


def test_tasks_are_taken_as_needed():
    taken = 0

    def endless():
        nonlocal taken
        for n in itertools.count():
            taken += 1
            yield f"echo {n}"

    replies = WorkerPool("pool_tasks:make", None, jobs=2).map(endless())
    assert [next(replies).message["text"] for _ in range(3)] == ["0", "1", "2"]
    replies.close()
    assert taken < 200


def test_large_results_do_not_pile_up_behind_a_slow_one(monkeypatch):
    from keras_musicvae.datasets import pool

    monkeypatch.setattr(pool, "_AHEAD_BYTES", 1 << 20)
    taken = 0

    def payloads():
        nonlocal taken
        yield "sleep 1"
        for _ in range(40):
            taken += 1
            yield f"bytes {1 << 19}"

    replies = WorkerPool("pool_tasks:make", None, jobs=2).map(payloads())
    next(replies)
    assert taken <= 4
    assert len(list(replies)) == 40


def test_workers_end_with_the_pool():
    replies = WorkerPool("pool_tasks:make", None, jobs=2).map(itertools.repeat("pid"))
    pids = {next(replies).message["pid"] for _ in range(20)}
    assert os.getpid() not in pids
    replies.close()
    assert not any(alive(pid) for pid in pids)


def test_a_worker_that_cannot_start():
    with pytest.raises(DatasetError, match=r"could not be started.*no such luck"):
        list(WorkerPool("pool_tasks:broken", None, jobs=2).map(["x"]))
