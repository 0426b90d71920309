import numpy as np
import pytest
from evaluation.synthetic import groove_of, random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.distributions import (
    count_groove,
    distribution_scores,
    hit_rates,
    kl_divergence,
    weighted_distribution_scores,
)


def test_kl_is_that_of_the_smoothed_histograms():
    p, q = np.array([4, 1]) / 5, np.array([2, 3]) / 5
    expected = float(np.sum(p * np.log(p / q)))
    assert kl_divergence([3, 0], [1, 2]) == pytest.approx(expected)
    assert kl_divergence([3, 0], [3, 0]) == 0.0
    assert kl_divergence([3, 0], [1, 2]) != pytest.approx(kl_divergence([1, 2], [3, 0]))


def test_histograms_are_those_of_numpy():
    grooves = random_grooves(20, seed=3)
    counts = count_groove(grooves)
    hits = grooves[..., :9] > 0.5
    for histogram, values, value_range in (
        (counts.velocity, grooves[..., 9:18], (0, 1)),
        (counts.timing, grooves[..., 18:], (-1, 1)),
    ):
        expected, _ = np.histogram(values[hits], 50, value_range)
        assert np.abs(histogram.sum(axis=0) - expected).max() <= 1  # float32 edges
        assert histogram.sum(axis=1) == pytest.approx(hits.sum(axis=(1, 2)))


def test_values_at_and_beyond_the_range_count_in_the_outer_bins():
    loudest = groove_of((0, 0, 1.0, 0.5), (1, 0, 1.3, -0.7), (2, 0, 0.0, -0.5))
    counts = count_groove([loudest])
    assert counts.velocity[0, [0, -1]].tolist() == [1, 2]
    assert counts.timing[0, [0, -1]].tolist() == [2, 1]


def test_two_draws_of_one_source_are_close_and_a_shifted_one_is_far():
    real = count_groove(random_grooves(200, seed=1))
    again = count_groove(random_grooves(200, seed=2))
    robot = random_grooves(200, seed=3)
    robot[..., 18:] = 0.0
    near = distribution_scores(real, again)
    far = distribution_scores(real, count_groove(robot))
    assert near["timing_kl"] < 0.01 and near["velocity_kl"] < 0.01
    assert far["timing_kl"] > 5.0 and far["velocity_kl"] < 0.01


def test_hits_per_bar_and_rates_are_counted_by_hand():
    real = [groove_of((0, 0, 0.5, 0), (16, 0, 0.5, 0), steps=32)] * 2
    system = [groove_of((0, 0, 0.5, 0), steps=32), groove_of(steps=32)]
    scores = distribution_scores(count_groove(real), count_groove(system))
    assert scores["real_hits_per_bar"] == pytest.approx(1.0)
    assert scores["hits_per_bar"] == pytest.approx(0.25)
    assert hit_rates(count_groove(system))[0, 0] == 0.5
    # One drum of nine: 2 cells of 32 against half a cell of 32.
    assert scores["drum_rate_error"] == pytest.approx((2 - 0.5) / 32 / 9)
    assert scores["cell_rate_error"] == pytest.approx((0.5 + 1.0) / (32 * 9))


def test_changes_from_bar_to_bar_are_counted_by_hand():
    # Three bars: the same, then a hit that moves (two cells) and one that stays.
    hits = [(0, 0), (16, 0), (20, 2), (33, 0), (36, 2)]
    moving = groove_of(*((step, drum, 0.5, 0) for step, drum in hits), steps=48)
    steady = groove_of(*((step, 0, 0.5, 0) for step in range(0, 48, 16)), steps=48)
    changes = [(1 + 2) / 4, 3 / 6]
    scores = distribution_scores(count_groove([moving]), count_groove([moving, steady]))
    assert [scores["real_bar_changes"], scores["bar_changes"]] == pytest.approx(changes)
    single = count_groove([groove_of((0, 0, 0.5, 0), steps=16)])
    assert np.isnan(distribution_scores(single, single)["bar_changes"])


def test_weights_repeat_windows():
    real, system = random_grooves(5, seed=1), random_grooves(4, seed=2)
    scores = weighted_distribution_scores(
        count_groove(real),
        count_groove(system),
        np.array([[2.0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]),
        np.array([[0.0, 3, 0, 1], [1, 1, 1, 1]]),
    )
    expected = distribution_scores(
        count_groove(real[[0, 0, 2, 3, 4]]), count_groove(system[[1, 1, 1, 3]])
    )
    assert {name: value[0] for name, value in scores.items()} == pytest.approx(expected)
    whole = distribution_scores(count_groove(real), count_groove(system))
    assert {name: value[1] for name, value in scores.items()} == pytest.approx(whole)


def test_silence_has_no_divergence():
    assert np.isnan(kl_divergence([0, 0], [1, 2])) and np.isnan(
        kl_divergence([1, 2], [0, 0])
    )
    scores = distribution_scores(
        count_groove(random_grooves()), count_groove(np.zeros((3, 32, 27)))
    )
    assert np.isnan(scores["timing_kl"]) and scores["hits_per_bar"] == 0.0


def test_other_grids_and_empty_sets_are_refused():
    with pytest.raises(EvaluationError, match="one grid"):
        kl_divergence([1, 2], [1, 2, 3])
    with pytest.raises(EvaluationError, match="as many steps"):
        distribution_scores(
            count_groove(random_grooves(steps=16)), count_groove(random_grooves())
        )
    with pytest.raises(EvaluationError, match="at least one groove"):
        empty = count_groove(np.zeros((0, 16, 27)))
        distribution_scores(empty, empty)
