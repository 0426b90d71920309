"""Small presets to try things on, and ways to damage them."""

import hashlib
import json
import shutil
from pathlib import Path

import keras
import numpy as np

from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.presets.preset_io import save_preset

TINY = {
    "num_bars": 2,
    "encoder_units": (6,),
    "latent_dim": 4,
    "conductor_units": (5,),
    "decoder_units": (7,),
}


def tiny_model(**changes) -> MusicVAE:
    return MusicVAE(**{**TINY, **changes})


def tiny_preset(folder: Path, **changes) -> Path:
    return save_preset(tiny_model(**changes), folder)


def copy_of(preset: Path, folder: Path) -> Path:
    return Path(shutil.copytree(preset, folder / "copy"))


def edit_json(preset: Path, name: str, change) -> None:
    """Changes a JSON file as an attacker would: the hash is made to fit."""
    path = preset / name
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    if name != "metadata.json":
        rehash(preset, name)


def rehash(preset: Path, name: str) -> None:
    path = preset / "metadata.json"
    metadata = json.loads(path.read_text())
    content = (preset / name).read_bytes()
    metadata["sha256"][name] = hashlib.sha256(content).hexdigest()
    metadata["size"][name] = len(content)
    path.write_text(json.dumps(metadata))


def values(model: keras.Model) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def assert_same_weights(one: keras.Model, other: keras.Model) -> None:
    assert len(one.weights) == len(other.weights)
    for a, b in zip(values(one), values(other), strict=True):
        np.testing.assert_array_equal(a, b)
