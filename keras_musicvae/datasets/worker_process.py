"""A worker process as its pool sees it: started when needed, replaced on failure."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_musicvae.datasets import worker
from keras_musicvae.errors import DatasetError

_START_SECONDS = 120.0


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


class WorkerProcess:
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
        paths = [path or str(Path.cwd()) for path in sys.path]
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
            if stream is not None:
                # Unsent bytes to a process that is gone are no loss.
                with contextlib.suppress(OSError):
                    stream.close()
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
