import numpy as np
import pytest

from keras_musicvae.errors import EvaluationError, MissingExtraError
from keras_musicvae.evaluation import classifier
from keras_musicvae.evaluation.classifier import _auc, two_sample_test
from keras_musicvae.evaluation.features import Feature

FEATURES = (
    Feature("a", ("hits",), "one"),
    Feature("b", ("hits", "bars"), "two"),
    Feature("c", ("timing",), "three"),
)


def compare(real, system, real_files, system_files, **options):
    return two_sample_test(
        real, system, real_files, system_files, FEATURES, repeats=50, **options
    )


def noise(seed, n=120):
    return np.random.default_rng(seed).normal(size=(n, 3))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_auc_is_the_probability_to_be_ranked_higher(weighted):
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 5, size=40).astype(float)
    labels = generator.integers(0, 2, size=40)
    weights = generator.integers(0, 3, size=40) if weighted else np.ones(40)
    wins = total = 0.0
    for i in np.flatnonzero(labels == 1):
        for j in np.flatnonzero(labels == 0):
            share = weights[i] * weights[j]
            wins += share * ((scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]))
            total += share
    assert _auc(scores, labels, weights) == pytest.approx(wins / total)
    rows = np.stack([weights, np.ones(40)])
    assert _auc(scores, labels, rows)[0] == pytest.approx(wins / total)


def test_equal_sets_are_not_told_apart_and_others_are(quick):
    files = np.arange(120)
    same = compare(noise(0), noise(1), files, files + 120)
    assert 0.35 < same.auc < 0.65
    assert same.interval[0] < same.auc < same.interval[1]
    moved = noise(1)
    moved[:, 1] += 2.0
    other = compare(noise(0), moved, files, files + 120, importance=True)
    assert other.auc > 0.85 and next(iter(other.importance)) == "b"
    # Only features of the aspect are used.
    assert compare(noise(0), moved, files, files + 120, aspect="timing").auc < 0.65
    assert compare(noise(0), moved, files, files + 120, aspect="bars").auc > 0.85


def test_copies_of_one_file_are_one_group(quick):
    """Ten files, copied twelve times each, that only their file tells apart."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(20, 3))
    values = np.repeat(centres, 12, axis=0)
    files = np.repeat(np.arange(20), 12)
    grouped = compare(values[::2], values[1::2], files[::2], files[1::2])
    # The same grooves on both sides: their files never stand in training and test.
    assert 0.3 < grouped.auc < 0.7
    real, system = values[files < 10], values[files >= 10]
    named = compare(real, system, files[files < 10], files[files >= 10])
    each = compare(real, system, np.arange(120), np.arange(120) + 120)
    assert each.auc > 0.95 and named.auc < 0.85


def test_too_few_files_are_refused():
    with pytest.raises(EvaluationError, match="at least 5 files"):
        compare(noise(0), noise(1), np.arange(120), np.arange(120) % 4 + 200)


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"keras-musicvae\[evaluate\]"):
        classifier.require_classifiers()
