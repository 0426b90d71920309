"""Random grooves and synthetic drummers for the evaluation's tests."""

import numpy as np

from keras_musicvae.evaluation.sets import GrooveSet


def random_grooves(
    n: int = 6, steps: int = 32, *, density: float = 0.2, seed: int = 0
) -> np.ndarray:
    """(n, steps, 27) grooves whose velocities and offsets are 0 where nothing hits."""
    generator = np.random.default_rng(seed)
    hits = generator.random((n, steps, 9)) < density
    velocities = np.where(hits, generator.uniform(0.05, 1.0, hits.shape), 0.0)
    offsets = np.where(hits, generator.uniform(-1.0, 1.0, hits.shape), 0.0)
    return np.concatenate([hits, velocities, offsets], axis=-1).astype(np.float32)


def groove_of(*cells: tuple[int, int, float, float], steps: int = 16) -> np.ndarray:
    """One (steps, 27) groove of (step, drum, velocity, steps early) cells."""
    groove = np.zeros((steps, 27), np.float32)
    for step, drum, velocity, early in cells:
        groove[step, [drum, 9 + drum, 18 + drum]] = 1.0, velocity, 2.0 * early
    return groove


def drummers(files: int, seed: int, windows: int = 6) -> GrooveSet:
    """Windows of four bars of drummers who each have a beat, accents and a feel.

    A file repeats its bar; each bar drops or adds a hit. Accents and swing are kept
    from bar to bar, snares on 2 and 4 are struck at 127, weak steps are late.
    """
    generator = np.random.default_rng(seed)
    grooves, labels = [], []
    for file in range(files):
        hits = np.zeros((16, 9), bool)
        hits[::2, 2] = hits[[4, 12], 1] = hits[[0, 8], 0] = True
        hits |= generator.random((16, 9)) < [0.12, 0.1, 0.05, *[0.02] * 6]
        velocities = generator.uniform(0.2, 0.9, (16, 9))
        velocities[[4, 12], 1] = 1.0
        late = np.where(np.arange(16) % 2, generator.uniform(0.15, 0.3), 0.0)
        for _ in range(windows):
            bars = np.tile(hits, (4, 1))
            bars ^= generator.random(bars.shape) < 0.01
            loudness = np.tile(velocities, (4, 1))
            loudness = np.where(
                loudness < 1.0, loudness + generator.normal(0, 0.04, bars.shape), 1.0
            )
            timing = np.tile(late, 4)[:, None] + generator.normal(0, 0.05, bars.shape)
            loudness, early = np.clip(loudness, 0.05, 1), np.clip(-2 * timing, -1, 1)
            parts = [bars, loudness * bars, early * bars]
            grooves.append(np.concatenate(parts, axis=-1).astype(np.float32))
            labels.append(file)
    return GrooveSet(f"drummers {seed}", np.stack(grooves), files=np.array(labels))
