import numpy as np
import pytest
from evaluation.synthetic import groove_of, random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.reconstruction import (
    count_reconstruction,
    drum_scores,
    group_scores,
    reconstruction_scores,
    weighted_reconstruction_scores,
)

KICK, SNARE = 0, 1


def scores_of(real, system, tempos):
    return reconstruction_scores(count_reconstruction(real, system, tempos))


def test_a_perfect_reconstruction_has_perfect_scores():
    grooves = random_grooves()
    scores = scores_of(grooves, grooves, np.full(6, 100.0))
    for name in ("precision", "recall", "f1", "step_accuracy", "cell_accuracy"):
        assert scores[name] == 1.0
    for name in ("timing_mae_ms", "timing_mse", "velocity_mae"):
        assert scores[name] == 0.0
    assert scores["hits_per_window"] == grooves[..., :9].sum() / 6


def test_hits_are_counted_by_hand():
    real = groove_of((0, KICK, 0.5, 0), (4, SNARE, 0.5, 0), (8, KICK, 0.5, 0))
    system = groove_of((0, KICK, 0.5, 0), (4, SNARE, 0.5, 0), (9, KICK, 0.5, 0))
    scores = scores_of([real], [system], [120.0])
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["recall"] == pytest.approx(2 / 3)
    assert scores["f1"] == pytest.approx(2 / 3)
    assert scores["step_accuracy"] == pytest.approx(14 / 16)
    assert scores["cell_accuracy"] == pytest.approx(142 / 144)


def test_timing_uses_the_tempo_of_each_window_and_half_of_the_tensor_offset():
    real = groove_of((0, KICK, 0.5, 0.25))
    system = groove_of((0, KICK, 0.5, -0.25))  # half a step later
    one = scores_of([real], [system], [120.0])  # a step of 125 ms
    assert one["timing_mae_ms"] == pytest.approx(62.5)
    assert one["timing_mse"] == pytest.approx(0.25)
    both = scores_of([real, real], [system, system], [120.0, 60.0])
    assert both["timing_mae_ms"] == pytest.approx((62.5 + 125.0) / 2)


def test_a_finer_grid_measures_the_same_time():
    real, system = groove_of((0, KICK, 0.5, 0.25)), groove_of((0, KICK, 0.5, -0.25))
    counts = count_reconstruction([real], [system], [120.0], steps_per_quarter=8)
    scores = reconstruction_scores(counts)
    assert scores["timing_mae_ms"] == pytest.approx(62.5 / 2)
    assert scores["timing_mse"] == pytest.approx(0.25 / 4)


def test_only_shared_hits_have_timing_and_velocity_errors():
    real = groove_of((0, KICK, 0.8, 0), (4, SNARE, 1.0, 0.5))
    system = groove_of((0, KICK, 0.5, 0), (5, SNARE, 0.0, -0.5))
    scores = scores_of([real], [system], [120.0])
    assert scores["velocity_mae"] == pytest.approx(0.3, abs=1e-6)
    assert scores["timing_mae_ms"] == 0.0


def test_what_is_given_where_there_is_no_hit_is_ignored():
    real, system = random_grooves(seed=1), random_grooves(seed=2)
    dirty = system.copy()
    dirty[..., 9:] += np.where(np.tile(system[..., :9] > 0.5, 2), 0.0, 0.3)
    tempos = np.full(6, 120.0)
    assert scores_of(real, dirty, tempos) == scores_of(real, system, tempos)


def test_hits_are_thresholded_at_one_half():
    real = groove_of((0, KICK, 0.5, 0))
    soft = real.copy()
    soft[0, KICK], soft[1, KICK] = 0.51, 0.5
    assert scores_of([real], [soft], [120.0])["f1"] == 1.0


def test_precision_of_silence_is_unknown_and_recall_zero():
    real, silence = groove_of((0, KICK, 0.5, 0)), groove_of()
    scores = scores_of([real], [silence], [120.0])
    assert np.isnan(scores["precision"]) and np.isnan(scores["timing_mae_ms"])
    assert scores["recall"] == scores["f1"] == 0.0


def test_scores_are_ratios_of_sums_and_weights_repeat_windows():
    real, system = random_grooves(seed=1), random_grooves(seed=2)
    tempos = np.array([60.0, 80, 100, 120, 140, 160])
    counts = count_reconstruction(real, system, tempos)
    weights = np.array([2.0, 0, 1, 0, 0, 3])
    repeated = np.repeat(np.arange(6), weights.astype(int))
    expected = scores_of(real[repeated], system[repeated], tempos[repeated])
    both = weighted_reconstruction_scores(counts, np.stack([weights, np.ones(6)]))
    assert {name: value[0] for name, value in both.items()} == pytest.approx(expected)
    assert {name: value[1] for name, value in both.items()} == pytest.approx(
        reconstruction_scores(counts)
    )


def test_scores_per_drum_match_those_of_that_drum_alone():
    real, system = random_grooves(seed=1), random_grooves(seed=2)
    tempos = np.full(6, 120.0)
    per_drum = drum_scores(count_reconstruction(real, system, tempos))
    alone = [np.zeros_like(real), np.zeros_like(real)]
    for only, full in zip(alone, (real, system), strict=True):
        only[..., SNARE::9] = full[..., SNARE::9]
    expected = scores_of(*alone, tempos)
    for name in ("precision", "recall", "f1", "timing_mae_ms", "velocity_mae"):
        assert per_drum["snare"][name] == pytest.approx(expected[name])
    assert per_drum["snare"]["cell_accuracy"] == pytest.approx(
        expected["step_accuracy"]  # with one drum, a step is right when its cell is
    )


def test_scores_per_group_split_the_windows():
    real, system = random_grooves(seed=1), random_grooves(seed=2)
    tempos, styles = np.full(6, 120.0), ["rock", "jazz", "rock", "rock", "funk", "jazz"]
    groups = group_scores(count_reconstruction(real, system, tempos), styles)
    assert [(name, group["windows"]) for name, group in groups.items()] == [
        ("rock", 3),
        ("jazz", 2),
        ("funk", 1),
    ]
    rock = [0, 2, 3]
    expected = scores_of(real[rock], system[rock], tempos[rock])
    assert groups["rock"] == pytest.approx(expected | {"windows": 3})


@pytest.mark.parametrize(
    ("real", "system", "tempos", "words"),
    [
        (np.zeros((2, 16, 26)), np.zeros((2, 16, 26)), [1, 1], "(n, steps, 27)"),
        (np.zeros((2, 16, 27)), np.zeros((3, 16, 27)), [1, 1], "same windows"),
        (np.full((1, 16, 27), np.nan), np.zeros((1, 16, 27)), [1], "finite"),
        (np.zeros((1, 16, 27)), np.zeros((1, 16, 27)), [0.0], "tempos"),
        (np.zeros((1, 16, 27)), np.zeros((1, 16, 27)), [60, 60], "tempos"),
    ],
)
def test_what_cannot_be_compared_is_refused(real, system, tempos, words):
    with pytest.raises(EvaluationError) as error:
        count_reconstruction(real, system, tempos)
    assert words in str(error.value)
