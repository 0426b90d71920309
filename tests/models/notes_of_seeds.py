"""The notes that `groove_debug` gives for some seeds, the same on every backend.

Run this file to write `notes_of_seeds.json` anew, after `groove_debug` was built anew
or the drawing of random numbers was changed on purpose:

    KERAS_BACKEND=jax python tests/models/notes_of_seeds.py
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from keras_musicvae.models.music_vae import MusicVAE

STORED = Path(__file__).with_suffix(".json")


def notes() -> dict[str, str]:
    """verb -> number and SHA-256 of the hits."""
    model = MusicVAE.from_preset("groove_debug")
    grooves = model.sample(11, seed=1)
    made = {
        "sample": grooves,
        "sample, temperature 0.5": model.sample(3, seed=2, temperature=0.5),
        "sample, temperature 0": model.sample(3, seed=3, temperature=0),
        "reconstruct": model.reconstruct(grooves, seed=4),
        "similar": model.similar(grooves[:3], 3, 0.7, seed=5),
        "interpolate": model.interpolate(grooves[:2], 7, seed=6),
        "interpolate, a grid": model.interpolate(grooves[:4], (3, 2), seed=7),
        "infill": model.infill(grooves[:2], 2, drums="snare", seed=10),
        "continue": model.continue_music(grooves[:2], bars=3, seed=11),
        "fill": model.fill(grooves[:3], beats=2, seed=12),
        "tap2drum": model.tap2drum(grooves[:2], 2, seed=13),
        "encode, a sample": model.decode(
            model.encode(grooves, sample=True, seed=8), seed=9
        ),
    }
    return {verb: digest(grooves) for verb, grooves in made.items()}


def digest(grooves) -> str:
    """Which cells are hit: what a listener calls the notes."""
    hits = np.concatenate([groove.hits for groove in grooves])
    return f"{hits.sum()} hits, {hashlib.sha256(np.packbits(hits)).hexdigest()}"


if __name__ == "__main__":
    STORED.write_text(json.dumps(notes(), indent=1) + "\n")
