"""Ctrl-C while modules are imported: one line, and the process ends.

As an exception it would appear inside whatever is being imported, which shows a
traceback or swallows it. Nothing has been written yet, so the process may end at once.
"""

import os
import signal

EXIT_INTERRUPTED = 130
MESSAGE = "keras-musicvae: interrupted"


class importing:
    """Within this context, SIGINT ends the process with one line and code 130."""

    def __enter__(self) -> None:
        self._handler = signal.getsignal(signal.SIGINT)
        # An ignored SIGINT stays ignored, and another program's handler its own.
        self._ours = self._handler is signal.default_int_handler
        if self._ours:
            try:
                signal.signal(signal.SIGINT, end)
            except ValueError:  # not the main thread, which alone gets signals
                self._ours = False

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, self._handler)


def end(*_: object) -> None:
    """Ends the process at once."""
    try:
        os.write(2, f"{MESSAGE}\n".encode())
    finally:
        os._exit(EXIT_INTERRUPTED)
