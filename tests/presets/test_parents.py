"""What a preset is made from is named in it, with licence and credits."""

import json

import pytest
from preset_examples import edit_json, tiny_preset

from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.presets.preset_io import load_preset, save_preset
from keras_musicvae.training.finish import _with_threshold


@pytest.fixture
def parent(tmp_path):
    model = load_preset(MusicVAE, tiny_preset(tmp_path / "seed"))
    model.parents = ()
    about = {"license": "CC-BY-4.0", "training": {"dataset": "groove-v1.0.0.zip"}}
    return save_preset(model, tmp_path / "parent", **about)


def test_licence_and_credits_of_all_ancestors_are_in_the_card(parent, tmp_path):
    child = save_preset(load_preset(MusicVAE, parent), tmp_path / "child")
    training = {"dataset": "my own | drums"}
    model = _with_threshold(load_preset(MusicVAE, child), 0.4)
    folder = save_preset(model, tmp_path / "x", license="MIT", training=training)
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["license"] == "MIT"
    assert [item["name"] for item in metadata["parents"]] == [
        f"{tmp_path.name}/child",
        f"{tmp_path.name}/parent",
    ]
    assert metadata["parents"][1]["dataset"] == "groove-v1.0.0.zip"
    card = (folder / "README.md").read_text()
    assert "Weights: MIT." in card
    assert f"Made from `{tmp_path.name}/child` (CC-BY-4.0)." in card
    assert "/parent` (CC-BY-4.0), trained on groove-v1.0.0.zip." in card
    assert card.count("licensed by Google LLC") == 1
    assert str(tmp_path) not in card


def test_the_licence_is_the_parent_s_unless_another_one_is_given(parent, tmp_path):
    child = save_preset(load_preset(MusicVAE, parent), tmp_path / "child")
    assert 'license: "cc-by-4.0"' in (child / "README.md").read_text()


def test_an_architecture_alone_has_no_parents(parent):
    assert load_preset(MusicVAE, parent, load_weights=False).parents == ()


@pytest.mark.parametrize(
    "said",
    [
        {"license": 3, "training": [], "parents": {}},
        {"license": "x" * 10_000, "parents": [3, {"name": "a\n# b"}] * 1000},
    ],
)
def test_what_strangers_say_is_kept_short(parent, said):
    edit_json(parent, "metadata.json", lambda metadata: metadata.update(said))
    parents = load_preset(MusicVAE, parent).parents
    assert len(parents) <= 16
    lines = [text for item in parents for text in item.values()]
    assert all(len(text) < 400 and "\n" not in text for text in lines)
