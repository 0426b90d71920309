"""What each stroke is made of: the recipes of the kit, in `synthesis.py`'s terms.

A recipe takes a random generator and a sample rate, and gives the softest and the
hardest stroke, mono, made from the same random numbers so that they can be mixed.
Frequencies and decays are those of recorded drums: a 22-inch kick near 52 Hz, a
14-inch snare near 190 Hz, hi-hats above 5 kHz.
"""

from collections.abc import Callable

import numpy as np

from keras_musicvae.audio.synthesis import (
    Signal,
    cloud,
    decay,
    membrane,
    metal,
    noise,
    partials,
    times,
    tone,
)

Pair = tuple[Signal, Signal]
Synthesis = Callable[[np.random.Generator, int], Pair]


def kick(generator: np.random.Generator, sample_rate: int) -> Pair:
    """A damped 22-inch bass drum."""
    time = times(0.6, sample_rate)
    # 52 Hz after a fall from 190 Hz: a 22-inch drum with a damped head.
    body = tone(time, 52, 2.6, 0.016) * decay(time, 0.105, 0.0008)
    knock = tone(time, 104, 1.8, 0.012) * decay(time, 0.035, 0.0008)
    beater = noise(generator, time, sample_rate, 1800, 5200) * decay(time, 0.006)
    air = noise(generator, time, sample_rate, 120, 900) * decay(time, 0.02)
    soft = body + 0.15 * knock + 0.01 * beater + 0.03 * air
    hard = body + 0.45 * knock + 0.13 * beater + 0.06 * air
    return soft, hard


def snare(generator: np.random.Generator, sample_rate: int) -> Pair:
    """A 14-inch snare drum, struck in the middle."""
    time = times(0.5, sample_rate)
    head = membrane(time, 188, (1, 0.7, 0.35, 0.3), 0.075, 0.22, 0.012)
    # The wires answer the lower head a moment after the stick.
    wires = noise(generator, time, sample_rate, 1600, 8500, order=1)
    rattle = noise(generator, time, sample_rate, 500, 3000)
    stick = noise(generator, time, sample_rate, 2500, 9000) * decay(time, 0.003)
    soft = head * 0.55 + 0.18 * rattle * decay(time, 0.05, 0.003)
    soft += 0.13 * wires * decay(time, 0.06, 0.003)
    hard = head * 0.8 + 0.22 * rattle * decay(time, 0.06, 0.002) + 0.45 * stick
    hard += 0.42 * wires * (0.6 * decay(time, 0.05, 0.002) + 0.4 * decay(time, 0.13))
    return soft, hard


def rim_shot(generator: np.random.Generator, sample_rate: int) -> Pair:
    """A snare struck on head and rim at once: the shell rings."""
    soft, hard = snare(generator, sample_rate)
    time = times(0.5, sample_rate)
    ring = partials(
        time,
        (420, 645, 1030, 1710),
        (0.5, 0.45, 0.35, 0.2),
        (0.09, 0.06, 0.045, 0.03),
        sample_rate / 2,
    )
    return soft + 0.25 * ring, hard + 0.75 * ring


def cross_stick(generator: np.random.Generator, sample_rate: int) -> Pair:
    """A stick laid across the snare and struck on the rim."""
    time = times(0.2, sample_rate)
    wood = partials(
        time,
        (410, 1130, 1740, 2630, 3900),
        (0.4, 0.6, 1.0, 0.5, 0.3),
        (0.03, 0.018, 0.016, 0.01, 0.006),
        sample_rate / 2,
    )
    click = noise(generator, time, sample_rate, 1500, 6000) * decay(time, 0.0025)
    shell = noise(generator, time, sample_rate, 300, 1500) * decay(time, 0.025)
    return wood + 0.08 * click + 0.1 * shell, wood + 0.5 * click + 0.12 * shell


def hat(sustain: float, colour: float) -> Synthesis:
    """Struck hi-hats: they decay in `sustain` seconds and ring near `colour` hertz."""

    def make(generator: np.random.Generator, sample_rate: int) -> Pair:
        time = times(min(7 * sustain + 0.03, 1.9), sample_rate)
        plate = metal(generator, time, sample_rate, 0.5 * colour, 1.6 * colour, 240)
        sizzle = noise(generator, time, sample_rate, 0.95 * colour, 10500, order=2)
        edge = noise(generator, time, sample_rate, 0.8 * colour, 9500, order=2)
        tick = edge * decay(time, 0.004)
        dark, bright = decay(time, sustain, 0.0006), decay(time, 0.75 * sustain, 0.0006)
        low = metal(generator, time, sample_rate, 0.4 * colour, 0.9 * colour, 60)
        soft = 0.8 * plate * dark + 0.3 * sizzle * bright + 0.25 * low * dark
        hard = (
            0.7 * plate * dark + 0.8 * sizzle * bright + 0.2 * low * dark + 0.9 * tick
        )
        return soft + 0.25 * tick, hard

    return make


def pedal_hat(generator: np.random.Generator, sample_rate: int) -> Pair:
    """Hi-hats closed by the foot."""
    time = times(0.25, sample_rate)
    plate = metal(generator, time, sample_rate, 2800, 11000, 160)
    clap = noise(generator, time, sample_rate, 3200, 9000, order=3)
    # The two cymbals meet rather than being struck: no stick, a slower attack.
    soft = plate * decay(time, 0.022, 0.004) + 0.4 * clap * decay(time, 0.012, 0.003)
    hard = plate * decay(time, 0.028, 0.003) + 0.9 * clap * decay(time, 0.018, 0.002)
    return soft, hard


def tom(frequency: float, sustain: float) -> Synthesis:
    """A tom of this pitch in hertz, decaying in `sustain` seconds."""

    def make(generator: np.random.Generator, sample_rate: int) -> Pair:
        time = times(5.5 * sustain, sample_rate)
        head = membrane(
            time, frequency, (1, 0.45, 0.2, 0.15, 0.1), sustain, 0.35, 0.035
        ) * decay(time, 100, 0.001)
        stick = noise(generator, time, sample_rate, 1200, 5000) * decay(time, 0.005)
        skin = noise(generator, time, sample_rate, 200, 1200) * decay(time, 0.03)
        upper = membrane(
            time, frequency, (0, 1, 0.7, 0.6, 0.5), 0.8 * sustain, 0.35, 0.035
        )
        soft = head + 0.02 * stick + 0.05 * skin
        hard = head + 0.3 * upper + 0.2 * stick + 0.12 * skin
        return soft, hard

    return make


def crash(
    scale: float,
) -> Synthesis:
    """A crash cymbal; `scale` moves its pitch."""

    def make(generator: np.random.Generator, sample_rate: int) -> Pair:
        time = times(2.8, sample_rate)
        edges = [scale * edge for edge in (320, 900, 2400, 5500, 10000, 17000)]
        bands = cloud(generator, time, sample_rate, edges, 150)
        soft, hard = np.zeros_like(time), np.zeros_like(time)
        # Low modes ring on, high ones flare up a moment later and die sooner.
        for band, dark, bright, constant, attack in zip(
            bands,
            (0.35, 0.6, 0.75, 0.45, 0.12),
            (0.2, 0.5, 0.9, 0.75, 0.3),
            (0.55, 0.65, 0.6, 0.5, 0.35),
            (0.002, 0.003, 0.006, 0.010, 0.012),
            strict=True,
        ):
            soft += dark * band * decay(time, 0.8 * constant, 2 * attack)
            hard += bright * band * decay(time, constant, attack)
        stick = noise(generator, time, sample_rate, 2500, 9000) * decay(time, 0.012)
        return soft + 0.1 * stick, hard + 1.0 * stick

    return make


def ride(ping: float, wash: float, bell: float) -> Synthesis:
    """A ride cymbal from levels of stick, wash and bell."""

    def make(generator: np.random.Generator, sample_rate: int) -> Pair:
        time = times(2.0, sample_rate)
        rings = metal(generator, time, sample_rate, 2600, 8500, 70) * (
            0.75 * decay(time, 0.06) + 0.25 * decay(time, 0.5)
        )
        hiss = metal(generator, time, sample_rate, 1200, 11000, 400)
        hiss += 0.5 * noise(generator, time, sample_rate, 4000, 10000, order=2)
        cup = partials(
            time,
            (587, 1108, 1739, 2512, 3391, 4402),
            (0.35, 0.7, 0.8, 0.7, 0.5, 0.3),
            (0.5, 0.45, 0.38, 0.3, 0.22, 0.15),
            sample_rate / 2,
        )
        tick = noise(generator, time, sample_rate, 3500, 10000) * decay(time, 0.004)
        hum = metal(generator, time, sample_rate, 350, 1200, 30) * decay(time, 0.6)
        body = ping * rings + bell * cup
        soft = body + 0.15 * hum + 0.1 * tick
        soft += 0.5 * wash * hiss * decay(time, 0.35, 0.01)
        hard = body + 0.06 * hum + tick
        hard += 1.3 * wash * hiss * decay(time, 0.5, 0.006)
        return soft, hard

    return make
