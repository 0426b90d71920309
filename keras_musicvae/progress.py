"""Shows how long work goes on, on stderr, for people who wait for it."""

import contextlib
import datetime
import sys
import time
from collections.abc import Iterator
from typing import Any

LINE_SECONDS = 10.0


class Progress:
    """A line on stderr that grows with the work.

    On a terminal it is drawn by `rich`; elsewhere (a log file) a plain line is
    written now and then.

    Args:
        label: What is going on.
        total: How many steps there are.
        unit: What a step is; `"bytes"` is shown in megabytes.
        start: How many of them an earlier run has done. Defaults to 0.
        line_seconds: Seconds between two lines in a log file. Defaults to 10.
    """

    def __init__(
        self,
        label: str,
        total: int,
        unit: str,
        start: int = 0,
        line_seconds: float = LINE_SECONDS,
    ):
        self.label, self.total, self.unit = label, total, unit
        self._line_seconds = line_seconds
        self._start = self._done = start
        self._note = ""
        self._started = self._last = time.monotonic()

    def update(self, done: int, note: str = "") -> None:
        """Shows that `done` steps of `total` are done, and a short note."""
        self._done, self._note = done, note
        if time.monotonic() - self._last >= self._line_seconds:
            self.show()

    def show(self) -> None:
        """Writes a line now."""
        self._last = time.monotonic()
        self.write(f"{self.label}: {self._counts()}{self._left()}{self._note}")

    def write(self, line: str) -> None:
        """Writes a line of its own."""
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Writes a last line, if the work took long enough for an earlier one."""
        if self._last > self._started:
            self.show()

    def _counts(self) -> str:
        if self.unit == "bytes":
            return f"{self._done / 1e6:.1f} of {self.total / 1e6:.1f} MB "
        return f"{self._done:,} of {self.total:,} {self.unit} ({self._rate():,.0f}/s) "

    def _rate(self) -> float:
        seconds = max(time.monotonic() - self._started, 1e-3)
        return (self._done - self._start) / seconds

    def _left(self) -> str:
        """The time left, for a log file; `rich` has a column for it."""
        if not self._rate():
            return ""
        seconds = round((self.total - self._done) / self._rate())
        return f"{datetime.timedelta(seconds=seconds)} left, "


class _RichProgress(Progress):
    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=10),
            progress.TextColumn("{task.fields[note]}"),
            progress.TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(self.label, total=self.total, note="")
        self._bar.start()

    def update(self, done: int, note: str = "") -> None:
        self._done, self._note = done, note
        self._bar.update(self._task, completed=done, note=self._counts() + note)

    def write(self, line: str) -> None:
        self._bar.console.print(line, highlight=False, markup=False)

    def close(self) -> None:
        self._bar.stop()


class Silence(Progress):
    """Shows nothing."""

    def __init__(self) -> None:
        super().__init__("", 0, "")

    def update(self, done: int, note: str = "") -> None:
        """Ignores the step."""

    def write(self, line: str) -> None:
        """Ignores the line."""

    def close(self) -> None:
        """Ends."""


@contextlib.contextmanager
def showing(
    label: str,
    total: int,
    unit: str = "files",
    *,
    start: int = 0,
    line_seconds: float = LINE_SECONDS,
    verbose: bool = True,
) -> Iterator[Progress]:
    """A progress display that is closed at the end, whatever happens."""
    display: Progress
    if not verbose:
        display = Silence()
    elif sys.stderr.isatty():
        display = _RichProgress(label, total, unit, start)
    else:
        display = Progress(label, total, unit, start, line_seconds)
    try:
        yield display
    finally:
        display.close()
