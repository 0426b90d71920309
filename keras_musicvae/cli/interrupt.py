"""While modules are imported: Ctrl-C is one line, and nobody greets.

As an exception, an interrupt would appear inside whatever is being imported, which
shows a traceback or swallows it. Nothing has been written yet, so the process may end
at once.
"""

import os
import re
import signal

EXIT_INTERRUPTED = 130
MESSAGE = "keras-musicvae: interrupted"

# What libraries in C++ log at the level of information, which no variable turns off.
_GREETING = re.compile(rb"I\d{4} |WARNING: All log messages before absl")


class importing:
    """Within this context, SIGINT ends the process with one line and code 130.

    Args:
        quiet: Whether log messages of information on stderr are dropped. Defaults to
            False.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def __enter__(self) -> None:
        self._handler = signal.getsignal(signal.SIGINT)
        # An ignored SIGINT stays ignored, and another program's handler its own.
        self._ours = self._handler is signal.default_int_handler
        if self._ours:
            try:
                signal.signal(signal.SIGINT, self._end)
            except ValueError:  # not the main thread, which alone gets signals
                self._ours = False
        if self._quiet:
            import tempfile

            self._log = tempfile.TemporaryFile()
            self._stderr = os.dup(2)
            os.dup2(self._log.fileno(), 2)

    def __exit__(self, *_: object) -> None:
        self._show()
        if self._ours:
            signal.signal(signal.SIGINT, self._handler)

    def _show(self) -> None:
        """Gives stderr back, with what was written to it meanwhile."""
        if self._quiet:
            self._quiet = False
            os.dup2(self._stderr, 2)
            os.close(self._stderr)
            with self._log:
                self._log.seek(0)
                for line in self._log:
                    if not _GREETING.match(line):
                        os.write(2, line)

    def _end(self, *_: object) -> None:
        try:
            self._show()
        finally:
            end()


def end() -> None:
    """Ends the process at once."""
    try:
        os.write(2, f"{MESSAGE}\n".encode())
    finally:
        os._exit(EXIT_INTERRUPTED)
