"""The committed samples are those that the shipped preset plays."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from keras_musicvae import MusicVAE

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "samples"
sys.path.insert(0, str(ROOT / "tools"))


def test_the_first_sample_is_made_again(tmp_path):
    pytest.importorskip("soundfile")
    from make_samples import PRESET, samples

    sample = next(samples(MusicVAE.from_preset(PRESET)))
    replace(sample.groove, name=sample.title).save(tmp_path / "again.mid")
    kept = (FOLDER / f"{sample.name}.mid").read_bytes()
    assert (tmp_path / "again.mid").read_bytes() == kept, "python tools/make_samples.py"


def test_every_sample_has_its_files():
    content = json.loads((FOLDER / "samples.json").read_text(encoding="utf-8"))
    names = {one["name"] for one in content["samples"]}
    assert len(names) >= 10
    for suffix in (".mid", ".mp3", ".png"):
        assert {path.stem for path in FOLDER.glob(f"*{suffix}")} == names
