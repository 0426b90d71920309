"""How files are read: the settings of one reading, checked before a file is opened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import DrumMapError, MidiError, shown
from keras_musicvae.grooves.drum_maps import (
    DRUMS,
    GENERAL_MIDI,
    NUM_PITCHES,
    ROLAND_TD11,
    UNKNOWN,
    DrumMap,
    get_drum_map,
)
from keras_musicvae.grooves.drum_part import Channel
from keras_musicvae.grooves.groove import bar_steps
from keras_musicvae.grooves.kits import guess_drum_map
from keras_musicvae.grooves.midi_limits import DEFAULT_LIMITS, MidiLimits

UnknownPitch: TypeAlias = str | Mapping[int, str]
ZERO_LENGTH = ("auto", "skip", "keep")


@dataclass(frozen=True)
class ReadOptions:
    """How a file becomes grooves; the arguments of `read_midi`.

    Raises:
        DrumMapError: An unknown drum map, or impossible `unknown_pitch`.
        GrooveError: An impossible grid.
        MidiError: Another impossible value.
    """

    drum_map: str | PathLike[str] | DrumMap = "auto"
    steps_per_quarter: int = 4
    channel: Channel = "auto"
    track: int | str | None = None
    unknown_pitch: UnknownPitch = "skip"
    zero_length: str = "auto"
    limits: MidiLimits = DEFAULT_LIMITS
    own_map: DrumMap = ROLAND_TD11
    fallback: npt.NDArray[np.int8] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bar_steps((4, 4), self.steps_per_quarter)
        if not isinstance(self.drum_map, str) or self.drum_map != "auto":
            object.__setattr__(self, "drum_map", get_drum_map(self.drum_map))
        if self.zero_length not in ZERO_LENGTH:
            raise MidiError(
                f"zero_length must be one of {', '.join(ZERO_LENGTH)}. "
                f"Received: {shown(self.zero_length)}"
            )
        if not isinstance(self.limits, MidiLimits):
            raise MidiError(
                f"limits must be MidiLimits. Received: {shown(self.limits)}"
            )
        object.__setattr__(self, "fallback", _fallback_table(self.unknown_pitch))

    def choose_map(
        self, counts: Mapping[int, int], *, pedal: bool, played: bool
    ) -> tuple[DrumMap, npt.NDArray[np.int8]]:
        """The drum map for the notes of a file, and what fills its gaps.

        Arguments as in `guess_drum_map`. The gaps are `(128,)` int8, the drum of each
        pitch that the map lacks.
        """
        if isinstance(self.drum_map, DrumMap):
            return self.drum_map, self.fallback
        drum_map = guess_drum_map(counts, pedal=pedal, played=played, own=self.own_map)
        gaps = np.where(
            self.fallback == UNKNOWN, GENERAL_MIDI.drum_table, self.fallback
        )
        return drum_map, gaps


def _fallback_table(unknown_pitch: UnknownPitch) -> npt.NDArray[np.int8]:
    """`(128,)`: the drum for each pitch that the drum map lacks."""
    table = np.full(NUM_PITCHES, UNKNOWN, np.int8)
    if isinstance(unknown_pitch, Mapping):
        chosen = unknown_pitch
    elif not isinstance(unknown_pitch, str):
        chosen = {-1: ""}  # refused below
    elif unknown_pitch in DRUMS:
        chosen = dict.fromkeys(range(NUM_PITCHES), unknown_pitch)
    elif unknown_pitch in ("skip", "error"):
        chosen = {}
    else:
        raise MidiError(
            'unknown_pitch must be "skip", "error", a drum or {pitch: drum}; the drums '
            f"are {', '.join(DRUMS)}. Received: {shown(unknown_pitch)}"
        )
    for pitch, drum in chosen.items():
        if (
            drum not in DRUMS
            or not isinstance(pitch, int | np.integer)
            or not 0 <= pitch < NUM_PITCHES
        ):
            raise DrumMapError(
                f"unknown_pitch maps pitches 0-127 to one of {', '.join(DRUMS)}. "
                f"Received: {shown(pitch)}: {shown(drum)}"
            )
        table[pitch] = DRUMS.index(drum)
    return table
