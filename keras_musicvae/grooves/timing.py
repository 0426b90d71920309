"""The tempo map of a file, and its stretches in one time signature."""

from bisect import bisect_right
from dataclasses import dataclass

import miditoolkit

DEFAULT_TEMPO = 120.0
DEFAULT_TIME_SIGNATURE = (4, 4)


@dataclass(frozen=True)
class Part:
    """A stretch of a file in one time signature, in ticks from the start of the file.

    Attributes:
        time_signature: The time signature.
        start: Its first tick.
        end: The tick after its last; that of the last part is where the drums' track
            ends, or 0 if the file does not say.
        is_last: Whether no part follows.
    """

    time_signature: tuple[int, int]
    start: int
    end: int
    is_last: bool


def split_parts(midi: miditoolkit.MidiFile, end_tick: int) -> list[Part]:
    """The file cut where the time signature changes; it is 4/4 until it says otherwise.

    Of several time signatures at one tick the last counts; an equal one is no change.
    """
    time_signatures = {0: DEFAULT_TIME_SIGNATURE}
    for event in midi.time_signature_changes:
        time_signatures[event.time] = (event.numerator, event.denominator)
    starts: list[int] = []
    for tick in sorted(time_signatures):
        if not starts or time_signatures[tick] != time_signatures[starts[-1]]:
            starts.append(tick)
    ends = [*starts[1:], end_tick]
    return [
        Part(time_signatures[start], start, end, start == starts[-1])
        for start, end in zip(starts, ends, strict=True)
    ]


class TempoMap:
    """Which tempo holds when.

    Args:
        midi: Its `tempo_changes` in the order of time. Of several at one tick the last
            counts; before the first it is 120 bpm.
    """

    def __init__(self, midi: miditoolkit.MidiFile):
        tempos = {0: DEFAULT_TEMPO}
        for event in midi.tempo_changes:
            tempos[event.time] = float(event.tempo)
        self.ticks: list[int] = []
        self.tempos: list[float] = []
        for tick, tempo in tempos.items():
            if not self.tempos or tempo != self.tempos[-1]:
                self.ticks.append(tick)
                self.tempos.append(tempo)

    def at(self, tick: int) -> float:
        """The tempo at a tick, in quarter notes per minute."""
        return self.tempos[bisect_right(self.ticks, tick) - 1]

    def changes(self, start: int, end: int) -> list[tuple[int, float]]:
        """`(tick, tempo)` of each change after `start` and before `end`."""
        first, last = bisect_right(self.ticks, start), bisect_right(self.ticks, end - 1)
        return list(zip(self.ticks[first:last], self.tempos[first:last], strict=True))
