import numpy as np
import pytest
from evaluation.synthetic import random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.interpolation import interpolation_scores


def path_of_hit_counts(*counts: int) -> np.ndarray:
    """A path whose grooves hit the first `count` cells."""
    path = np.zeros((1, len(counts), 16, 27), np.float32)
    for point, count in enumerate(counts):
        path[0, point, :count, 0] = 1.0
    return path


def test_an_even_path_is_smooth_and_direct():
    scores = interpolation_scores(path_of_hit_counts(0, 2, 4, 6, 8))
    assert scores["largest_jump"] == pytest.approx(1 / 4)
    assert scores["detour"] == scores["monotone"] == 1.0
    assert scores["changes_per_path"] == 8.0


def test_one_jump_is_not_smooth():
    assert interpolation_scores(path_of_hit_counts(0, 0, 8, 8))["largest_jump"] == 1.0


def test_a_detour_is_measured():
    scores = interpolation_scores(path_of_hit_counts(0, 6, 3, 4))
    assert scores["detour"] == pytest.approx((6 + 3 + 1) / 4)
    assert scores["monotone"] == pytest.approx(2 / 3)


def test_paths_that_never_move_have_no_jump():
    paths = np.concatenate([path_of_hit_counts(3, 3, 3), path_of_hit_counts(0, 1, 2)])
    scores = interpolation_scores(paths)
    assert scores["largest_jump"] == 0.5
    assert np.isnan(interpolation_scores(paths[:1])["largest_jump"])


def test_what_is_no_path_is_refused():
    with pytest.raises(EvaluationError, match="three points"):
        interpolation_scores(random_grooves(4)[np.newaxis, :2])
