"""A pool of processes that survives what it is fed.

Each task runs in a worker process under a time and a memory limit. A worker that
crashes, hangs or eats the memory is replaced and the task is reported as failed;
the others go on. Results come in the order of the tasks, whoever finishes first.

Workers are started with `subprocess` rather than `multiprocessing`: the caller needs
no `if __name__ == "__main__"`, threads of a deep learning backend are not forked,
and nothing is ever unpickled.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from keras_musicvae.datasets import worker
from keras_musicvae.errors import DatasetError

SECONDS = 10.0
"""Default time limit of a task."""

MEMORY = 512 << 20
"""Default number of bytes that a worker may take beyond what it starts with."""

_START_SECONDS = 120.0
_AHEAD = 64  # results per worker that may wait for an earlier one
_AHEAD_BYTES = 64 << 20


@dataclass(frozen=True)
class Reply:
    """What became of a task.

    Attributes:
        message: What the task returned; empty if it failed.
        data: The raw bytes that it returned.
        failure: Why there is no result, or an empty string.
    """

    message: dict[str, Any]
    data: bytes = b""
    failure: str = ""


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
        self._workers = [_Worker(start) for _ in range(jobs)]
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

    def _drive(self, one: "_Worker") -> None:
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


class _Worker:
    """One worker process, started when needed and replaced when it fails."""

    def __init__(self, start: dict):
        self._start_message = start
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Any = None
        self._served = 0
        self._expired = False
        self._stopped = False
        self._crash = ""
        self._lock = threading.Lock()

    def run(self, payload: Any) -> Reply:
        """One task; a failure that an earlier task may have caused is tried again."""
        reply, fresh = self._try(payload)
        if reply is None and not fresh:
            reply, _ = self._try(payload)
        if reply is not None:
            return reply
        return Reply({}, failure=self._crash)

    def _try(self, payload: Any) -> tuple[Reply | None, bool]:
        """Returns the reply (None: the worker crashed), and if the worker was new."""
        if self._process is None:
            self._launch()
        fresh = self._served == 0
        self._served += 1
        process = self._process
        seconds = self._start_message["seconds"]
        try:
            message, data = self._ask(process, {"payload": payload}, seconds)
        except (EOFError, OSError, ValueError) as error:
            expired = self._expired
            code = self.discard()
            if expired:
                return Reply({}, failure=f"took more than {seconds:g} s"), fresh
            self._crash = _crash_reason(code, error)
            return None, fresh
        if self._expired:  # the reply and the limit met: use the one, forget the other
            self.discard()
        if message.get("failure") == "memory":
            self.discard()
            limit = self._start_message["memory"] >> 20
            self._crash = f"needed more than {limit} MB of memory"
            return None, fresh
        if message.get("failure"):
            text = f"unexpected error: {message.get('message')}"
            return Reply({}, failure=text), fresh
        return Reply(message, data), fresh

    def stop(self) -> None:
        """Ends the process for good; called from any thread."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _launch(self) -> None:
        paths = [path for path in sys.path if path]
        environment = dict(
            os.environ,
            PYTHONPATH=os.pathsep.join(paths),
            # Readers are single-threaded; idle BLAS threads would count as memory.
            OPENBLAS_NUM_THREADS="1",
            OMP_NUM_THREADS="1",
            MKL_NUM_THREADS="1",
        )
        with self._lock:
            if self._stopped:
                raise DatasetError("The pool was closed.")
            self._log = tempfile.TemporaryFile()
            self._process = subprocess.Popen(
                [sys.executable, "-m", worker.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment,
                # Ctrl+C is for the parent, which then stops its workers.
                start_new_session=True,
            )
        self._served = 0
        try:
            self._ask(self._process, self._start_message, _START_SECONDS)
        except (EOFError, OSError, ValueError) as error:
            if self._stopped:
                raise DatasetError("The pool was closed.") from error
            self._log.seek(0)
            last = self._log.read().decode(errors="replace").strip().split("\n")[-1]
            self.discard()
            raise DatasetError(
                f"A process to read files with could not be started: {last}"
            ) from error

    def _ask(
        self, process: subprocess.Popen[bytes] | None, message: dict, seconds: float
    ) -> tuple[dict, bytes]:
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError
        self._expired = False
        timer = threading.Timer(seconds, self._expire, [process])
        timer.daemon = True
        timer.start()
        try:
            worker.send(process.stdin, message)  # type: ignore[arg-type]
            return worker.receive(process.stdout)  # type: ignore[arg-type]
        finally:
            timer.cancel()
            timer.join()

    def _expire(self, process: subprocess.Popen[bytes]) -> None:
        self._expired = True
        process.kill()

    def discard(self) -> int:
        """Ends the process; returns its exit code (negative: the signal)."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return 0
        # It has closed its output, so it is ending by itself or beyond help.
        try:
            code = process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        for stream in (process.stdin, process.stdout, self._log):
            try:
                stream.close()
            except OSError:
                pass  # unsent bytes to a process that is gone
        return code


def _crash_reason(code: int, error: Exception) -> str:
    if isinstance(error, ValueError):
        return f"the reader sent {error}"
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"crashed the reader ({name})"
    return f"ended the reader (exit code {code})"
