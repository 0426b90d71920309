from pathlib import Path

import pytest
from cli_files import beat


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def beats(folder):
    """beats/a.mid (5 bars, 90 bpm), beats/b.mid (2 bars), beats/deep/c.mid (1)."""
    Path("beats/deep").mkdir(parents=True)
    beat(5, 1).with_tempo(90).save("beats/a.mid")
    beat(2, 2).save("beats/b.mid")
    beat(1, 3).save("beats/deep/c.mid")
    return folder / "beats"
