"""When each hit of a groove sounds: from steps to seconds, loops and tempo included."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import AudioError, shown
from keras_musicvae.grooves.drum_maps import ROLAND_TD11, DrumMap
from keras_musicvae.grooves.groove import Groove, check_groove

# An hour of stereo float32 samples at 44.1 kHz takes 1.3 GB.
MAX_SECONDS = 3600.0
SAMPLE_RATES = (8000, 192000)


@dataclass(frozen=True)
class Timeline:
    """The hits of a groove in the order in which they sound, all loops.

    Attributes:
        seconds: (hits,) float64, when each one sounds; the first may be negative,
            where a hit is played ahead of the first downbeat.
        drums: (hits,) int, 0 to 8.
        velocities: (hits,) float64, above 0, up to 1.
        pitches: (hits,) int, MIDI pitches, one per articulation.
        turns: (hits,) int, counts the hits of each drum from 0 within a loop.
        loop_seconds: The length of one loop.
        loops: How many.
    """

    seconds: npt.NDArray[np.float64]
    drums: npt.NDArray[np.int64]
    velocities: npt.NDArray[np.float64]
    pitches: npt.NDArray[np.int64]
    turns: npt.NDArray[np.int64]
    loop_seconds: float
    loops: int

    @property
    def total_seconds(self) -> float:
        """The length of all loops."""
        return self.loop_seconds * self.loops


def timeline(
    groove: Groove, loops: int = 1, drum_map: DrumMap = ROLAND_TD11
) -> Timeline:
    """Lists the hits of a groove by time.

    Args:
        groove: Any groove.
        loops: How often to play it, 1 or more; each time at the tempo of its start.
        drum_map: The map in whose numbers the pitches are given.

    Raises:
        AudioError: If `loops` is not a positive integer, or the whole would be
            longer than an hour.
    """
    check_groove(groove)
    whole = isinstance(loops, int | np.integer) and not isinstance(loops, bool)
    if not whole or loops < 1:
        raise AudioError(
            f"loops must be an integer of 1 or more. Received: {shown(loops)}"
        )
    clock = _Clock([(0.0, groove.tempo), *groove.tempo_changes])
    length = groove.duration
    if loops > MAX_SECONDS / length:
        raise AudioError(
            f"{shown(loops)} x {length:.0f} s of sound exceed the limit of an hour. "
            "Render fewer loops, or a part of the groove: groove.bars(start, stop)"
        )
    steps, drums = np.nonzero(groove.hits)
    exact = steps - groove.offsets[steps, drums].astype(np.float64)
    seconds = clock(exact / groove.steps_per_quarter)
    velocities = groove.velocities[steps, drums].astype(np.float64)
    pitches = groove.struck_pitches(drum_map)[steps, drums].astype(np.int64)
    order = np.argsort(seconds, kind="stable")
    seconds, drums, pitches = seconds[order], drums[order], pitches[order]
    # As in MIDI, a hit has a velocity of 1 or more; 0 would be silence.
    velocities = np.clip(velocities[order], 1 / 127, 1.0)
    starts = np.arange(loops) * length
    everything = (starts[:, np.newaxis] + seconds).ravel()
    by_time = np.argsort(everything, kind="stable")
    return Timeline(
        seconds=everything[by_time],
        drums=np.tile(drums, loops)[by_time],
        velocities=np.tile(velocities, loops)[by_time],
        pitches=np.tile(pitches, loops)[by_time],
        turns=np.tile(_turns(drums), loops)[by_time],
        loop_seconds=length,
        loops=int(loops),
    )


def check_sample_rate(sample_rate: int) -> int:
    """Returns the sample rate if it is an integer within `SAMPLE_RATES`.

    Raises:
        AudioError: If it is not.
    """
    low, high = SAMPLE_RATES
    if (
        isinstance(sample_rate, bool)
        or not isinstance(sample_rate, int | np.integer)
        or not low <= sample_rate <= high
    ):
        raise AudioError(
            f"sample_rate must be an integer from {low} to {high} Hz, such as 44100. "
            f"Received: {shown(sample_rate)}"
        )
    return int(sample_rate)


class _Clock:
    """Quarter notes -> seconds, with a constant tempo between the changes."""

    def __init__(self, tempos: Sequence[tuple[float, float]]) -> None:
        self.quarters = np.array([quarter for quarter, _ in tempos], dtype=np.float64)
        self.seconds_per_quarter = 60 / np.array([bpm for _, bpm in tempos], np.float64)
        spans = np.diff(self.quarters) * self.seconds_per_quarter[:-1]
        self.seconds = np.concatenate([[0.0], np.cumsum(spans)])

    def __call__(self, quarters: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        # Before 0 (a hit ahead of the first downbeat) the first tempo holds.
        segment = np.searchsorted(self.quarters, quarters, side="right") - 1
        segment = np.maximum(segment, 0)
        into = quarters - self.quarters[segment]
        return self.seconds[segment] + into * self.seconds_per_quarter[segment]


def _turns(drums: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    turns = np.zeros_like(drums)
    for drum in np.unique(drums):
        here = drums == drum
        turns[here] = np.arange(here.sum())
    return turns
