"""What drum sounds are made of: decaying tones, coloured noise, metal, a room.

Everything is a plain function of its arguments: the random generator is passed in,
so a kit is the same in every process. Filters work on the spectrum as a whole
(`numpy.fft`), which needs no SciPy and no loop over samples.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]

# A drum head sounds at the zeros of Bessel functions, not at multiples: (0,1), (1,1),
# (2,1), (0,2), (3,1). Fletcher & Rossing, "The Physics of Musical Instruments", 3.6.
MEMBRANE_MODES = (1.0, 1.594, 2.136, 2.296, 2.653)


def times(seconds: float, sample_rate: int) -> Signal:
    """The time of each sample, in seconds; a little longer, to suit the FFT."""
    return np.arange(_fast_size(round(seconds * sample_rate))) / sample_rate


def fade_out(time: Signal, share: float = 0.4) -> Signal:
    """One, then a smooth fall to zero over the last `share` of the time."""
    progress = (time / max(time[-1], 1e-9) - (1 - share)) / share
    return np.cos(np.pi / 2 * np.clip(progress, 0, 1)) ** 2


def decay(time: Signal, time_constant: float, attack: float = 0.0) -> Signal:
    """An exponential decay (to 1/e in `time_constant` s) after a smooth attack."""
    envelope = np.exp(-time / time_constant)
    rising = int(np.searchsorted(time, attack))
    if rising:
        envelope[:rising] *= np.sin(np.pi / 2 * time[:rising] / attack) ** 2
    return envelope


def tone(
    time: Signal, frequency: float, glide: float = 0.0, glide_time: float = 0.02
) -> Signal:
    """A sine that falls from `frequency * (1 + glide)` to `frequency` hertz.

    A struck membrane is stretched, hence tuned higher, while it moves far. The phase
    is the integral of the frequency, so that the glide is free of clicks.
    """
    cycles = time + glide * glide_time * (1 - np.exp(-time / glide_time))
    return np.sin(2 * np.pi * frequency * cycles)


def membrane(
    time: Signal,
    frequency: float,
    levels: Sequence[float],
    time_constant: float,
    glide: float,
    glide_time: float,
) -> Signal:
    """The modes of a drum head; the higher ones die sooner."""
    result = np.zeros_like(time)
    for ratio, level in zip(MEMBRANE_MODES, levels, strict=False):
        if level:
            wave = tone(time, frequency * ratio, glide, glide_time)
            result += level * wave * decay(time, time_constant / ratio**1.3)
    return result


def noise(
    generator: np.random.Generator,
    time: Signal,
    sample_rate: int,
    low: float,
    high: float,
    order: int = 2,
) -> Signal:
    """Noise between `low` and `high` hertz, of unit power.

    `order` sets the slope outside the band: 6 dB per octave and unit, as of a
    Butterworth filter, without its delay.
    """
    spectrum = _white(generator, time.size)
    return _colour(spectrum, time.size, sample_rate, low, high, order)


def metal(
    generator: np.random.Generator,
    time: Signal,
    sample_rate: int,
    low: float,
    high: float,
    partials: int,
) -> Signal:
    """A cloud of steady, inharmonic partials, of unit power: a plate, not a string."""
    spectrum = _lines(generator, time.size, sample_rate, low, high, partials)
    return _normalise(np.fft.irfft(spectrum, time.size))


def cloud(
    generator: np.random.Generator,
    time: Signal,
    sample_rate: int,
    edges: Sequence[float],
    partials: int,
) -> list[Signal]:
    """Metal with noise below it, cut into the bands between `edges` (hertz).

    Each band has unit power, so that it can be given a level and an envelope: the
    bands of a cymbal rise and die at different speeds.
    """
    hiss = _white(generator, time.size)
    bands = []
    for low, high in pairwise(edges):
        width = max(1, round((high - low) * time.size / sample_rate))
        spectrum = _lines(generator, time.size, sample_rate, low, high, partials)
        power = np.sum(np.abs(spectrum) ** 2)
        # As much power in the noise's share of the band as in the partials.
        spectrum += hiss * np.sqrt(power / (2 * width))
        bands.append(_colour(spectrum, time.size, sample_rate, low, high, order=4))
    return bands


def partials(
    time: Signal,
    frequencies: Sequence[float],
    levels: Sequence[float],
    time_constants: Sequence[float],
    nyquist: float,
) -> Signal:
    """A few decaying sines, the tone of a bell; those above Nyquist are left out."""
    result = np.zeros_like(time)
    for frequency, level, constant in zip(
        frequencies, levels, time_constants, strict=True
    ):
        if frequency < nyquist:
            result += level * tone(time, frequency) * decay(time, constant)
    return result


def room_response(seed: int, sample_rate: int) -> Signal:
    """The impulse response (2, samples) of a small, dry live room.

    Two independent noises, one per ear, make the width; high frequencies are
    absorbed sooner than low ones. Its energy is one per ear.
    """
    generator = np.random.default_rng(seed)
    time = times(0.3, sample_rate)
    ears = []
    for _ in range(2):
        low = noise(generator, time, sample_rate, 250, 1800, order=2)
        high = noise(generator, time, sample_rate, 1800, 7000, order=2)
        ear = 0.8 * low * decay(time, 0.065, 0.004) + high * decay(time, 0.04, 0.004)
        silence = np.zeros(round(0.006 * sample_rate))
        ears.append(np.concatenate([silence, ear]))
    response = np.stack(ears)
    return response / np.sqrt(np.sum(response**2, axis=1, keepdims=True))


def convolve(signal: Signal, response: Signal) -> Signal:
    """The linear convolution of (samples,) with (channels, taps)."""
    length = signal.size + response.shape[1] - 1
    size = _fast_size(length)
    spectrum = np.fft.rfft(signal, size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[:, :length]


def _fast_size(length: int) -> int:
    """The smallest size of at least `length` that is fast to transform."""
    sizes = []
    for factor in (1, 3, 5, 9, 15):
        blocks = -(-length // factor)
        sizes.append(factor << (blocks - 1).bit_length())
    return min(sizes)


def _white(generator: np.random.Generator, size: int) -> npt.NDArray[np.complex128]:
    """The spectrum of white noise: independent normal numbers, as is the noise."""
    parts = generator.standard_normal((2, size // 2 + 1))
    return parts[0] + 1j * parts[1]


def _lines(
    generator: np.random.Generator,
    size: int,
    sample_rate: int,
    low: float,
    high: float,
    partials: int,
) -> npt.NDArray[np.complex128]:
    """A spectrum that is zero but for random partials; those above Nyquist are lost."""
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    frequencies = generator.uniform(low, high, partials)
    levels = generator.uniform(0.3, 1.0, partials)
    phases = generator.uniform(0, 2 * np.pi, partials)
    bins = np.rint(frequencies * size / sample_rate).astype(int)
    audible = (bins > 0) & (bins < spectrum.size)
    np.add.at(spectrum, bins[audible], (levels * np.exp(1j * phases))[audible])
    return spectrum


def _colour(
    spectrum: npt.NDArray[np.complex128],
    size: int,
    sample_rate: int,
    low: float,
    high: float,
    order: int,
) -> Signal:
    frequencies = np.fft.rfftfreq(size, 1 / sample_rate)
    frequencies[0] = frequencies[1]  # the mean is removed below
    below, above = (low / frequencies) ** 2, (frequencies / high) ** 2
    gain = 1 / np.sqrt((1 + below**order) * (1 + above**order))
    gain[0] = 0.0
    return _normalise(np.fft.irfft(spectrum * gain, size))


def _normalise(signal: Signal) -> Signal:
    power = np.mean(signal**2)
    return signal / np.sqrt(power) if power > 0 else signal
