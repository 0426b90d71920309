"""The process that reads the files of one part: `python -m ...datasets.worker`.

Requests come on standard input: a line of JSON (`folder`, `number`, `config`,
`seconds`, `memory`), then of each file a line of JSON (`name`, `facts`, `problem`,
`size`) and its bytes, and last a line with `end`. Each is answered by a line on
standard output: "ready", the number of windows of each file, and at the end what went
wrong in writing, or nothing. Whatever a hostile file does to this process, its parent
reads lines and never unpickles.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from keras_musicvae.datasets.catalogue import FileFacts
from keras_musicvae.datasets.convert import WindowConfig
from keras_musicvae.datasets.parts import SourceFile, write_part
from keras_musicvae.errors import OutputError

OUT_OF_MEMORY = 86
"""The exit code of a worker that reached its memory limit."""


def main() -> None:
    """Reads the files of one part."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a parser prints must not be taken for an answer
    task = json.loads(requests.readline())
    config = WindowConfig.from_json(task["config"])
    _limit_memory(task["memory"])
    print("ready", file=answers)
    files = _files(requests, task["seconds"])
    problem = ""
    try:
        for windows in write_part(Path(task["folder"]), task["number"], config, files):
            print(windows, file=answers)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except OutputError as error:
        problem = str(error)
    print(problem, file=answers)


def _files(requests: BinaryIO, seconds: float) -> Iterator[SourceFile]:
    """The files, each with a new allowance of processor time."""
    while line := requests.readline():
        file = json.loads(line)
        # The default action of this signal ends the process, in compiled code too.
        # Unlike time, processor time is the same however busy the machine is.
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        if "end" in file:
            return
        data = requests.read(file["size"])
        facts = FileFacts(**file["facts"])
        yield SourceFile(file["name"], facts, data, file["problem"])
    raise EOFError("the parent process is gone")


def _limit_memory(extra: int) -> None:
    """Lets this process grow by at most `extra` bytes, where the system can do that."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + extra
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        pass  # macOS and Windows: the limits of the MIDI gate remain


if __name__ == "__main__":
    try:
        main()
    except (EOFError, BrokenPipeError):
        sys.exit(1)
