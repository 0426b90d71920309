"""The drum kit: which strokes it knows, how loud each is and where it stands.

A sound is synthesised twice from the same random numbers: as the softest and as the
hardest stroke. A stroke between the two is their mix, so timbre follows velocity
without steps, and a hit costs two multiplications per sample.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from keras_musicvae.audio.strokes import (
    Synthesis,
    crash,
    cross_stick,
    hat,
    kick,
    pedal_hat,
    ride,
    rim_shot,
    snare,
    tom,
)
from keras_musicvae.audio.synthesis import Signal, convolve, fade_out, room_response
from keras_musicvae.grooves.drum_maps import DRUMS, ROLAND_TD11

CLOSED_HAT = DRUMS.index("closed_hihat")
OPEN_HAT = DRUMS.index("open_hihat")

_SEED = 20190613
_RISE_SECONDS = 0.0003  # too short to soften a stroke, long enough not to crackle


@dataclass(frozen=True)
class Sound:
    """One take of a drum, stereo, placed and with its room.

    Attributes:
        soft: (samples, 2) float32, the stroke at velocity 0, at full level.
        hard: (samples, 2) float32, the stroke at velocity 1.
    """

    soft: npt.NDArray[np.float32]
    hard: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.hard)


@dataclass(frozen=True)
class Stroke:
    """How one stroke is made and where it lies in the mix.

    Attributes:
        make: The recipe.
        level: Peak of the hard stroke in the mix.
        pan: -1 left to 1 right, as the drummer sees the kit.
        room: Share of the room, relative to the dry sound. Cymbals that ring on
            need none.
        takes: How many versions successive hits take turns between, since no two
            real strokes sound alike.
    """

    make: Synthesis
    level: float
    pan: float
    room: float = 0.0
    takes: int = 1


@cache
def stroke_name(drum: int, pitch: int = 0) -> str:
    """Which stroke plays a hit: that of its pitch if the kit has it, else its drum's.

    Args:
        drum: Index of the drum, 0 to 8.
        pitch: MIDI pitch in the numbers of the Roland TD-11; 0 if it is not known.

    Returns:
        A name in `STROKES`.
    """
    if ROLAND_TD11.drum_of(pitch) == drum:
        articulation = ROLAND_TD11.articulation_of(pitch) or ""
        # Rims of toms and edges of crashes have no stroke of their own.
        for name in (articulation, articulation.rpartition("_")[0]):
            if name in STROKES:
                return name
    return DRUMS[drum]


@lru_cache(maxsize=256)
def sound(name: str, take: int, sample_rate: int) -> Sound:
    """The sound of a stroke; made on first use, then kept.

    Args:
        name: A name from `stroke_name`.
        take: Which version, 0 to `STROKES[name].takes` - 1.
        sample_rate: In hertz.
    """
    stroke = STROKES[name]
    generator = np.random.default_rng([_SEED, list(STROKES).index(name), take])
    soft, hard = stroke.make(generator, sample_rate)
    # One gain for both, from the hard stroke: how much quieter a soft stroke is
    # belongs to the renderer's velocity curve, so the soft one is made as loud.
    hard = hard * (stroke.level / np.abs(hard).max())
    soft = soft * (_rms(hard) / _rms(soft))
    return Sound(*(_place(mono, stroke, sample_rate) for mono in (soft, hard)))


def _rms(signal: Signal) -> float:
    return float(np.sqrt(np.mean(signal**2)))


def _place(mono: Signal, stroke: Stroke, sample_rate: int) -> npt.NDArray[np.float32]:
    """Smooths start and end, pans (equal power) and adds the room."""
    mono = mono * fade_out(np.arange(mono.size) / sample_rate)
    rise = round(_RISE_SECONDS * sample_rate)
    mono[:rise] *= np.linspace(0, 1, rise + 1)[1:]
    angle = (stroke.pan + 1) * np.pi / 4
    gains = np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)])
    stereo = gains[:, np.newaxis] * mono
    if stroke.room:
        wet = stroke.room * convolve(mono, _room(sample_rate))
        wet[:, : mono.size] += stereo
        stereo = wet
    return np.ascontiguousarray(stereo.T, dtype=np.float32)


@lru_cache(maxsize=4)
def _room(sample_rate: int) -> Signal:
    return room_response(_SEED, sample_rate)


# Named as the articulations of the drum maps.
STROKES = {
    "kick": Stroke(kick, level=0.80, pan=0.0, room=0.06, takes=2),
    "snare": Stroke(snare, level=0.66, pan=-0.08, room=0.16, takes=3),
    "rimshot": Stroke(rim_shot, level=0.72, pan=-0.08, room=0.18, takes=3),
    "cross_stick": Stroke(cross_stick, level=0.42, pan=-0.12, room=0.2),
    "closed_hihat": Stroke(hat(0.032, 7200), level=0.19, pan=-0.4, room=0.05, takes=3),
    "closed_hihat_edge": Stroke(
        hat(0.05, 6300), level=0.22, pan=-0.4, room=0.05, takes=3
    ),
    "pedal_hihat": Stroke(pedal_hat, level=0.17, pan=-0.4, room=0.07, takes=2),
    "open_hihat": Stroke(hat(0.36, 6500), level=0.19, pan=-0.4),
    "open_hihat_edge": Stroke(hat(0.44, 5800), level=0.22, pan=-0.4),
    "low_tom": Stroke(tom(82, 0.21), level=0.66, pan=0.45, room=0.12, takes=2),
    "mid_tom": Stroke(tom(112, 0.18), level=0.62, pan=0.12, room=0.12, takes=2),
    "high_tom": Stroke(tom(150, 0.15), level=0.58, pan=-0.22, room=0.12, takes=2),
    "crash": Stroke(crash(1.0), level=0.46, pan=-0.5),
    "crash_2": Stroke(crash(1.12), level=0.44, pan=0.3),
    "ride": Stroke(ride(0.8, 0.12, 0.06), level=0.24, pan=0.5),
    "ride_bell": Stroke(ride(0.25, 0.08, 0.9), level=0.26, pan=0.5),
    "ride_edge": Stroke(ride(0.4, 0.6, 0.05), level=0.30, pan=0.5),
}
