import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "magenta"))
from checkpoint_writers import (
    SMALL,
    data_file,
    random_weights,
    with_training_state,
    write_bundle,
    write_tfjs,
)

from keras_musicvae.cli.main import main
from keras_musicvae.magenta.layout import export_magenta_variables
from keras_musicvae.models.music_vae import MusicVAE


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    prefix = tmp_path / "run" / "model.ckpt-2721"
    write_bundle(prefix, with_training_state(random_weights(SMALL), step=2721))
    return prefix


def error_of(capsys) -> str:
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1
    return captured.err


def test_a_checkpoint_becomes_a_preset(checkpoint, tmp_path, capsys):
    folder = tmp_path / "preset"
    assert main(["convert", str(checkpoint), str(folder), "--bars", "2"]) == 0
    output = capsys.readouterr().out
    for name, shape in SMALL.variables.items():
        (line,) = [line for line in output.splitlines() if line.startswith(f"{name} ")]
        assert " x ".join(map(str, shape)) in line
    assert "16 slots */Adam_1" in output
    assert "global_step" in output
    assert output.splitlines()[-1] == str(folder)

    model = MusicVAE.from_preset(folder)
    assert (model.num_bars, model.preprocessor.drum_map.name) == (2, "magenta")
    for name, array in export_magenta_variables(model).items():
        expected = random_weights(SMALL)[name]
        np.testing.assert_allclose(array, expected, atol=1e-6)
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["training"]["steps"] == 2721


def test_released_checkpoints_get_their_licence_and_credits(tmp_path):
    source = tmp_path / "groovae_2bar_humanize"
    write_bundle(source / "model.ckpt-3061", random_weights(SMALL))
    folder = tmp_path / "preset"
    assert main(["convert", str(source), str(folder), "--quiet"]) == 0
    card = (folder / "README.md").read_text()
    assert "Apache-2.0" in card
    assert "CC BY 4.0" in card
    assert MusicVAE.from_preset(folder).preprocessor.task.name == "humanize"


def test_options_reach_the_preset(tmp_path, capsys):
    write_tfjs(tmp_path / "js", random_weights(SMALL), quantise="uint16")
    folder = tmp_path / "preset"
    options = ["--bars", "3", "--task", "tap2drum", "--drum-map", "roland_td11"]
    assert main(["convert", str(tmp_path / "js"), str(folder), *options]) == 0
    assert "task: tap2drum" in capsys.readouterr().out
    model = MusicVAE.from_preset(folder)
    assert model.num_bars == 3
    assert model.preprocessor.task.name == "tap2drum"
    assert model.preprocessor.drum_map.name == "roland_td11"
    assert main(["convert", str(tmp_path / "js"), str(folder), "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)


def test_the_window_is_asked_for(checkpoint, tmp_path, capsys):
    assert main(["convert", str(checkpoint), str(tmp_path / "preset")]) == 1
    assert "--bars" in error_of(capsys)
    assert not (tmp_path / "preset").exists()


def test_bad_sources_leave_nothing_behind(checkpoint, tmp_path, capsys):
    folder = tmp_path / "preset"
    assert main(["convert", str(tmp_path / "absent"), str(folder)]) == 1
    assert "no checkpoint at" in error_of(capsys)
    data = data_file(checkpoint)
    data.write_bytes(data.read_bytes()[:-1])
    assert main(["convert", str(checkpoint), str(folder), "--bars", "2"]) == 1
    assert "truncated" in error_of(capsys)
    assert not folder.exists()


def test_a_folder_of_other_files_is_not_overwritten(checkpoint, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    arguments = ["convert", str(checkpoint), str(tmp_path / "mine"), "--bars", "2"]
    assert main(arguments) == 1
    assert "mine" in error_of(capsys)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
