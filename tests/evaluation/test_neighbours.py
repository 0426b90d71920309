import numpy as np
import pytest
from evaluation.synthetic import random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation import neighbours as module
from keras_musicvae.evaluation.neighbours import (
    copy_figures,
    nearest_hit_patterns,
    set_overlap,
)


@pytest.mark.parametrize("block", [1, 3, 2048])
def test_nearest_patterns_are_those_of_an_exhaustive_search(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", block)
    queries, references = random_grooves(5, seed=1), random_grooves(8, seed=2)
    distances, index = nearest_hit_patterns(queries, references)
    cells = (queries[:, None, :, :9] != references[None, :, :, :9]).sum(axis=(2, 3))
    assert distances.tolist() == cells.min(axis=1).tolist()
    assert index.tolist() == cells.argmin(axis=1).tolist()


@pytest.mark.parametrize("block", [2, 2048])
def test_a_file_is_not_its_own_neighbour(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", block)
    grooves = random_grooves(6, seed=1)
    files = np.array([0, 0, 1, 1, 2, 2])
    distances, index = nearest_hit_patterns(grooves, grooves, files=(files, files))
    assert (files[index] != files).all() and (distances > 0).all()


def test_a_copy_is_found_however_it_is_played():
    training = random_grooves(20, seed=1)
    copies = training[[3, 17]].copy()
    copies[..., 9:] *= 0.5
    distances, index = nearest_hit_patterns(copies, training)
    assert distances.tolist() == [0, 0] and index.tolist() == [3, 17]


def test_copies_are_counted_at_several_radii():
    cells, hits = np.array([0, 1, 2, 3, 8, 9]), np.full(6, 10)
    figures = copy_figures(cells, hits, np.ones(6))
    assert {name: round(float(x) * 6) for name, x in figures.items()} == {
        **{"within_0": 1, "within_1": 2, "within_2": 3, "within_4": 4, "within_8": 5},
        "nearest_per_hit": round(6 * 23 / 60),
    }
    twice = copy_figures(cells, hits, np.array([[2.0, 1, 1, 1, 1, 0]]))
    assert twice["within_0"].tolist() == pytest.approx([2 / 6])


def test_precision_and_recall_find_what_lies_outside_and_what_is_missing():
    generator = np.random.default_rng(0)
    real, files = generator.normal(size=(200, 3)), np.arange(200)
    same = set_overlap(real, generator.normal(size=(200, 3)), files, files)
    assert min(same.values()) > 0.8
    wild = np.concatenate([real[:100] + 50.0, generator.normal(size=(100, 3))])
    assert set_overlap(real, wild, files, files)["precision"] < 0.65
    narrow = 0.05 * generator.normal(size=(200, 3))
    scores = set_overlap(real, narrow, files, files)
    assert scores["precision"] > 0.95 and scores["recall"] < 0.1


def test_features_without_a_value_do_not_count():
    real = np.random.default_rng(0).normal(size=(50, 3))
    real[:, 2] = np.nan
    scores = set_overlap(real, real[::2].copy(), np.arange(50), np.arange(25))
    assert scores["precision"] == 1.0


def test_no_references_and_other_lengths_are_refused():
    with pytest.raises(EvaluationError, match="at least one"):
        nearest_hit_patterns(random_grooves(), np.zeros((0, 32, 27)))
    with pytest.raises(EvaluationError, match="as many steps"):
        nearest_hit_patterns(random_grooves(steps=16), random_grooves(steps=32))
