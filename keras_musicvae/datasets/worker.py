"""The process that reads files for a `WorkerPool`: `python -m ...datasets.worker`.

It speaks over its standard input and output, in messages of JSON and raw bytes, never
pickle: whatever a hostile file does to this process, the parent only parses JSON.
"""

import contextlib
import importlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

_HEADER = struct.Struct("<II")
MAX_JSON_BYTES = 16 << 20
MAX_DATA_BYTES = 1 << 30

Message = dict[str, Any]
Task = Callable[[Any], tuple[Message, bytes]]


def send(stream: BinaryIO, message: Message, data: bytes = b"") -> None:
    """Writes one message with its raw bytes."""
    text = json.dumps(message).encode()
    stream.write(_HEADER.pack(len(text), len(data)))
    stream.write(text)
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[Message, bytes]:
    """Reads one message.

    Raises:
        EOFError: the other side is gone.
        ValueError: what it said is no message.
    """
    text_size, data_size = _HEADER.unpack(_exactly(stream, _HEADER.size))
    if text_size > MAX_JSON_BYTES or data_size > MAX_DATA_BYTES:
        raise ValueError(f"a message of {text_size} + {data_size} bytes")
    message = json.loads(_exactly(stream, text_size))
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")
    return message, _exactly(stream, data_size)


def main() -> None:
    """Serves tasks until standard input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    # What a parser prints must not be taken for a message.
    os.dup2(2, 1)
    start, _ = receive(requests)
    module, _, factory = start["task"].partition(":")
    task: Task = getattr(importlib.import_module(module), factory)(start["setup"])
    _limit_memory(start["memory"])
    send(replies, {"ready": True})
    while True:
        try:
            message, _ = receive(requests)
        except EOFError:
            return
        with _alarm(start["seconds"]):
            try:
                header, data = task(message["payload"])
            except MemoryError:
                # The heap may be in pieces: say so and let a fresh process go on.
                send(replies, {"failure": "memory"})
                return
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                header, data = {"failure": "error", "message": text}, b""
        send(replies, header, data)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _limit_memory(extra: int) -> None:
    """Lets this process grow by at most `extra` bytes, where the system can do that."""
    try:
        import resource
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + extra
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        pass  # macOS and Windows: the time limit remains


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Ends this process if its parent is gone and cannot end it in time."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds + 5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main()
    sys.exit(0)
