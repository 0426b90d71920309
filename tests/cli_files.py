"""What the tests of the commands share."""

import json
from pathlib import Path

import numpy as np

from keras_musicvae.grooves.groove import Groove

DEBUG = ["--preset", "groove_debug"]


def beat(num_bars=2, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    shape = (16 * num_bars, 9)
    hits, velocities, offsets = rng.random((3, *shape))
    return Groove(hits < 0.2, velocities, offsets - 0.5, **kwargs)


def record(path):
    return json.loads(Path(path).read_text())


def files_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())
