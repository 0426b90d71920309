"""The configuration: each argument once, and everything else derived from it."""

import inspect
import json

import pytest

from keras_musicvae import GrooveConverter, MusicVAE
from keras_musicvae.errors import ConfigError
from keras_musicvae.models.config import (
    ARGUMENTS,
    PARTS,
    Architecture,
    configure,
    describe,
    to_json,
)
from keras_musicvae.models.heads import HEADS, make_heads
from keras_musicvae.models.heads.draws import Draws


def test_every_argument_has_a_rule_a_meaning_and_a_default_that_it_allows():
    for name, item in ARGUMENTS.items():
        check, allowed = item.metadata["rule"]
        assert check(item.default) == item.default, name
        assert allowed and item.metadata["text"].endswith("."), name
    lines = {name: line for part in PARTS for name, line in describe(part).items()}
    assert lines["latent_dim"] == (
        "Dimensions of z. Allowed: an integer from 1 to 4096. Defaults to 256."
    )


def test_a_configuration_survives_json():
    parts = configure({"encoder_units": [8, 4], "conductor_units": None, "beta": 1})
    again = configure(json.loads(json.dumps(to_json(*parts))))
    assert again == parts
    assert again[0].encoder_units == (8, 4) and again[1].beta == 1.0


def test_the_constructor_shows_its_arguments():
    parameters = inspect.signature(MusicVAE).parameters
    assert set(ARGUMENTS) <= set(parameters)
    assert parameters["latent_dim"].default == Architecture().latent_dim
    assert "plan_dim: Numbers that the note decoder reads" in MusicVAE.__doc__


def test_an_unknown_argument_is_named_with_the_closest():
    with pytest.raises(ConfigError, match=r"'latent_dims'\. Did you mean 'latent_dim'"):
        MusicVAE(latent_dims=3)


def test_every_head_of_the_registry_can_be_made():
    for name in HEADS:
        heads = make_heads(name, hit_threshold=0.4, timing_temperature=0.8)
        assert heads.settings == Draws(hit_threshold=0.4, timing_temperature=0.8)


@pytest.mark.parametrize(
    ("num_bars", "steps_per_bar", "expected"),
    [
        (4, 16, ((4, 4), 4)),
        (2, 48, ((4, 4), 12)),
        (1, 12, ((3, 4), 4)),
        (2, 14, ((7, 8), 4)),
        (1, 15, ((15, 16), 4)),
        (2, 4, ((1, 4), 4)),
        (1, 112, ((28, 4), 4)),
    ],
)
def test_the_default_preprocessor_fits(num_bars, steps_per_bar, expected):
    model = MusicVAE(
        num_bars=num_bars,
        steps_per_bar=steps_per_bar,
        encoder_units=(2,),
        latent_dim=2,
        conductor_units=None,
        decoder_units=(2,),
    )
    converter = model.preprocessor
    assert (converter.time_signature, converter.steps_per_quarter) == expected
    assert converter.num_steps == model.num_steps
    assert type(model.from_config(model.get_config()).preprocessor) is GrooveConverter


def test_without_a_preprocessor_grooves_are_arrays(tiny):
    assert tiny(preprocessor=None).sample(2, seed=0).shape == (2, 8, 27)


@pytest.mark.parametrize("preprocessor", ["none", 4, GrooveConverter])
def test_a_preprocessor_is_a_converter(tiny, preprocessor):
    with pytest.raises(ConfigError, match="must be a GrooveConverter"):
        tiny(preprocessor=preprocessor)
