"""Reads parts in worker processes, several at once; what kills a worker costs one file.

A thread for each process waits for its answers. If the process dies, the part is read
again; a file at which it dies twice is rejected, with the reason.

Workers are started with `subprocess` rather than `multiprocessing`: the caller needs
no `if __name__ == "__main__"`, threads of a deep learning backend are not forked,
and nothing is unpickled.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from keras_musicvae.datasets import worker
from keras_musicvae.datasets.catalogue import Catalogue, FileFacts
from keras_musicvae.datasets.convert import NOT_LISTED, READER_FAILED
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
        catalogue: What is known of the files.
        task: What the tasks of all parts share, see `worker`.
    """

    catalogue: Catalogue
    task: Mapping[str, Any]
    _processes: list["subprocess.Popen[str]"] = field(default_factory=list)
    _stopped: bool = False

    def read(
        self,
        parts: Mapping[int, Sequence[str]],
        jobs: int,
        on_file: Callable[[int], None],
    ) -> None:
        """Reads the files of each part.

        Args:
            parts: Names of files by the number of their part.
            jobs: How many parts at once.
            on_file: Called with the number of windows of each file, from any thread.

        Raises:
            DatasetError: Worker processes cannot be started.
            OutputError: The folder cannot be written.
        """
        with ThreadPoolExecutor(min(jobs, max(len(parts), 1))) as executor:
            futures = [
                executor.submit(self._read_part, *part, on_file)
                for part in parts.items()
            ]
            try:
                for future in futures:
                    future.result()
            finally:
                executor.shutdown(wait=False, cancel_futures=True)
                self._stopped = True
                for process in self._processes:
                    process.kill()

    def _read_part(
        self, number: int, names: Sequence[str], on_file: Callable[[int], None]
    ) -> None:
        deaths: Counter[str] = Counter()
        reasons: dict[str, str] = {}
        counted = 0
        while not self._stopped:
            files = [self._file(name, reasons) for name in names]
            done = 0
            with _text_file() as task, _text_file() as log:
                json.dump({**self.task, "number": number, "files": files}, task)
                task.seek(0)
                with start(task, log) as process:
                    self._processes.append(process)
                    if self._stopped:
                        process.kill()
                    answers = cast(IO[str], process.stdout)
                    ready = answers.readline()
                    for done, windows in enumerate(answers, start=1):
                        if done > counted:
                            on_file(int(windows))
                            counted = done
                log.seek(0)
                complaint = log.read().strip().split("\n")[-1]
            code = process.returncode
            if not ready:
                raise DatasetError(
                    f"A process to read files with could not be started: {complaint}"
                )
            if code == worker.UNWRITABLE:
                raise OutputError(complaint)
            if code == 0:
                return
            reason = self._death(code)
            name = names[min(done, len(names) - 1)]
            if name in reasons:  # not the file's fault
                raise DatasetError(f"The process that reads files {reason}.")
            deaths[name] += 1
            if deaths[name] >= _ATTEMPTS:
                reasons[name] = reason

    def _file(self, name: str, reasons: Mapping[str, str]) -> dict[str, Any]:
        """One file of the task."""
        facts, problem = self.catalogue.of(name), None
        if facts is None:
            problem = (NOT_LISTED, "info.csv does not list the file")
        if name in reasons:
            problem = (READER_FAILED, reasons[name])
        known = asdict(facts or FileFacts())
        return {"name": name, "facts": known, "problem": problem}

    def _death(self, code: int) -> str:
        """Why a process has died, in words."""
        if code == worker.OUT_OF_MEMORY:
            return f"needed more than {self.task['memory'] >> 20} MB of memory"
        if code >= 0:
            return f"ended the reader (exit code {code})"
        if code == -getattr(signal, "SIGVTALRM", 0):
            return f"took more than {self.task['seconds']:g} s of processor time"
        return f"crashed the reader ({signal.Signals(-code).name})"


def start(task: IO[str], log: IO[str]) -> "subprocess.Popen[str]":
    """Starts a worker process."""
    # Readers are single-threaded; idle BLAS threads would count as memory.
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    return subprocess.Popen(
        [sys.executable, "-m", WORKER],
        stdin=task,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**os.environ, **dict.fromkeys(threads, "1"), "PYTHONPATH": paths},
    )


def _text_file() -> Any:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
