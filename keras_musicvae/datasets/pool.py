"""A pool of processes that survives what it is fed.

Each task runs in a worker process under a time and a memory limit. A worker that
crashes, hangs or eats the memory is replaced and the task is reported as failed;
the others go on. Results come in the order of the tasks, whoever finishes first.

Workers are started with `subprocess` rather than `multiprocessing`: the caller needs
no `if __name__ == "__main__"`, threads of a deep learning backend are not forked,
and nothing is ever unpickled.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from keras_musicvae.datasets.worker_process import Reply, WorkerProcess

SECONDS = 10.0
"""Default time limit of a task."""

MEMORY = 512 << 20
"""Default number of bytes that a worker may take beyond what it starts with."""

_AHEAD = 64  # results per worker that may wait for an earlier one
_AHEAD_BYTES = 64 << 20


def available_cpus() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool:
    """Runs a function on many payloads in isolated processes.

    Args:
        task: `"module:factory"`. In each worker, `factory(setup)` is called once and
            returns the function that turns a payload into (JSON object, bytes).
        setup: JSON value that the factory gets.
        jobs: Number of workers. Defaults to the available processors.
        seconds: Time limit of a task. Defaults to 10.
        memory: Bytes that a worker may take beyond what it starts with (enforced on
            Linux). Defaults to 512 MiB.
    """

    def __init__(
        self,
        task: str,
        setup: Any,
        *,
        jobs: int | None = None,
        seconds: float = SECONDS,
        memory: int = MEMORY,
    ):
        self._start = {
            "task": task,
            "setup": setup,
            "seconds": seconds,
            "memory": memory,
        }
        self.jobs = jobs or available_cpus()

    def map(self, payloads: Iterable[Any]) -> Iterator[Reply]:
        """Yields one reply per payload, in order. Payloads are taken as needed.

        Raises:
            DatasetError: worker processes cannot be started.
        """
        run = _Run(enumerate(payloads), self._start, self.jobs)
        try:
            yield from run.replies()
        finally:
            run.close()


class _Run:
    """The threads of one `map`, each of which drives one worker."""

    def __init__(self, tasks: Iterator[tuple[int, Any]], start: dict, jobs: int):
        self._tasks = tasks
        self._changed = threading.Condition()
        self._finished: dict[int, Reply] = {}
        self._waiting_bytes = 0
        self._taken = 0
        self._yielded = 0
        self._running = jobs
        self._most_ahead = _AHEAD * jobs
        self._error: BaseException | None = None
        self._closed = False
        self._workers = [WorkerProcess(start) for _ in range(jobs)]
        self._threads = [
            threading.Thread(target=self._drive, args=(one,), daemon=True)
            for one in self._workers
        ]
        for thread in self._threads:
            thread.start()

    def replies(self) -> Iterator[Reply]:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self._error
                        or self._yielded in self._finished
                        or not self._running
                    )
                )
                if self._error:
                    raise self._error
                if self._yielded not in self._finished:
                    return
                reply = self._finished.pop(self._yielded)
                self._yielded += 1
                self._waiting_bytes -= len(reply.data)
                self._changed.notify_all()
            yield reply

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for one in self._workers:
            one.stop()
        for thread in self._threads:
            thread.join()

    def _drive(self, one: WorkerProcess) -> None:
        try:
            while (task := self._next_task()) is not None:
                number, payload = task
                reply = one.run(payload)
                with self._changed:
                    self._finished[number] = reply
                    self._waiting_bytes += len(reply.data)
                    self._changed.notify_all()
        except BaseException as error:  # handed to the caller of `map`
            with self._changed:
                self._error = self._error or error
        finally:
            one.stop()
            one.discard()
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _next_task(self) -> tuple[int, Any] | None:
        with self._changed:
            # Tasks are taken in order, so the one that all wait for is being worked
            # on and this cannot lock up.
            self._changed.wait_for(
                lambda: (
                    self._closed
                    or (
                        self._taken - self._yielded < self._most_ahead
                        and self._waiting_bytes < _AHEAD_BYTES
                    )
                )
            )
            if self._closed:
                return None
            task = next(self._tasks, None)
            self._taken += task is not None
            return task
