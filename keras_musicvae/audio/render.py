"""Plays a groove on the built-in kit: sample-accurate, deterministic, never clipped."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from keras_musicvae.audio import kit
from keras_musicvae.audio.timeline import Timeline, check_sample_rate, timeline

if TYPE_CHECKING:
    from keras_musicvae.grooves.groove import Groove

Samples = npt.NDArray[np.float32]

# Velocity 64 sounds 9.5 dB, a ghost note of 20 sounds 26 dB below a full stroke.
VELOCITY_EXPONENT = 1.6

# Below the knee the mix is untouched; peaks above it bend towards the ceiling.
LIMITER_KNEE = 0.6
CEILING = 10 ** (-1 / 20)  # -1 dBFS

_MASTER_GAIN = 1.0
_CHOKE_SECONDS = 0.03
_BLOCK = 1 << 20


def render(
    groove: "Groove",
    sample_rate: int = 44100,
    *,
    loops: int = 1,
    wrap: bool = False,
) -> Samples:
    """Plays a groove on a small synthetic drum kit.

    The kit is made of sines and noise with NumPy alone: kick, snare, hi-hat (a closed
    hit chokes the open one), three toms, crash and ride, and the articulations of
    `groove.pitches` that sound different (pedal hi-hat, cross-stick, rim shot, edges,
    ride bell). Velocity changes loudness and brightness; offsets and tempo changes
    are followed to the sample. Equal grooves give equal samples.

    Args:
        groove: What to play.
        sample_rate: In hertz, 8000 to 192000.
        loops: How often the groove is played in a row.
        wrap: Where cymbals ring on after the end. False: the result is as much longer
            than the groove. True: the result has exactly the groove's length, and what
            rings on (or is played ahead of the first downbeat) is folded to the other
            end, so that the result repeats without a seam.

    Returns:
        (samples, 2) float32, left and right from the drummer's seat, within
        -1 dBFS (0.891). Without `wrap`, hits ahead of the first downbeat sound at 0.

    Raises:
        AudioError: If `sample_rate` or `loops` is out of range, or the result would
            be longer than an hour.

    Example:
        >>> from keras_musicvae import read_midi
        >>> from keras_musicvae.audio import render, write_wav
        >>> samples = render(read_midi("beat.mid"), loops=2)  # doctest: +SKIP
        >>> write_wav("beat.wav", samples)  # doctest: +SKIP
    """
    sample_rate = check_sample_rate(sample_rate)
    events = timeline(groove, loops)
    total = round(events.total_seconds * sample_rate)
    onsets = np.rint(events.seconds * sample_rate).astype(np.int64)
    onsets = onsets % max(total, 1) if wrap else np.maximum(onsets, 0)
    chokes = _choke_times(events, onsets, total if wrap else None)

    strokes = []
    for drum, pitch, turn in zip(
        events.drums, events.pitches, events.turns, strict=True
    ):
        name = kit.stroke_name(int(drum), int(pitch))
        take = int(turn) % kit.STROKES[name].takes
        strokes.append(kit.sound(name, take, sample_rate))
    lengths = np.array([len(stroke) for stroke in strokes], dtype=np.int64)
    fade = round(_CHOKE_SECONDS * sample_rate)
    lengths = np.minimum(lengths, chokes + fade)

    end = int(np.max(onsets + lengths, initial=total))
    mix = np.zeros((end, 2), dtype=np.float32)
    gains = _MASTER_GAIN * events.velocities**VELOCITY_EXPONENT
    for stroke, onset, length, choke, velocity, gain in zip(
        strokes, onsets, lengths, chokes, events.velocities, gains, strict=True
    ):
        hit = np.float32(gain * (1 - velocity)) * stroke.soft[:length]
        hit += np.float32(gain * velocity) * stroke.hard[:length]
        if choke < length:
            ramp = np.linspace(1, 0, length - choke, dtype=np.float32) ** 2
            hit[choke:] *= ramp[:, np.newaxis]
        mix[onset : onset + length] += hit
    if wrap:
        mix = _fold(mix, total)
    return _limit(mix)


def _choke_times(
    events: Timeline, onsets: npt.NDArray[np.int64], period: int | None
) -> npt.NDArray[np.int64]:
    """After how many samples each hit is choked; far beyond any sound if it is not."""
    never = np.iinfo(np.int64).max // 2
    chokes = np.full(onsets.shape, never)
    opened = events.drums == kit.OPEN_HAT
    closing = np.sort(onsets[events.drums == kit.CLOSED_HAT])
    if period is not None:
        closing = np.concatenate([closing, closing + period])
    # A closed hit at the same instant does not silence the open one.
    following = np.searchsorted(closing, onsets[opened], side="right")
    closing = np.append(closing, never)
    chokes[opened] = closing[following] - onsets[opened]
    return chokes


def _fold(mix: Samples, period: int) -> Samples:
    """Adds what lies beyond `period` samples to the start, round after round."""
    if period == 0:
        return mix[:0]
    folded = mix[:period].copy()
    for start in range(period, len(mix), period):
        rest = mix[start : start + period]
        folded[: len(rest)] += rest
    return folded


def _limit(mix: Samples) -> Samples:
    """Bends peaks above the knee so that none passes the ceiling; in place."""
    room = CEILING - LIMITER_KNEE
    for start in range(0, len(mix), _BLOCK):
        block = mix[start : start + _BLOCK]
        loud = np.abs(block) > LIMITER_KNEE
        peaks = block[loud]
        bent = LIMITER_KNEE + room * np.tanh((np.abs(peaks) - LIMITER_KNEE) / room)
        block[loud] = np.copysign(bent, peaks)
    return mix
