"""The scripts with which a maintainer builds what is published."""

import json
import sys
from pathlib import Path

import pytest

from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.presets import registry
from keras_musicvae.presets.preset_io import load_preset, save_preset
from keras_musicvae.presets.weights import save_weights

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tools(monkeypatch):
    if not TOOLS.is_dir():
        pytest.skip("not a checkout: no tools/")
    monkeypatch.syspath_prepend(str(TOOLS))
    import build_preset
    import make_debug_preset

    yield build_preset, make_debug_preset
    for module in (build_preset, make_debug_preset):
        del sys.modules[module.__name__]


def test_debug_preset_is_the_one_that_the_script_makes(tools, tmp_path):
    """On every backend, byte for byte: the weights come from NumPy."""
    _, make_debug_preset = tools
    save_weights(make_debug_preset.make_model(), tmp_path / "model.weights.h5")
    packaged = registry.packaged_folder("groove_debug").verified("model.weights.h5")
    assert (tmp_path / "model.weights.h5").read_bytes() == packaged.read_bytes()


def test_build_writes_folder_card_and_entry(tools, tmp_path, monkeypatch, capsys):
    build_preset, _ = tools
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")  # so that it is restored
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    source = tmp_path / "run"
    model = load_preset(MusicVAE, "groove_debug")
    save_preset(model, source, training={"steps": 7}, evaluation={"total": 1.5})
    arguments = [
        str(source),
        "groove_new",
        *("--out", str(tmp_path / "dist")),
        *("--description", "A new one.", "--purpose", "to test"),
        *("--license", "Apache-2.0"),
    ]
    before = registry.REGISTRY_FILE.read_bytes()
    assert build_preset.main(arguments) == 0
    assert registry.REGISTRY_FILE.read_bytes() == before
    entry = json.loads(capsys.readouterr().out)["groove_new"]
    folder = tmp_path / "dist" / "groove_new"
    assert set(entry["sha256"]) == {path.name for path in folder.iterdir()}
    metadata = json.loads((folder / "metadata.json").read_text())
    old = json.loads((source / "metadata.json").read_text())
    for key in ("date_saved", "training", "evaluation", "parents"):
        assert metadata[key] == old[key]
    card = (folder / "README.md").read_text()
    assert "# groove_new" in card and "A new one." in card
    # Built again, the bytes are the same.
    assert build_preset.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["groove_new"] == entry
    # With an evaluation, the card shows its figures.
    content = {
        "about": {"data": {"split": "test"}},
        "systems": {
            "groove_new T=1": {
                "figures": {"told_apart": {"all": 0.93654}},
                "intervals": {"told_apart": {"all": [0.9, 0.95]}},
            },
            "other T=1": {"figures": {"told_apart": {"all": 0.5}}, "intervals": {}},
        },
        "models": {
            "groove_new": {
                "figures": {"free_running": {"f1": 0.87654}},
                "intervals": {"free_running": {"f1": [0.8, 0.9]}},
            }
        },
    }
    evaluation = tmp_path / "evaluation.json"
    evaluation.write_text(json.dumps(content))
    assert build_preset.main([*arguments, "--evaluation", str(evaluation)]) == 0
    card = (folder / "README.md").read_text()
    assert "classifier, AUC | 0.937 [0.900, 0.950] |" in card
    assert "hit F1, free running from z = mu | 0.877 [0.800, 0.900] |" in card
    assert "0.500" not in card


@pytest.mark.parametrize(
    ("handle", "advice"),
    [
        ("hf://drummers/groove", "hf upload drummers/groove"),
        ("kaggle://drummers/vae/keras/groove/1", "'drummers/vae/keras/groove'"),
    ],
)
def test_build_for_an_upload_registers_the_handle(
    tools, tmp_path, monkeypatch, capsys, handle, advice
):
    build_preset, _ = tools
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    file = tmp_path / "registry.json"
    file.write_text("{}")
    monkeypatch.setattr(build_preset, "REGISTRY_FILE", file)
    arguments = ["groove_debug", "groove_far", "--out", str(tmp_path / "dist")]
    about = ["--description", "x", "--purpose", "y", "--license", "Apache-2.0"]
    assert build_preset.main([*arguments, *about, "--handle", handle]) == 0
    entry = json.loads(file.read_text())["groove_far"]
    assert entry["handle"] == handle and len(entry["sha256"]) == 5
    assert advice in capsys.readouterr().err


def test_build_of_a_bad_source(tools, tmp_path, capsys):
    build_preset, _ = tools
    about = ["--description", "x", "--purpose", "y", "--license", "Apache-2.0"]
    assert build_preset.main([str(tmp_path / "no"), "name", *about]) == 1
    assert "doesn't exist" in capsys.readouterr().err
