"""Random grooves for the evaluation's tests."""

import numpy as np


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
