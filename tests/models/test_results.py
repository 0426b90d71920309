"""Results: names, and files of all grooves at once."""

import os
import pickle

import numpy as np
import pytest

from keras_musicvae.errors import GrooveError, OutputError
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.models.results import Grooves
from keras_musicvae.names import file_names, unique_names


def grooves(*names):
    cells = np.eye(16, 9)
    return Grooves(
        [Groove(cells, cells, 0 * cells, name=name) for name in names],
        seed=1,
        temperature=1.0,
    )


def test_names_of_a_result_are_unique():
    found = grooves("beat", "fill", "beat", "Beat", "beat_2")
    assert [groove.name for groove in found[:3]] == ["beat", "fill", "beat_2"]
    assert len({groove.name.lower() for groove in found}) == 5
    again = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert [groove.name for groove in again] == [groove.name for groove in found]


def test_save_writes_all(tmp_path):
    folder = tmp_path / "new" / "samples"
    paths = grooves("a/b", "a_b", "..", "con", "\u00fc" * 200).save(folder)
    assert sorted(paths) == sorted(folder.iterdir())
    assert [path.name for path in paths[:4]] == [
        "a_b.mid",
        "a_b_2.mid",
        "groove.mid",
        "_con.mid",
    ]
    assert grooves("a/b").save(folder, ".png")[0].read_bytes().startswith(b"\x89PNG")
    assert len(list(folder.iterdir())) == 6


def test_save_writes_all_or_nothing(tmp_path, monkeypatch):
    written = []

    def fails_at_the_third(self, path, **_):
        written.append(path)
        if len(written) == 3:
            raise OutputError("full")
        path.touch()

    monkeypatch.setattr(Groove, "save", fails_at_the_third)
    with pytest.raises(OutputError, match="full"):
        grooves(*"abcd").save(tmp_path)
    assert len(written) == 3 and not list(tmp_path.iterdir())


def test_save_refuses(tmp_path):
    with pytest.raises(GrooveError, match="is saved as"):
        grooves("a").save(tmp_path, ".xml")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        grooves("a").save(tmp_path / "file")


def test_unique_names():
    names = ["a", "A", "a_2", "b", "a"]
    unique = unique_names(names)
    assert len({name.lower() for name in unique}) == len(names)
    assert unique[0] == "a" and unique[3] == "b"


def test_file_names_are_safe_everywhere():
    titles = ["", ".", "a\0b", "nul.txt", "\ud800", "x" * 300, "COM1", "ok", "..\\up"]
    names = file_names(titles)
    assert len({name.lower() for name in names}) == len(titles)
    for name in names:
        assert name and len(os.fsencode(name)) <= 190
        assert not set(name) & set('\\/:*?"<>|\0') and name == name.strip(" .")
    assert names[3] == "_nul.txt" and names[7] == "ok"
