import numpy as np
import pytest
from evaluation.synthetic import random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation import neighbours as module
from keras_musicvae.evaluation.neighbours import copy_scores, nearest_hit_patterns


@pytest.mark.parametrize("block", [1, 3, 2048])
def test_nearest_patterns_are_those_of_an_exhaustive_search(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", block)
    queries, references = random_grooves(5, seed=1), random_grooves(8, seed=2)
    distances, index = nearest_hit_patterns(queries, references)
    cells = (queries[:, None, :, :9] != references[None, :, :, :9]).sum(axis=(2, 3))
    assert distances.tolist() == cells.min(axis=1).tolist()
    assert index.tolist() == cells.argmin(axis=1).tolist()


def test_a_copy_is_found_however_it_is_played():
    training = random_grooves(20, seed=1)
    copies = training[[3, 17]].copy()
    copies[..., 9:] *= 0.5
    distances, index = nearest_hit_patterns(copies, training)
    assert distances.tolist() == [0, 0] and index.tolist() == [3, 17]


def test_a_model_that_copies_is_told_from_one_that_does_not():
    training, unseen = random_grooves(50, seed=1), random_grooves(20, seed=2)
    copying = copy_scores(training[:10], unseen, training)
    fair = copy_scores(random_grooves(20, seed=3), unseen, training)
    assert copying["copied"] == 1.0 and copying["nearest_per_hit"] == 0.0
    assert fair["copied"] == fair["real_copied"] == 0.0
    assert fair["nearest_per_hit"] == pytest.approx(
        fair["real_nearest_per_hit"], rel=0.1
    )


def test_no_references_and_other_lengths_are_refused():
    with pytest.raises(EvaluationError, match="at least one"):
        nearest_hit_patterns(random_grooves(), np.zeros((0, 32, 27)))
    with pytest.raises(EvaluationError, match="as many steps"):
        nearest_hit_patterns(random_grooves(steps=16), random_grooves(steps=32))
