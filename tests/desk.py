"""The desk of a reader: the files of which documents and notebooks speak."""

import shutil
import sys
from pathlib import Path

import pytest
from shared_data import GROOVE_ZIP, SHARED

sys.path.insert(0, str(Path(__file__).parent / "datasets"))
from synthetic import groove_bytes

_SHORT = {"epochs": 1, "batch_size": 4, "calibrate": False}
_TINY = {
    **_SHORT,
    "encoder_units": (8,),
    "conductor_units": (8,),
    "decoder_units": (8,),
    "latent_dim": 4,
    "prior_units": 4,
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with these files, where the reader works; training is short."""
    from keras_musicvae.training.recipe import RECIPES

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    # The download itself is tested against a server; here it is already cached.
    cache = tmp_path / "keras" / "datasets"
    cache.mkdir(parents=True)
    if (SHARED / GROOVE_ZIP).exists():
        shutil.copy(SHARED / GROOVE_ZIP, cache)
    (tmp_path / "my_midi").mkdir()
    for seed in range(8):
        (tmp_path / "my_midi" / f"{seed}.mid").write_bytes(groove_bytes(seed))
    for seed, name in enumerate(("beat.mid", "fill.mid")):
        (tmp_path / name).write_bytes(groove_bytes(seed))
    for name, changes in (("groove", _TINY), ("fine_tune", _SHORT)):
        monkeypatch.setitem(RECIPES, name, RECIPES[name].changed(**changes))
    return tmp_path
