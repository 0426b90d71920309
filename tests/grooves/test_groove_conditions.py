"""Conditions: values of windows, their vocabularies and codes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.conditions import (
    CONDITIONS,
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
    )


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
    many = Examples(np.repeat(windows().grooves[:1], 4000, 0), 1)
    converter = GrooveConverter(1, conditions=fit_conditions(["density"], windows()))
    generator = np.random.default_rng(0)
    batch = converter.to_batch(many, generator=generator, leave_open=True)
    assert batch["condition"][:, 1].mean() == pytest.approx(0.5, abs=0.03)


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
