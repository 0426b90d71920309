"""Conditions: values of windows, their vocabularies and codes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.conditions import (
    CONDITIONS,
    NUM_RANKS,
    Unasked,
    encode_conditions,
    fit_conditions,
)
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.examples import Examples


def windows():
    """Two windows of one bar: eight even hits; two hits, the second late, a rest."""
    grooves = np.zeros((3, 16, 27), np.float32)
    grooves[0, ::2, 0], grooves[0, ::2, 9] = 1, 0.5
    grooves[1, [0, 1], 0], grooves[1, [0, 1], 9] = 1, [1.0, 0.5]
    grooves[1, 1, 18] = -0.5  # half of half a step late
    return Examples(
        grooves,
        1,
        tempo=[100.0, 140.0, None],
        style=["rock", "funk", None],
        kind=["beat", "fill", "beat"],
        start_bar=[0, 1, None],
    )


def ranked(values, vocabulary=None):
    """The ranks, 0 to 1, by which values are coded."""
    one = CONDITIONS["density"]
    codes = one.encode(values, vocabulary or one.fit(values))
    return codes[:, 0] / np.float32(12**0.5) + 0.5


def test_what_is_read_of_windows():
    values = {name: list(one.values(windows())) for name, one in CONDITIONS.items()}
    assert values["density"] == [8, 2, 0]
    assert values["loudness"] == [0.5, 0.75, None]
    assert values["swing"] == [None, 0.25, None]
    assert values["style"] == ["rock", "funk", None]
    assert values["fill"] == [False, True, False]
    assert values["repetition"] == [None] * 3  # of a single bar
    bars = replace(windows(), num_bars=2, start_bar=[0, 3, None])
    assert CONDITIONS["repetition"].values(bars) == [1.0, 0.0, None]
    assert CONDITIONS["phrase"].values(bars) == ["1", "2", None]
    assert values["phrase"] == ["1", "1", None]
    four = Examples(np.zeros((6, 64, 27), np.float32), 4, start_bar=[*range(6)])
    assert CONDITIONS["phrase"].values(four) == ["1", "2", "3", "4", "1", "2"]
    assert CONDITIONS["style"].values(Examples(windows().grooves, 1)) == [None] * 3


def test_codes():
    vocabularies = fit_conditions(["style", "tempo"], windows())
    assert vocabularies == {
        "style": ["funk", "rock"],
        "tempo": {"mean": 120.0, "stddev": 20.0},
    }
    values = {"style": ["rock", None, "polka"], "tempo": [100, None, 120]}
    np.testing.assert_array_equal(
        encode_conditions(vocabularies, values),
        [[0, 1, -1, 1], [0, 0, 0, 0], [0, 0, 0, 1]],
    )


def test_a_vocabulary_travels_with_the_converter():
    examples = replace(windows(), num_bars=2, start_bar=[0, 1, 2])
    vocabularies = fit_conditions(list(CONDITIONS), examples)
    converter = GrooveConverter(1, conditions=vocabularies)
    config = json.loads(json.dumps(converter.get_config()))
    again = GrooveConverter.from_config(config)
    assert again == converter and again.condition_dim == 2 + 7 * 2
    one, other = (c.to_batch(examples)["condition"] for c in (converter, again))
    np.testing.assert_array_equal(one, other)


def test_wishes_replace_what_is_read():
    converter = GrooveConverter(1, conditions=fit_conditions(["style"], windows()))
    batch = converter.to_batch(windows(), condition={"style": "funk"})
    np.testing.assert_array_equal(batch["condition"], [[1, 0]] * 3)
    batch = converter.to_batch(windows(), condition={"style": None})
    assert not batch["condition"].any()
    assert not converter.to_batch(windows(), unasked=Unasked.DEFAULT)["condition"].any()
    for condition, words in (
        ({"style": "polka"}, "one of funk, rock"),
        ({"mood": "sad"}, "no condition 'mood'; its conditions: style"),
    ):
        with pytest.raises(ConfigError, match=words):
            converter.to_batch(windows(), condition=condition)


def test_conditions_are_left_open_in_training():
    """Of each window another share: all, none and any number are common."""
    rows = np.zeros(4000, int)
    whole = windows()
    many = Examples(whole.grooves[rows], 1, tempo=[100.0] * 4000)
    names = ["density", "tempo", "loudness"]
    converter = GrooveConverter(1, conditions=fit_conditions(names, whole))
    generator = np.random.default_rng(0)
    batch = converter.to_batch(many, generator=generator, leave_open=True)
    known = batch["condition"][:, 1::2]
    assert known.mean() == pytest.approx(0.5, abs=0.03)
    # Alone each would be open half of the time, and all three an eighth of it.
    counts = np.bincount(known.sum(axis=1).astype(int), minlength=4) / 4000
    assert counts == pytest.approx(0.25, abs=0.03)
    assert converter.to_batch(many)["condition"][:, 1::2].all()


def test_ranks_of_values():
    values = [*range(101)]
    vocabulary = CONDITIONS["density"].fit(values)
    assert len(vocabulary) == NUM_RANKS
    assert vocabulary[::32] == pytest.approx([0, 100], abs=1e-6)
    assert ranked([0, 50, 100, 25], vocabulary) == pytest.approx([0, 0.5, 1, 0.25])
    # What drummers never played is as the least and the most that they did.
    assert ranked([-5, 500], vocabulary) == pytest.approx([0, 1])
    codes = CONDITIONS["density"].encode([*values, None], vocabulary)
    assert codes[:-1, 0].std() == pytest.approx(1.0, abs=0.03)
    assert not codes[-1].any() and codes[:-1, 1].all()


def test_windows_of_one_value_have_the_lowest_of_their_ranks():
    assert ranked([4] * 32 + [20] * 32)[[0, 40]] == pytest.approx([0, 0.5], abs=0.05)
    assert ranked([3] * 10) == pytest.approx(0.0)


def test_a_rank_that_is_asked_for_has_the_code_of_the_windows_there():
    one, values = CONDITIONS["density"], [4] * 32 + [20] * 32
    vocabulary = one.fit(values)
    asked = [one.check_value(rank, vocabulary) for rank in (0, 0.0, 1, 1.0)]
    assert asked == pytest.approx([4, 4, 20, 20], abs=1e-6)
    assert ranked(asked, vocabulary) == pytest.approx(
        ranked([4, 4, 20, 20], vocabulary), abs=0.04
    )
    vocabulary = one.fit([*range(101)])
    for rank in (0, 0.5, 1):
        value = one.check_value(rank, vocabulary)
        assert value == pytest.approx(100 * rank, abs=1e-6)
        assert ranked([value], vocabulary) == pytest.approx(rank, abs=1e-6)


@pytest.mark.parametrize("name", ["density", "loudness", "swing"])
@pytest.mark.parametrize("value", [-0.01, 1.01, 16, "high", True, float("nan"), None])
def test_a_rank_is_a_number_from_0_to_1(name, value):
    converter = GrooveConverter(1, conditions=fit_conditions([name], windows()))
    if value is None:  # open
        batch = converter.to_batch(windows(), condition={name: None})
        assert not batch["condition"].any()
        return
    with pytest.raises(ConfigError, match=f"`{name}` must be a number from 0 to 1"):
        converter.to_batch(windows(), condition={name: value})


def test_new_grooves_begin_phrases_and_are_beats_that_repeat():
    grooves = np.zeros((64, 64, 27), np.float32)
    generator = np.random.default_rng(0)
    grooves[..., :9] = generator.random((64, 64, 9)) < 0.3
    whole = Examples(
        grooves,
        4,
        style=["rock", "funk"] * 32,
        kind=["beat", "fill"] * 32,
        start_bar=[0, 1, 2, 3] * 16,
    )
    vocabularies = fit_conditions(["style", "fill", "repetition", "phrase"], whole)
    converter = GrooveConverter(4, conditions=vocabularies)
    default = [0, 0, -1, 1, 0, 0, 1, 0, 0, 0]  # style open; no fill; the first bar
    batch = converter.to_batch(whole, unasked=Unasked.DEFAULT)
    np.testing.assert_array_equal(batch["condition"], [default] * 64)
    drawn = converter.to_batch(whole, unasked=Unasked.DRAWN)["condition"]
    assert drawn[:, 5].all() and drawn[:, 4].std() == pytest.approx(1.0, abs=0.2)
    np.testing.assert_array_equal(
        np.delete(drawn, [4, 5], 1)[0], [*default[:4], 1, 0, 0, 0]
    )
    # The first of some grooves is the one that comes alone.
    one = converter.to_batch(Examples(grooves[:1], 4), unasked=Unasked.DRAWN)[
        "condition"
    ]
    np.testing.assert_array_equal(one[0], drawn[0])
    # Asked for nothing is not the same as left open.
    asked = {"fill": None, "style": "rock"}
    batch = converter.to_batch(whole, unasked=Unasked.DEFAULT, condition=asked)
    np.testing.assert_array_equal(batch["condition"][0], [0, 1, 0, 0, 0, 0, 1, 0, 0, 0])


@pytest.mark.parametrize(
    "conditions",
    [
        {"mood": []},
        {"style": []},
        {"style": ["a", "a"]},
        {"style": "rock"},
        {"style": [1]},
        {"style": [str(i) for i in range(1000)]},
        {"tempo": {"mean": 1.0}},
        {"tempo": {"mean": 1.0, "stddev": 0.0}},
        {"tempo": {"mean": float("nan"), "stddev": 1.0}},
        {"tempo": {"mean": 10**400, "stddev": 1.0}},
        {"tempo": 3},
        {"density": {"mean": 9.0, "stddev": 3.0}},
        {"density": [*range(NUM_RANKS - 1)]},
        {"density": [*range(NUM_RANKS)][::-1]},
        {"density": [float("nan")] * NUM_RANKS},
        {"density": [10**400] * NUM_RANKS},
        {"swing": ["a"] * NUM_RANKS},
        {"phrase": [1, 2]},
        ["style"],
    ],
    ids=str,
)
def test_strangers_vocabularies_are_checked(conditions):
    with pytest.raises(ConfigError):
        GrooveConverter(1, conditions=conditions)


@pytest.mark.parametrize("value", ["fast", True, float("nan"), float("inf"), 1e30])
def test_a_number_is_a_finite_number(value):
    converter = GrooveConverter(1, conditions=fit_conditions(["tempo"], windows()))
    with pytest.raises(ConfigError, match="`tempo` must be a number"):
        converter.to_batch(windows(), condition={"tempo": value})
