import numpy as np
import pytest

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation import set_distances as module
from keras_musicvae.evaluation.set_distances import set_distances


def reference_density(distances: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The textbook kernel estimate with Scott's bandwidth, point by point."""
    width = distances.std() * len(distances) ** (-1 / 5)
    kernels = np.exp(-0.5 * ((grid[:, np.newaxis] - distances) / width) ** 2)
    return kernels.sum(axis=1) / (len(distances) * width * np.sqrt(2 * np.pi))


@pytest.fixture
def features():
    generator = np.random.default_rng(0)
    return generator.normal(0.0, 1.0, 60), generator.gamma(2.0, 1.0, 50)


def test_densities_are_the_kernel_estimates_of_all_pairwise_distances(features):
    a, b = features
    result = set_distances(a, b)
    pairs = {
        "real": np.abs(a[:, None] - a)[~np.eye(len(a), dtype=bool)],
        "system": np.abs(b[:, None] - b)[~np.eye(len(b), dtype=bool)],
        "inter": np.abs(a[:, None] - b).ravel(),
    }
    for name, distances in pairs.items():
        expected = reference_density(distances, result.grid)
        error = np.abs(getattr(result, name) - expected).max()
        assert error < 0.01 * expected.max(), name


def test_densities_integrate_to_one_and_scores_are_their_integrals(features):
    result = set_distances(*features)
    width = result.grid[1] - result.grid[0]
    for density in (result.real, result.system, result.inter):
        assert density.sum() * width == pytest.approx(1.0)
    scores = result.scores()
    overlap = np.minimum(result.real, result.inter).sum() * width
    assert scores["overlap"] == pytest.approx(overlap)
    assert scores["real_intra"] == pytest.approx(
        np.abs(features[0][:, None] - features[0]).sum() / (60 * 59), rel=0.02
    )


def test_one_source_overlaps_and_two_sources_do_not():
    generator = np.random.default_rng(1)
    real, same = generator.normal(size=400), generator.normal(size=500)
    close = set_distances(real, same).scores()
    apart = set_distances(real, same + 20.0).scores()
    assert close["kl"] < 0.02 and close["overlap"] > 0.93
    assert apart["kl"] > 10.0 and apart["overlap"] < 0.01
    # Within itself the shifted set is as diverse as the real one.
    assert apart["system_kl"] < 0.02


def test_a_set_that_repeats_itself_shows_in_the_intra_set_figures():
    real = np.random.default_rng(2).normal(size=200)
    scores = set_distances(real, np.full(100, real.mean())).scores()
    assert scores["system_overlap"] < 0.1
    # A narrow peak of half a bin and its kernel at least.
    assert scores["system_intra"] < 0.01 * scores["real_intra"]


def test_blocks_do_not_change_the_result(features, monkeypatch):
    whole = set_distances(*features).scores()
    monkeypatch.setattr(module, "BLOCK_PAIRS", 7)
    assert set_distances(*features).scores() == whole


def test_features_that_never_vary_are_equal():
    scores = set_distances(np.ones(5), np.ones(4)).scores()
    assert scores["kl"] == pytest.approx(0.0) and scores["overlap"] == pytest.approx(1)


@pytest.mark.parametrize("values", [[1.0], [[1.0, 2.0]], [1.0, np.nan]])
def test_what_is_no_feature_is_refused(values):
    with pytest.raises(EvaluationError, match="two grooves at least"):
        set_distances([1.0, 2.0], values)
