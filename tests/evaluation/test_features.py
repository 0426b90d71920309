import numpy as np
import pytest
from evaluation.synthetic import drummers, groove_of, random_grooves

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.features import (
    ASPECTS,
    aspect_columns,
    measure_features,
    metrical_strengths,
)
from keras_musicvae.evaluation.sets import GrooveSet

KICK, SNARE, HAT, OPEN, LOW_TOM, CRASH, RIDE = 0, 1, 2, 3, 4, 7, 8


def values_of(groove):
    features, values = measure_features(GrooveSet("one", groove[np.newaxis]))
    return dict(zip([one.name for one in features], values[0], strict=True))


def feature(groove, name):
    return values_of(groove)[name]


def bars(*each):
    """A groove of bars, each a list of (step, drum)."""
    cells = [
        (16 * bar + step, drum, 0.5, 0.0)
        for bar, hits in enumerate(each)
        for step, drum in hits
    ]
    return groove_of(*cells, steps=16 * len(each))


BEAT = [(0, KICK), (4, SNARE), (8, KICK), (12, SNARE)]


def test_every_feature_is_defined_and_has_an_aspect():
    features, values = measure_features(drummers(2, seed=0))
    assert len({one.name for one in features}) == len(features) > 100
    assert values.shape[1] == len(features)
    for one in features:
        assert one.definition and set(one.aspects) <= set(ASPECTS), one
    for aspect in ASPECTS:
        assert aspect_columns(features, aspect).sum() >= 15, aspect
    assert aspect_columns(features, "all").all()


def test_metrical_strengths_of_a_bar_of_four_quarters():
    assert metrical_strengths(16, 16, 4).tolist() == [
        *(0, -4, -3, -4, -2, -4, -3, -4),
        *(-1, -4, -3, -4, -2, -4, -3, -4),
    ]
    # Three quarters: no beat lies half-way.
    assert metrical_strengths(12, 12, 4)[::4].tolist() == [0, -2, -2]


@pytest.mark.parametrize(
    ("name", "groove", "value"),
    [
        ("density", bars(BEAT, BEAT[:2]), 3.0),
        ("rate_snare", bars(BEAT, BEAT[:2]), 1.5),
        ("step_1", bars(BEAT, [(0, CRASH)]), 1.0),
        ("struck_steps", bars(BEAT), 4 / 16),
        ("half_beats", bars([(0, KICK), (2, HAT)]), 0.5),
        ("weak_steps", bars([(0, KICK), (3, HAT), (5, HAT)]), 2 / 3),
        ("backbeat", bars([(4, SNARE), (7, SNARE)]), 0.5),
        ("kick_on_one", bars(BEAT, [(1, KICK)]), 0.5),
        ("crash_on_one", bars([(0, CRASH), (4, CRASH)]), 0.5),
        ("voices", bars([(0, KICK), (0, CRASH), (4, SNARE)]), 1.5),
        ("drums_used", bars(BEAT), 2),
        ("pulse_2", bars([(0, HAT), (2, RIDE), (4, HAT)]), 2 / 3),
        ("longest_rest", bars(BEAT), 3),
        ("three_hands", bars([(0, SNARE), (0, CRASH), (0, RIDE)]), 1),
        ("three_hands", bars([(0, SNARE), (0, CRASH), (0, HAT), (0, KICK)]), 0),
        ("two_hihats", bars([(0, HAT), (0, OPEN)]), 1),
        ("kick_runs", bars([(0, KICK), (1, KICK), (2, KICK)]), 2),
        ("tom_steps", bars([(0, LOW_TOM), (1, 5), (3, 6)]), 3),
        ("tom_runs", bars([(0, LOW_TOM), (1, 5), (3, 6)]), 1),
        ("hand_runs", bars([(0, SNARE), (1, RIDE), (2, HAT), (3, SNARE)]), 2),
        ("alike_1_2", bars(BEAT, [*BEAT[:2], (2, HAT)]), 2 / 5),
        ("repetition_equal", bars(BEAT, BEAT, BEAT[:1]), 1 / 3),
        ("repetition_ends", bars(BEAT, BEAT, BEAT[:1]), 1 / 4),
        ("repetition_two_apart", bars(BEAT, BEAT[:2], BEAT), 1.0),
        ("phrase_last_differs", bars(BEAT, BEAT, BEAT[:1]), 1),
        ("phrase_last_differs", bars(BEAT[:1], BEAT, BEAT), 0),
        ("phrase_arch", bars(BEAT, BEAT, BEAT, BEAT[:1]), 3 / 4),
        ("phrase_last_density", bars(BEAT, BEAT[:2]), -2),
        ("density_spread", bars(BEAT, BEAT[:2]), 1.0),
    ],
)
def test_hits_are_counted_by_hand(name, groove, value):
    assert feature(groove, name) == pytest.approx(value)


def test_syncopation_is_what_a_drum_leaves_silent():
    # The last sixteenth before the half bar (-4) sounds over it (-1).
    every_beat = bars([(step, KICK) for step in (0, 4, 8, 12)])
    assert feature(every_beat, "syncopation") == 0.0
    assert feature(bars([(7, SNARE)]), "syncopation") == 3.0
    # Unless the drum plays there too; another drum does not resolve it.
    assert feature(bars([(7, SNARE), (8, SNARE)]), "syncopation") == 0
    assert feature(bars([(7, SNARE), (8, KICK)]), "syncopation") == 3


def test_velocities_are_midi_values():
    groove = groove_of((0, KICK, 1.0, 0), (4, SNARE, 40 / 127, 0), (8, KICK, 1.0, 0))
    values = values_of(groove)
    assert values["velocity_mean"] == pytest.approx((127 + 40 + 127) / 3)
    assert values["velocity_of_snare"] == pytest.approx(40)
    assert values["ghosts"] == 1.0
    assert values["velocity_steps_kick"] == 0.0
    assert np.isnan(values["velocity_of_ride"])


def test_timing_is_late_in_steps():
    swung = groove_of(
        *((step, HAT, 0.8, -0.2 if step % 2 else 0.0) for step in range(16))
    )
    values = values_of(swung)
    assert values["swing"] == pytest.approx(0.2)
    assert values["late_mean"] == pytest.approx(0.1)
    assert values["late_of_closed_hihat"] == pytest.approx(0.1)
    assert values["timing_deviation"] == pytest.approx(0.1)
    assert values["timing_steps_closed_hihat"] == pytest.approx(0.2)
    assert values["on_grid"] == 0.5 and values["far_from_grid"] == 0.0


def test_what_is_kept_from_bar_to_bar():
    cells = [(0, KICK, 0.9, 0.1), (4, SNARE, 0.3, -0.2), (8, HAT, 0.6, 0.0)]
    again = [(step + 16, drum, v - 0.1, early) for step, drum, v, early in cells]
    values = values_of(groove_of(*cells, *again, steps=32))
    assert values["accents_kept"] == pytest.approx(1.0, abs=1e-3)
    assert values["timing_kept"] == pytest.approx(1.0, abs=1e-3)
    assert values["velocity_change"] == pytest.approx(12.7, abs=0.5)
    assert values["timing_change"] == pytest.approx(0.0, abs=1e-6)


def test_grooves_are_measured_one_by_one():
    grooves = random_grooves(4)
    _, together = measure_features(GrooveSet("four", grooves))
    for groove, row in zip(grooves, together, strict=True):
        assert list(values_of(groove).values()) == pytest.approx(row, nan_ok=True)


def test_silence_and_single_bars_have_features():
    silent, single = np.zeros((32, 27), np.float32), bars(BEAT)
    assert feature(silent, "density") == 0 and np.isnan(feature(silent, "late_mean"))
    assert "alike_1_2" not in values_of(single)


def test_a_part_of_a_bar_is_refused():
    with pytest.raises(EvaluationError, match="whole bars"):
        measure_features(GrooveSet("part", np.zeros((1, 20, 27))))
