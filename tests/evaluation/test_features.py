import numpy as np
import pytest
from evaluation.synthetic import groove_of, random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.features import (
    FEATURES,
    groove_features,
    metrical_weights,
)

KICK, SNARE, HAT = 0, 1, 2


def feature(groove, name):
    return float(groove_features([groove])[name][0])


def test_metrical_weights_of_a_bar_of_four_quarters():
    assert metrical_weights(16, 16, 4).tolist() == [
        *(0, -4, -3, -4, -2, -4, -3, -4),
        *(-1, -4, -3, -4, -2, -4, -3, -4),
    ]
    # Three quarters: no beat lies half-way.
    assert metrical_weights(12, 12, 4).tolist() == [0, -4, -3, -4] + 2 * [
        -2,
        -4,
        -3,
        -4,
    ]


def test_density_counts_hits_per_bar():
    assert (
        feature(groove_of((0, KICK, 1, 0), (16, SNARE, 1, 0), steps=32), "density") == 1
    )


def test_hits_on_every_beat_are_not_syncopated():
    beats = [(step, KICK, 0.8, 0) for step in (0, 4, 8, 12)]
    assert feature(groove_of(*beats), "syncopation") == 0.0


def test_a_hit_held_over_a_stronger_beat_is_syncopated():
    # The last sixteenth before the half bar (-4) sounds over the half bar (-1).
    assert feature(groove_of((7, SNARE, 0.8, 0)), "syncopation") == 3.0
    # Unless the drum plays there too.
    assert (
        feature(groove_of((7, SNARE, 0.8, 0), (8, SNARE, 0.8, 0)), "syncopation") == 0
    )
    # Another drum on the beat does not resolve it.
    assert feature(groove_of((7, SNARE, 0.8, 0), (8, KICK, 0.8, 0)), "syncopation") == 3
    # Over two bars, the same syncopation in each.
    twice = groove_of((7, SNARE, 1, 0), (8, SNARE, 1, 0), (15, SNARE, 1, 0), steps=32)
    assert feature(twice, "syncopation") == 4 / 2


def test_swing_is_the_lateness_of_weak_sixteenths():
    straight = [(step, HAT, 0.8, 0.0) for step in range(16)]
    swung = [(step, HAT, 0.8, -0.2 if step % 2 else 0.0) for step in range(16)]
    rushed = [(step, HAT, 0.8, 0.1) for step in range(16)]  # early, but evenly
    assert feature(groove_of(*straight), "swing") == 0.0
    assert feature(groove_of(*swung), "swing") == pytest.approx(0.2)
    assert feature(groove_of(*rushed), "swing") == pytest.approx(0.0)
    assert feature(groove_of((1, HAT, 0.8, -0.2)), "swing") == 0.0


def test_symmetry_is_what_the_second_half_repeats():
    bar = [(0, KICK, 1, 0), (4, SNARE, 1, 0)]
    repeated = groove_of(*bar, (8, KICK, 1, 0), (12, SNARE, 1, 0))
    assert feature(repeated, "symmetry") == 1.0
    assert feature(groove_of(*bar), "symmetry") == 0.0
    assert feature(groove_of(*bar, (8, KICK, 1, 0)), "symmetry") == 0.5


def test_velocity_and_timing_are_means_over_hits():
    groove = groove_of((0, KICK, 0.4, 0.1), (4, SNARE, 0.8, -0.3))
    assert feature(groove, "mean_velocity") == pytest.approx(0.6)
    assert feature(groove, "timing_deviation") == pytest.approx(0.2)


def test_silence_has_finite_features():
    features = groove_features(np.zeros((2, 32, 27)))
    assert tuple(features) == FEATURES
    for name, values in features.items():
        assert values.tolist() == [1.0, 1.0] if name == "symmetry" else [0.0, 0.0], name


def test_grooves_are_measured_one_by_one():
    grooves = random_grooves(4)
    together = groove_features(grooves)
    for i, groove in enumerate(grooves):
        for name in FEATURES:
            assert together[name][i] == pytest.approx(feature(groove, name))


def test_a_part_of_a_bar_is_refused():
    with pytest.raises(EvaluationError, match="whole bars"):
        groove_features(np.zeros((1, 20, 27)))
