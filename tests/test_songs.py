"""Forms, and songs of them."""

import numpy as np
import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.forms import Section, read_form
from keras_musicvae.songs import song


def test_the_words_of_a_form():
    assert read_form("A B\u2019\u2019 fill A' end") == [
        Section("A", "A"),
        Section("B'' fill", "B", 2, fill=True),
        Section("A'", "A", 1),
        Section("end", end=True),
    ]


@pytest.mark.parametrize(
    "form", ["", "fill A", "A fill fill", "end", "A end A", "a", "AB", "A" * 3, 3, None]
)
def test_other_words(form):
    with pytest.raises(ConfigError, match="form"):
        read_form(form)


def test_a_song_repeats_varies_fills_and_ends():
    model = MusicVAE.from_preset("groove_debug")
    whole, *parts = made = song(model, "A A B A' fill A' end", bars=3, seed=1, tempo=97)
    assert [part.num_bars for part in parts] == [3, 3, 3, 3, 3, 1]
    assert whole.num_bars == 16
    assert whole.tempo == 97
    assert [text for _, text in whole.markers] == [
        *("A", "A", "B", "A' fill", "A'", "end")
    ]
    assert [time for time, _ in whole.markers] == [0, 12, 24, 36, 48, 60]
    assert whole.bars(3, 9).markers == ((0, "A"), (12, "B"))
    a, again, b, filled, varied, end = parts
    assert a == again
    assert len({part.hits.tobytes() for part in (a, b, filled, varied)}) == 4
    # A fill of a variation is the variation itself up to its last bar.
    np.testing.assert_array_equal(filled.hits[:32], varied.hits[:32])
    assert end.hits.sum() == 2
    once_more = song(model, "A A B A' fill A' end", bars=3, seed=made.seed, tempo=97)
    assert once_more[0] == whole
    other = song(model, "A A B A' fill A' end", bars=3, seed=2, tempo=97)
    assert other[0] != whole


def test_sections_that_are_given():
    model = MusicVAE.from_preset("groove_debug")
    verse, chorus = model.sample(2, seed=1, tempo=93)
    whole, *parts = song(model, "B A B", [chorus, verse], seed=1)
    assert parts[0] == chorus
    assert parts[1] == verse
    assert whole.tempo == 93
    with pytest.raises(ConfigError, match="The form has the sections A"):
        song(model, "A", [verse, chorus])
