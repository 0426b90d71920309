"""One backend in a process of its own, which answers requests.

A backend cannot be changed in a process, and two in one process would fight for the
cores. The parent (`Worker`) starts one process per backend and precision and asks one
at a time, so that only one of them works.
Messages are lines of JSON; what libraries print goes to stderr.
"""

import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from benchmarks.checks import check
from benchmarks.tasks import Arrays, Task, make_inputs, make_weights
from benchmarks.timing import timed

ROOT = Path(__file__).parents[1]
CHECKED_BATCH = 4


class WorkerError(Exception):
    """A request failed in the worker; the message says how."""


class Worker:
    """The parent's end of a worker.

    Args:
        backend: `"torch"`, `"jax"` or `"tensorflow"`.
        precision: One of `PRECISIONS`; the process's setting for float32 work.

    Example:
        >>> with Worker("jax") as worker:  # doctest: +SKIP
        ...     worker.ask("describe")
    """

    def __init__(self, backend: str, precision: str = "float32") -> None:
        self.backend = backend
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "2",
            # Memory is taken as it is needed, so that peaks mean something.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", backend, precision],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            text=True,
        )

    def ask(self, request: str, **arguments: Any) -> Any:
        """Sends one request and waits for the answer.

        Raises:
            WorkerError: The request failed, or the process died.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        try:
            stdin.write(json.dumps({"request": request, **arguments}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self._process.wait()
            raise WorkerError(f"The {self.backend} worker died (exit code {code}).")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.backend}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """Ends the process."""
        # What could not be sent to a dead process is still to be flushed.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Server:
    """The worker's end: a method per request."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.contenders: dict[str, Any] = {}
        self.expected: dict[Task, Arrays] = {}
        self.checked: dict[tuple[str, Task], dict[str, float]] = {}

    def describe(self) -> dict[str, Any]:
        """Versions, threads, devices."""
        from benchmarks.contenders import device

        return device.describe(self.backend)

    def prepare(self, contender: str, task: Mapping[str, Any]) -> dict[str, Any]:
        """Checks a contender against ours, builds it and warms it up.

        Args:
            contender: Its name.
            task: What it does.

        Returns:
            `difference` from ours, `build_seconds` of what comes before the first run,
            `first_seconds` of that (with what is compiled in it), `second_seconds`.
        """
        from benchmarks.contenders import contender_class

        cls = contender_class(contender, self.backend)
        task = Task.from_dict(task)
        difference = self._check(contender, task)
        inputs = make_inputs(task)
        start = time.perf_counter()
        made = cls(task, make_weights(task.size), inputs)
        built = time.perf_counter()
        made.run(1)
        first = time.perf_counter()
        made.run(1)
        second = time.perf_counter()
        self.contenders[contender] = made.run
        return {
            "difference": difference,
            "build_seconds": built - start,
            "first_seconds": first - built,
            "second_seconds": second - first,
        }

    def time(self, contender: str, repeats: int, each: bool = False) -> list[float]:
        """Seconds of each run, or their mean where runs may overlap."""
        gc.collect()
        return timed(self.contenders[contender], repeats, each=each)

    def drop(self) -> None:
        """Forgets all contenders."""
        self.contenders.clear()
        gc.collect()

    def memory(self, contender: str, task: Mapping[str, Any]) -> dict[str, int]:
        """Peak memory of a contender; ask a fresh worker.

        Returns:
            `host_before`, resident bytes once the backend and the contender's code
            are imported; `host` and, on a GPU, `device`: peaks over three runs.
        """
        from benchmarks.contenders import contender_class, device

        cls = contender_class(contender, self.backend)
        before = device.resident_memory()
        task = Task.from_dict(task)
        cls(task, make_weights(task.size), make_inputs(task)).run(3)
        return {"host_before": before, **device.peak_memory(self.backend)}

    def music(
        self, preset: str, number: int, rounds: int, folder: str
    ) -> dict[str, list[float]]:
        """Seconds of a preset's verbs, from MIDI files and to MIDI files.

        Returns:
            `sample`: drawing grooves and writing a file of each; `encode`: reading
            these files and encoding them; `files`: writing their bytes again, and
            nothing else. One entry per round, after one to warm up.
        """
        from keras_musicvae import MusicVAE

        model = MusicVAE.from_preset(preset)
        seconds: dict[str, list[float]] = {"sample": [], "encode": [], "files": []}
        for turn in range(rounds + 1):
            # New files each time: to replace old ones waits for the disk.
            name = f"{self.backend}-{turn}"
            paths = [Path(folder, f"{name}-{i}.mid") for i in range(number)]
            start = time.perf_counter()
            grooves = model.sample(number, seed=turn)
            for groove, path in zip(grooves, paths, strict=True):
                groove.save(path)
            seconds["sample"].append(time.perf_counter() - start)

            start = time.perf_counter()
            model.encode(paths)
            seconds["encode"].append(time.perf_counter() - start)

            files = [(path.with_suffix(".raw"), path.read_bytes()) for path in paths]
            start = time.perf_counter()
            for path, content in files:
                path.write_bytes(content)
            seconds["files"].append(time.perf_counter() - start)
        return {verb: found[1:] for verb, found in seconds.items()}

    def rates(self, precision: str) -> dict[str, float]:
        """What the machine does at most; see `rates.py`."""
        from benchmarks import rates

        return rates.measure(self.backend, precision)

    def _check(self, contender: str, task: Task) -> dict[str, float]:
        """Compares with ours on a small batch without dropout; see `checks.py`."""
        from benchmarks.contenders import OURS, contender_class

        small = Task(task.kind, CHECKED_BATCH, task.size, task.precision)
        weights, inputs = make_weights(small.size), make_inputs(small, seed=1)
        if small not in self.expected:
            ours = contender_class(OURS, self.backend)(small, weights, inputs)
            self.expected[small] = ours.outputs()
        if contender.startswith(OURS):
            return {}
        if (contender, small) not in self.checked:
            other = contender_class(contender, self.backend)(small, weights, inputs)
            self.checked[contender, small] = check(
                other.outputs(), self.expected[small], task.precision
            )
        return self.checked[contender, small]


def serve(server: Server, requests: IO[str], answers: IO[str]) -> None:
    """Answers requests until they end."""
    for line in requests:
        arguments = json.loads(line)
        try:
            result = getattr(server, arguments.pop("request"))(**arguments)
            answer = {"result": result}
        except Exception as error:  # the parent decides what becomes of it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Runs in the worker's process."""
    backend, precision = sys.argv[1:]
    # Libraries print to stdout; the answers need it for themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from benchmarks.contenders.device import set_precision

    set_precision(backend, precision)
    serve(Server(backend), sys.stdin, answers)


if __name__ == "__main__":
    main()
