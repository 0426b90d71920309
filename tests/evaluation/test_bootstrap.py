import numpy as np
import pytest

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.bootstrap import bootstrap_intervals, resamples


def mean_of(values):
    return lambda weights: {"mean": weights @ values / weights.sum(axis=-1)}


def test_files_are_drawn_whole_and_as_many_as_there_are():
    files = np.array(["a", "b", "a", "c"])
    draws = np.concatenate(list(resamples(files, repeats=250, seed=0)))
    assert draws.shape == (250, 4)
    assert np.array_equal(draws[:, 0], draws[:, 2])
    assert (draws[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert draws.mean(axis=0) == pytest.approx(np.ones(4), abs=0.2)


def test_the_seed_decides():
    draw = lambda seed: np.array(list(resamples(range(9), repeats=5, seed=seed)))  # noqa: E731
    assert np.array_equal(draw(1), draw(1)) and not np.array_equal(draw(1), draw(2))


def test_the_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(0).normal(10.0, 2.0, 400)
    low, high = bootstrap_intervals(mean_of(values), np.arange(400))["mean"]
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.05)
    assert high == pytest.approx(values.mean() + half, abs=0.05)


def test_windows_of_one_file_do_not_count_as_independent():
    values = np.random.default_rng(0).normal(size=20)
    repeated, files = np.repeat(values, 50), np.repeat(np.arange(20), 50)
    clustered = bootstrap_intervals(mean_of(repeated), files)["mean"]
    naive = bootstrap_intervals(mean_of(repeated), np.arange(1000))["mean"]
    assert np.ptp(clustered) > 4 * np.ptp(naive)


def test_undefined_figures_are_left_out():
    def sometimes(weights):
        some = np.where(weights[:, 0] > 0, 1.0, np.nan)
        return {"some": some, "none": np.full(len(weights), np.nan)}

    intervals = bootstrap_intervals(sometimes, [0, 1, 2], repeats=50)
    assert intervals["some"] == (1.0, 1.0) and np.isnan(intervals["none"]).all()


@pytest.mark.parametrize("options", [{"repeats": 0}, {"level": 1.0}, {"level": 0.0}])
def test_impossible_options_are_refused(options):
    with pytest.raises(EvaluationError):
        bootstrap_intervals(mean_of(np.ones(2)), [0, 1], **options)
