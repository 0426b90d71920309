"""The process that reads the files of one part: `python -m ...datasets.worker`.

Its task comes as JSON on standard input: `source`, `files` (`name`, `facts` and, if it
shall not be read, `problem`), `folder` and `number` of the part, `config`, `max_bytes`,
`seconds`, `memory`. On standard output it says "ready", then the number of windows of
each file, a line each. Whatever a hostile file does to this process, its parent reads
lines and never unpickles.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_musicvae.datasets.catalogue import FileFacts
from keras_musicvae.datasets.convert import WindowConfig
from keras_musicvae.datasets.parts import SourceFile, write_part
from keras_musicvae.datasets.sources import Source, UnreadableFile, open_source
from keras_musicvae.errors import OutputError

OUT_OF_MEMORY, UNWRITABLE = 86, 87
"""The exit codes of a worker that reached its memory limit, or cannot write."""


def main() -> None:
    """Reads the files of one part."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a parser prints must not be taken for an answer
    task = json.load(sys.stdin)
    config = WindowConfig.from_json(task["config"])
    files = _files(task, open_source(task["source"]))
    _limit_memory(task["memory"])
    print("ready", file=answers)
    try:
        for windows in write_part(Path(task["folder"]), task["number"], config, files):
            print(windows, file=answers)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except OutputError as error:
        print(error, file=sys.stderr)
        sys.exit(UNWRITABLE)


def _files(task: Mapping[str, Any], source: Source) -> Iterator[SourceFile]:
    """The files, each with a new allowance of processor time."""
    for file in task["files"]:
        _limit_seconds(task["seconds"])
        data, problem = b"", file["problem"]
        try:
            data = source.read(file["name"], task["max_bytes"] + 1)
        except UnreadableFile as error:
            problem = problem or ("unreadable", str(error))
        yield SourceFile(file["name"], FileFacts(**file["facts"]), data, problem)
    _limit_seconds(task["seconds"])  # to write the part


def _limit_seconds(seconds: float) -> None:
    """Ends this process after so much processor time, unless it is called again.

    Unlike time, processor time is the same however busy the machine is; and the
    default action of the signal ends compiled code too.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)


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
    main()
