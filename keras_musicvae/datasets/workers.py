"""Reads parts in worker processes, several at once; what kills a worker costs one file.

A thread for each process feeds it the files of a part. If the process dies, the part is
read again; a file at which it dies twice is rejected, with the reason.

Workers are started with `subprocess` rather than `multiprocessing`: the caller needs
no `if __name__ == "__main__"`, threads of a deep learning backend are not forked,
and nothing is unpickled.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from keras_musicvae.datasets import worker
from keras_musicvae.datasets.catalogue import Catalogue, FileFacts
from keras_musicvae.datasets.convert import NOT_LISTED, READER_FAILED
from keras_musicvae.datasets.sources import Source, UnreadableFile
from keras_musicvae.errors import DatasetError, OutputError

WORKER = worker.__name__
"""The module that a worker process runs."""

SECONDS = 30.0
"""Default processor time for a file; the MIDI gate promises less than one second."""

MEMORY = 1 << 30
"""Default number of bytes that a worker may take beyond what it starts with."""

_ATTEMPTS = 2  # at a file that kills its worker


@dataclass
class PartReader:
    """Reads parts of a source into a folder.

    Attributes:
        source: Where the files are.
        catalogue: What is known of them.
        folder: The folder of all parts.
        config: `WindowConfig.to_json()`.
        max_bytes: How much of a file is read.
        seconds: Processor time allowed for a file (not on Windows).
        memory: Bytes that a worker may take (on Linux).
        on_file: Called with the number of windows of each file, from any thread.
    """

    source: Source
    catalogue: Catalogue
    folder: Path
    config: Mapping[str, Any]
    max_bytes: int
    seconds: float
    memory: int
    on_file: Callable[[int], None]
    _running: set["subprocess.Popen[bytes]"] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def read(self, parts: Mapping[int, Sequence[str]], jobs: int) -> None:
        """Reads the files of each part, `jobs` parts at once.

        Raises:
            DatasetError: Worker processes cannot be started.
            OutputError: The folder cannot be written.
        """
        with ThreadPoolExecutor(jobs) as executor:
            futures = [
                executor.submit(self._read_part, *part) for part in parts.items()
            ]
            try:
                for future in futures:
                    future.result()
            finally:
                executor.shutdown(wait=False, cancel_futures=True)
                with self._lock:
                    self._stopped = True
                    for process in self._running:
                        process.kill()

    def _read_part(self, number: int, names: Sequence[str]) -> None:
        crashes: Counter[str] = Counter()
        reasons: dict[str, str] = {}
        counted = 0
        while not self._stopped:
            with self._worker() as attempt:
                task = {"number": number, "folder": str(self.folder)}
                task |= {"config": self.config, "memory": self.memory}
                attempt.start({**task, "seconds": self.seconds})
                try:
                    for done, name in enumerate(names):
                        windows = int(attempt.ask(*self._file(name, reasons)))
                        if done >= counted:
                            self.on_file(windows)
                            counted = done + 1
                    if problem := attempt.ask({"end": True}):
                        raise OutputError(problem)
                    return
                except (EOFError, BrokenPipeError, ValueError):
                    reason = attempt.death(self.seconds, self.memory)
                    if name in reasons:  # not the file's fault
                        raise DatasetError(
                            f"The process that reads files {reason}."
                        ) from None
                    crashes[name] += 1
                    if crashes[name] >= _ATTEMPTS:
                        reasons[name] = reason

    def _file(self, name: str, reasons: Mapping[str, str]) -> tuple[dict, bytes]:
        """The request to read a file."""
        facts = self.catalogue.of(name)
        data, problem = b"", None
        try:
            data = self.source.read(name, self.max_bytes + 1)
        except UnreadableFile as error:
            problem = ("unreadable", str(error))
        if facts is None:
            problem = (NOT_LISTED, "info.csv does not list the file")
        if name in reasons:
            problem = (READER_FAILED, reasons[name])
        known = asdict(facts or FileFacts())
        return {"name": name, "facts": known, "problem": problem}, data

    @contextlib.contextmanager
    def _worker(self) -> Iterator["_Worker"]:
        with tempfile.TemporaryFile() as log:
            with self._lock:
                one = _Worker(log)
                self._running.add(one.process)
                if self._stopped:
                    one.process.kill()
            try:
                yield one
            finally:
                with self._lock:
                    self._running.discard(one.process)
                one.close()


class _Worker:
    """One worker process, from the parent's side."""

    def __init__(self, log: IO[bytes]):
        paths = [path or str(Path.cwd()) for path in sys.path]
        self._log = log
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            # Readers are single-threaded; idle BLAS threads would count as memory.
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "MKL_NUM_THREADS": "1",
            },
        )
        self._requests = cast(IO[bytes], self.process.stdin)
        self._answers = cast(IO[bytes], self.process.stdout)

    def start(self, task: Mapping[str, Any]) -> None:
        """Hands over the task; raises `DatasetError` if the process does not answer."""
        try:
            self.ask(task)
        except (EOFError, BrokenPipeError) as error:
            self.process.wait()
            self._log.seek(0)
            last = self._log.read().decode(errors="replace").strip().split("\n")[-1]
            raise DatasetError(
                f"A process to read files with could not be started: {last}"
            ) from error

    def ask(self, request: Mapping[str, Any], data: bytes = b"") -> str:
        """Sends a request; returns the line that answers it."""
        line = json.dumps({**request, "size": len(data)}) + "\n"
        self._requests.write(line.encode() + data)
        self._requests.flush()
        answer = self._answers.readline()
        if not answer:
            raise EOFError
        return answer.decode().strip()

    def death(self, seconds: float, memory: int) -> str:
        """Why the process has died, in words."""
        code = self.process.wait()
        if code == worker.OUT_OF_MEMORY:
            return f"needed more than {memory >> 20} MB of memory"
        if code >= 0:
            return f"ended the reader (exit code {code})"
        if code == -getattr(signal, "SIGVTALRM", 0):
            return f"took more than {seconds:g} s of processor time"
        return f"crashed the reader ({signal.Signals(-code).name})"

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self._requests, self._answers):
            with contextlib.suppress(OSError):  # bytes that it did not take
                stream.close()
