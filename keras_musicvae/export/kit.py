"""The built-in drum kit as samples, small enough to travel with the page."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.audio.kit import STROKES, sound
from keras_musicvae.grooves.drum_maps import DRUMS

SAMPLE_RATE = 24000
# Of drums that are struck many times in a row, no two strokes sound alike.
TAKES = {"kick": 2, "snare": 2, "closed_hihat": 2}
# A sound ends where it stays below this share of its peak.
_SILENCE = 0.004


def kit_samples() -> tuple[dict[str, Any], bytes]:
    """What the page needs to sound like `audio.render`.

    Returns:
        The index: `sample_rate`, and for each drum in the order of `DRUMS` its `name`,
        its `pan` (-1 left to 1 right) and its `takes`, each the number of samples of
        the softest and of the hardest stroke. The samples, one byte each, in the same
        order: mu-law, 127 for the value 1.
    """
    drums, parts = [], []
    for name in DRUMS:
        stroke = STROKES[name]
        takes = []
        for take in range(TAKES.get(name, 1)):
            made = sound(name, take, SAMPLE_RATE)
            pair = [_mono(stereo, stroke.pan) for stereo in (made.soft, made.hard)]
            takes.append([len(samples) for samples in pair])
            parts += [_mu_law(samples) for samples in pair]
        drums.append({"name": name, "pan": stroke.pan, "takes": takes})
    index = {"sample_rate": SAMPLE_RATE, "drums": drums}
    return index, np.concatenate(parts).tobytes()


def _mono(stereo: NDArray[np.float32], pan: float) -> NDArray[np.float32]:
    """A stroke before it was panned, with the room of both sides, trimmed."""
    angle = (pan + 1) * np.pi / 4
    mono = stereo.sum(axis=1) / (np.sqrt(2) * (np.cos(angle) + np.sin(angle)))
    audible = np.flatnonzero(np.abs(mono) > _SILENCE * np.abs(mono).max())
    trimmed = mono[: audible[-1] + 1]
    fade = min(len(trimmed), 240)
    trimmed[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return trimmed


def _mu_law(samples: NDArray[np.float32]) -> NDArray[np.int8]:
    loudness = np.log1p(255 * np.minimum(np.abs(samples), 1)) / np.log(256)
    return np.rint(127 * np.copysign(loudness, samples)).astype(np.int8)
