"""A tapped rhythm: notes of any pitch and channel, or the times of the taps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from keras_musicvae.errors import GrooveError, shown
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_map import DRUMS, NUM_PITCHES, DrumMap
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.inputs import read_pieces
from keras_musicvae.grooves.midi_limits import DEFAULT_LIMITS
from keras_musicvae.grooves.pieces import Piece
from keras_musicvae.grooves.tasks import TAP_DRUM

TAP_VELOCITY = 0.8

# Every pitch is a drum here, nearly all of them the one that is tapped.
_OTHERS = [drum for index, drum in enumerate(DRUMS) if index != TAP_DRUM]
TAP_MAP = DrumMap(
    "taps",
    {
        **{drum: {pitch: "tap"} for pitch, drum in enumerate(_OTHERS)},
        DRUMS[TAP_DRUM]: {p: "tap" for p in range(len(_OTHERS), NUM_PITCHES)},
    },
)


TAP_READING = {"drum_map": TAP_MAP, "channel": None}
"""How files of taps are read, as options of `GrooveConverter.read`."""


def read_taps(
    taps: Any, converter: GrooveConverter, tempo: float, **options: Any
) -> list[Piece]:
    """Tapped rhythms as pieces, on any drums.

    Args:
        taps: The times of the taps in seconds, one series of numbers; or music as
            `read_pieces` takes it, whose files are read whatever their pitches and
            channels are.
        converter: Its settings say how files are read.
        tempo: Quarter notes per minute, for times.
        **options: How files are read, as in `GrooveConverter.read`.

    Raises:
        GrooveError: Times that are none, no tap at all, or what `read_pieces` refuses.
        MidiError: As `read_midi`.
    """
    if _are_times(taps):
        return read_pieces(times_to_groove(taps, converter, tempo), converter)
    pieces = read_pieces(taps, converter, **{**TAP_READING, **options})
    return [_on_drums(piece, converter) for piece in pieces]


def times_to_groove(
    times: Sequence[float], converter: GrooveConverter, tempo: float
) -> Groove:
    """Taps at some times in seconds from the first downbeat, on one drum.

    The groove ends with the bar of the last tap. Of two taps in a step the first
    counts.

    Raises:
        GrooveError: No times, negative ones, or a groove that is too long.
    """
    seconds = np.sort(np.asarray(times, np.float64))
    if not len(seconds) or not np.isfinite(seconds).all() or seconds[0] < 0:
        raise GrooveError(
            "The times of taps must be seconds from the first downbeat, at least one. "
            f"Received: {shown(times)}"
        )
    exact = seconds * tempo / 60.0 * converter.steps_per_quarter
    most = DEFAULT_LIMITS.max_quarters * converter.steps_per_quarter
    if exact[-1] > most:
        raise GrooveError(
            f"Taps may last {most} steps at most. Received: one at {seconds[-1]:g} s, "
            f"which at {tempo:g} bpm is step {exact[-1]:.0f}"
        )
    steps, first = np.unique(np.rint(exact).astype(int), return_index=True)
    bars = steps[-1] // converter.steps_per_bar + 1
    hits = np.zeros((bars * converter.steps_per_bar, len(DRUMS)), bool)
    hits[steps, TAP_DRUM] = True
    offsets = np.zeros(hits.shape, np.float32)
    offsets[steps, TAP_DRUM] = steps - exact[first]
    return Groove(
        hits,
        np.full(hits.shape, TAP_VELOCITY, np.float32),
        offsets,
        tempo=tempo,
        time_signature=converter.time_signature,
        steps_per_quarter=converter.steps_per_quarter,
        name="taps",
        drum_map=converter.drum_map,
    )


def _on_drums(piece: Piece, converter: GrooveConverter) -> Piece:
    """A piece for the kit of the converter if it has no drums, only pitches."""
    groove = piece.groove
    if groove is None or groove.drum_map != TAP_MAP:
        return piece
    drums = replace(groove, pitches=None, drum_map=converter.drum_map)
    return replace(piece, groove=drums)


def _are_times(taps: Any) -> bool:
    """Whether this is one series of numbers."""
    if isinstance(taps, str | bytes | bytearray | Groove):
        return False
    if isinstance(taps, list | tuple) and not all(
        isinstance(tap, int | float | np.number) for tap in taps
    ):
        return False
    return isinstance(taps, list | tuple) or getattr(taps, "ndim", 0) == 1
