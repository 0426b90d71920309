from dataclasses import replace

import numpy as np
import pytest
from evaluation.small import CONVERTER, as_groove, small_windows
from evaluation.synthetic import random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.baselines import BASELINES
from keras_musicvae.evaluation.neighbours import nearest_hit_patterns
from keras_musicvae.evaluation.sets import (
    GrooveSet,
    set_of_folder,
    set_of_grooves,
    set_of_windows,
)
from keras_musicvae.grooves.groove import join_grooves


def test_a_folder_is_read_as_windows(tmp_path):
    arrays = random_grooves(3)
    grooves = [as_groove(array, 100.0) for array in arrays]
    (tmp_path / "b").mkdir()
    join_grooves(grooves[:2]).save(tmp_path / "a.mid")
    grooves[2].save(tmp_path / "b" / "c.mid")
    (tmp_path / "broken.mid").write_bytes(b"no MIDI")
    (tmp_path / "notes.txt").write_text("no music")
    made, left_out = set_of_folder(tmp_path, CONVERTER, "mine")
    assert made.name == "mine" and list(left_out) == ["broken.mid"]
    assert made.grooves[..., :9].tolist() == arrays[..., :9].tolist()
    assert made.files.tolist() == [0, 0, 1]  # a.mid has two windows


def test_grooves_of_one_window_each_do_not_say_their_file():
    grooves = [as_groove(array, 100.0) for array in random_grooves(3)]
    made = set_of_grooves(grooves, CONVERTER, "mine", asked={"swing": [1, 2, 3]})
    assert made.files is None and made.labels.tolist() == [0, 1, 2]
    assert made.asked["swing"].tolist() == [1, 2, 3]


def test_what_files_were_made_for_is_read(tmp_path):
    for i, array in enumerate(random_grooves(2)):
        as_groove(array, 100.0).save(tmp_path / f"{i}.mid")
    table = tmp_path / "asked.csv"
    table.write_text("file,style,density\n1.mid,funk,12\n0.mid,jazz,8.5\n")
    asked = set_of_folder(tmp_path, CONVERTER, "mine")[0].asked
    assert {name: values.tolist() for name, values in asked.items()} == {
        "style": ["jazz", "funk"],
        "density": [8.5, 12.0],
    }
    for text, words in (
        ("file,style\n0.mid,jazz\n", r"Missing: 1\.mid"),
        ("file,density\n0.mid,x\n1.mid,2\n", "must hold numbers"),
    ):
        table.write_text(text)
        with pytest.raises(EvaluationError, match=words):
            set_of_folder(tmp_path, CONVERTER, "mine")


def test_folders_without_music_are_refused(tmp_path):
    with pytest.raises(EvaluationError, match="no MIDI file"):
        set_of_folder(tmp_path, CONVERTER, "mine")
    (tmp_path / "broken.mid").write_bytes(b"no MIDI")
    with pytest.raises(EvaluationError, match=r"broken\.mid"):
        set_of_folder(tmp_path, CONVERTER, "mine")


def test_windows_know_their_files_tempos_and_styles():
    made = set_of_windows(small_windows(), "test")
    assert len(made) == 10 and made.num_bars == 2
    assert made.files.tolist() == np.repeat(np.arange(5), 2).tolist()
    assert made.tempos[[0, -1]].tolist() == [90.0, 130.0]
    with pytest.raises(EvaluationError, match="two windows"):
        set_of_windows(small_windows(files=1, bars=2), "test")


def test_a_choice_keeps_what_is_known():
    made = set_of_windows(small_windows(), "test")
    made = replace(made, asked={"swing": np.arange(10)})
    few = made.draw(4, seed=1)
    places = few.asked["swing"]
    assert sorted(places) == list(places) and len(few) == 4
    assert few.files.tolist() == made.files[places].tolist()
    assert np.array_equal(few.grooves, made.grooves[places])


@pytest.mark.parametrize(
    ("grooves", "columns", "words"),
    [
        (np.zeros((2, 32, 26)), {}, "shape"),
        (np.full((2, 32, 27), np.nan), {}, "finite"),
        (np.zeros((0, 32, 27)), {}, "at least one"),
        (np.zeros((2, 32, 27)), {"tempos": np.ones(3)}, "one entry per groove"),
        (np.zeros((2, 32, 27)), {"asked": {"swing": np.ones(1)}}, "per groove"),
    ],
)
def test_what_is_no_set_is_refused(grooves, columns, words):
    with pytest.raises(EvaluationError, match=words):
        GrooveSet("mine", grooves, **columns)


def test_the_baseline_that_copies_copies():
    training = GrooveSet("train", random_grooves(20, seed=1))
    made = BASELINES["copies"](training, 50, 0)
    cells, index = nearest_hit_patterns(made.grooves, training.grooves)
    assert len(made) == 50 and (cells == 0).all() and len(set(index)) > 5
    # Velocity and offset are those of one training hit of the same drum and place.
    hits = training.grooves[..., :9] > 0.5
    step, drum = np.argwhere(made.grooves[7, :, :9] > 0.5)[3]
    pairs = {
        (float(groove[s, 9 + drum]), float(groove[s, 18 + drum]))
        for groove, struck in zip(training.grooves, hits, strict=True)
        for s in (step % 16, step % 16 + 16)
        if struck[s, drum]
    }
    played = made.grooves[7, step]
    assert (float(played[9 + drum]), float(played[18 + drum])) in pairs


def test_the_markov_chain_makes_steps_that_follow_one_another_in_training():
    training = GrooveSet("train", random_grooves(200, steps=16, density=0.05, seed=1))
    made = BASELINES["markov"](training, 30, 0)
    known = training.grooves[..., :9] > 0.5
    for groove in made.grooves[..., :9] > 0.5:
        for step in range(1, 16):
            before = (known[:, step - 1] == groove[step - 1]).all(axis=1)
            assert (known[before, step] == groove[step]).all(axis=1).any()
    cells, _ = nearest_hit_patterns(made.grooves, training.grooves)
    assert cells.mean() > 0
    again = BASELINES["markov"](training, 30, 0)
    assert np.array_equal(made.grooves, again.grooves)
