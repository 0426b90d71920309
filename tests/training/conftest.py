"""A preprocessed folder of synthetic grooves, small enough to train on in a test."""

import sys
from pathlib import Path

import pytest

from keras_musicvae.datasets.folder import WindowConfig, preprocess
from keras_musicvae.grooves.converter import GrooveConverter

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
from synthetic import groove_bytes


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """24 files of three bars; windows of one bar, about 50 of them to train on."""
    root = tmp_path_factory.mktemp("training")
    (root / "midi").mkdir()
    for seed in range(24):
        (root / "midi" / f"{seed}.mid").write_bytes(groove_bytes(seed, bars=3))
    preprocess(
        root / "midi",
        root / "data",
        WindowConfig(converter=GrooveConverter(num_bars=1)),
        jobs=1,
    )
    return root / "data"
