import numpy as np
import pytest
from evaluation.synthetic import groove_of, random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.distributions import (
    count_set,
    distance_figures,
    distribution_scores,
    histograms,
    hit_rates,
    kl_divergence,
    playing_figures,
)
from keras_musicvae.evaluation.sets import GrooveSet


def count(grooves):
    return count_set(GrooveSet("some", np.asarray(grooves)))


def distances(real, system):
    counts = count(real), count(system)
    return distance_figures(*counts, *(np.ones(len(one)) for one in counts))


def playing(grooves):
    return playing_figures(count(grooves), np.ones(len(grooves)))


def test_kl_is_that_of_the_smoothed_histograms():
    p, q = np.array([4, 1]) / 5, np.array([2, 3]) / 5
    expected = float(np.sum(p * np.log(p / q)))
    assert kl_divergence([3, 0], [1, 2]) == pytest.approx(expected)
    assert kl_divergence([3, 0], [3, 0]) == 0.0
    assert kl_divergence([3, 0], [1, 2]) != pytest.approx(kl_divergence([1, 2], [3, 0]))


@pytest.mark.parametrize("bins", [49, 50])
def test_histograms_are_those_of_numpy(bins):
    grooves = random_grooves(20, seed=3)
    hits = grooves[..., :9] > 0.5
    for kind, values, span in (
        ("velocities", grooves[..., 9:18], (0, 1)),
        ("offsets", grooves[..., 18:], (-1, 1)),
    ):
        given = histograms(grooves, kind, bins)
        expected, _ = np.histogram(values[hits], bins, span)
        assert np.abs(given.sum(axis=0) - expected).max() <= 1  # float32 edges
        assert given.sum(axis=1) == pytest.approx(hits.sum(axis=(1, 2)))


def test_127_bins_are_the_midi_values():
    groove = groove_of(
        *((i, 0, value / 127, 0) for i, value in enumerate((1, 64, 127)))
    )
    assert np.flatnonzero(histograms([groove], "velocities", 127)[0]).tolist() == [
        *(0, 63, 126)
    ]


def test_values_at_and_beyond_the_range_count_in_the_outer_bins():
    loudest = groove_of((0, 0, 1.0, 0.5), (1, 0, 1.3, -0.7), (2, 0, 0.0, -0.5))
    assert histograms([loudest], "velocities", 50)[0, [0, -1]].tolist() == [1, 2]
    assert histograms([loudest], "offsets", 50)[0, [0, -1]].tolist() == [2, 1]


def test_two_draws_of_one_source_are_close_and_a_shifted_one_is_far():
    real, again = random_grooves(200, seed=1), random_grooves(200, seed=2)
    robot = random_grooves(200, seed=3)
    robot[..., 18:] = 0.0
    near, far = distances(real, again), distances(real, robot)
    assert near["timing_kl_49"] < 0.01 and near["velocity_kl_midi"] < 0.02
    assert far["timing_kl_49"] > 5.0 and far["velocity_kl_midi"] < 0.02
    assert distribution_scores(real, robot)["timing_kl"] == pytest.approx(
        far["timing_kl"]
    )


def test_a_model_whose_bins_hide_the_loudest_value_is_caught_at_midi_resolution():
    """127 played as 125: of 50 equal bins the last holds both, of MIDI's none."""
    real = random_grooves(50, seed=1)
    real[..., 9:18][real[..., 9:18] > 0.8] = 1.0
    muted = real.copy()
    muted[..., 9:18][muted[..., 9:18] == 1.0] = 125 / 127
    figures = distances(real, muted)
    assert figures["velocity_kl"] == pytest.approx(0.0, abs=1e-9)
    assert figures["velocity_kl_midi"] > 0.3
    assert playing(real)["hits_at_127"] > 0.15 and playing(muted)["hits_at_127"] == 0


def test_rates_are_counted_by_hand():
    real = [groove_of((0, 0, 0.5, 0), (16, 0, 0.5, 0), steps=32)] * 2
    system = [groove_of((0, 0, 0.5, 0), steps=32), groove_of(steps=32)]
    scores = distances(real, system)
    assert playing(real)["density"] == pytest.approx(1.0)
    assert playing(system)["density"] == pytest.approx(0.25)
    assert hit_rates(count(system))[0, 0] == 0.5
    # One drum of nine: 2 cells of 32 against half a cell of 32.
    assert scores["drum_rate_error"] == pytest.approx((2 - 0.5) / 32 / 9)
    assert scores["cell_rate_error"] == pytest.approx((0.5 + 1.0) / (32 * 9))


def test_changes_and_repetitions_of_bars_are_counted_by_hand():
    # Three bars: the same, then a hit that moves (two cells) and one that stays.
    hits = [(0, 0), (16, 0), (20, 2), (33, 0), (36, 2)]
    moving = groove_of(*((step, drum, 0.5, 0) for step, drum in hits), steps=48)
    steady = groove_of(*((step, 0, 0.5, 0) for step in range(0, 48, 16)), steps=48)
    figures = playing([moving, steady])
    assert figures["bar_changes"] == pytest.approx(3 / (8 * 2 / 3))
    assert figures["grooves_with_equal_bars"] == 0.5
    assert "bar_changes" not in playing([groove_of((0, 0, 0.5, 0))])


def test_weights_repeat_windows():
    real, system = random_grooves(5, seed=1), random_grooves(4, seed=2)
    weights = np.array([[2.0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    others = np.array([[0.0, 3, 0, 1], [1, 1, 1, 1]])
    figures = distance_figures(count(real), count(system), weights, others)
    figures |= playing_figures(count(real), weights)
    repeated = real[[0, 0, 2, 3, 4]]
    expected = distances(repeated, system[[1, 1, 1, 3]]) | playing(repeated)
    whole = distances(real, system) | playing(real)
    for row, single in enumerate((expected, whole)):
        for name, value in single.items():
            assert figures[name][row] == pytest.approx(float(value), nan_ok=True), name


def test_silence_has_no_divergence():
    assert np.isnan(kl_divergence([0, 0], [1, 2])) and np.isnan(
        kl_divergence([1, 2], [0, 0])
    )
    figures = distances(random_grooves(), np.zeros((3, 32, 27)))
    assert np.isnan(figures["timing_kl_49"])
    assert playing(np.zeros((3, 32, 27)))["density"] == 0.0


def test_other_grids_are_refused():
    with pytest.raises(EvaluationError, match="one grid"):
        kl_divergence([1, 2], [1, 2, 3])
    with pytest.raises(EvaluationError, match="as many steps"):
        distances(random_grooves(steps=16), random_grooves())
