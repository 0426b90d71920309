"""The tempo map of a file, and its sections in one time signature."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_TEMPO = 120.0
DEFAULT_TIME_SIGNATURE = (4, 4)


@dataclass(frozen=True)
class Section:
    """A stretch of a file in one time signature, in ticks from the start of the file.

    Attributes:
        time_signature: The time signature.
        start: Its first tick. Below 0 if the file begins with a pick-up, which is the
            end of the section's first bar.
        end: The tick after its last; that of the last section is where the drums'
            track ends, or 0 if the file does not say.
        is_last: Whether no section follows.
        marked: Whether a marker says that its end is meant.
    """

    time_signature: tuple[int, int]
    start: int
    end: int
    is_last: bool
    marked: bool


def split_sections(
    time_signatures: Iterable[tuple[int, int, int]],
    end_tick: int,
    *,
    first_note: int,
    ticks_per_quarter: int,
    marked_end: bool,
) -> tuple[list[Section], list[str]]:
    """The file cut where the length of a bar changes; at first it is 4/4.

    Of several time signatures at one tick the last counts. One with bars of the same
    length (4/4, 8/8) is no cut if it comes on a bar line. A first bar that is shorter
    than those of the next section, a pick-up, is the end of a whole bar.

    Args:
        time_signatures: `(tick, numerator, denominator)` in the order of time.
        end_tick: Where the drums' track ends.
        first_note: The tick of the first note.
        ticks_per_quarter: The resolution of the file.
        marked_end: Whether a marker stands at the end.

    Returns:
        The sections, and in words what was joined.
    """
    changes = {0: DEFAULT_TIME_SIGNATURE}
    for tick, numerator, denominator in time_signatures:
        changes[tick] = (numerator, denominator)
    starts: list[tuple[int, tuple[int, int]]] = []
    remarks: list[str] = []
    for tick in sorted(changes):
        new = changes[tick]
        if starts:
            start, old = starts[-1]
            if new == old:
                continue
            bar = _bar_ticks(old, ticks_per_quarter)
            if bar == _bar_ticks(new, ticks_per_quarter) and (tick - start) % bar == 0:
                if tick <= first_note:
                    starts[-1] = (start, new)
                else:
                    remarks.append(
                        f"{new[0]}/{new[1]} from quarter note "
                        f"{tick / ticks_per_quarter:g} read as {old[0]}/{old[1]}, "
                        "whose bars have the same length"
                    )
                continue
        starts.append((tick, new))
    if len(starts) > 1:
        (_, (beats, unit)), (tick, new) = starts[:2]
        bar = _bar_ticks(new, ticks_per_quarter)
        length = min(_bar_ticks((beats, unit), ticks_per_quarter), bar - 1)
        if first_note < tick <= length and bar == int(bar):
            starts[:2] = [(int(tick - bar), new)]
            remarks.append(
                f"a pick-up of {beats}/{unit} read as the end of a first bar of "
                f"{new[0]}/{new[1]}"
            )
    ends = [*(tick for tick, _ in starts[1:]), end_tick]
    sections = []
    for (start, time_signature), end in zip(starts, ends, strict=True):
        is_last = start == starts[-1][0]
        marked = is_last and marked_end
        sections.append(Section(time_signature, start, end, is_last, marked))
    return sections, remarks


def _bar_ticks(time_signature: tuple[int, int], ticks_per_quarter: int) -> float:
    """The length of a bar; a whole number wherever bars end on ticks."""
    beats, unit = time_signature
    return beats * 4 * ticks_per_quarter / unit


class TempoMap:
    """Which tempo holds when.

    Args:
        changes: `(tick, tempo)` in the order of time. Of several at one tick the last
            counts; before the first it is 120 bpm.
    """

    def __init__(self, changes: Iterable[tuple[int, float]]):
        self.ticks: list[int] = []
        self.tempos: list[float] = []
        for tick, tempo in {0: DEFAULT_TEMPO, **dict(changes)}.items():
            if not self.tempos or tempo != self.tempos[-1]:
                self.ticks.append(tick)
                self.tempos.append(tempo)

    def at(self, tick: int) -> float:
        """The tempo at a tick, in quarter notes per minute."""
        return self.tempos[bisect_right(self.ticks, max(tick, 0)) - 1]

    def changes(self, start: int, end: int) -> list[tuple[int, float]]:
        """`(tick, tempo)` of each change after `start` and before `end`."""
        first = bisect_right(self.ticks, max(start, 0))
        last = bisect_right(self.ticks, end - 1)
        return list(zip(self.ticks[first:last], self.tempos[first:last], strict=True))
