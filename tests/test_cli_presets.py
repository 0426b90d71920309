import json
import shutil
import subprocess
import sys

import pytest

from keras_musicvae.cli.main import main
from keras_musicvae.presets import registry


@pytest.fixture
def preset(tmp_path):
    source = registry.packaged_folder("groove_debug").path
    return shutil.copytree(source, tmp_path / "preset")


def test_list(capsys):
    assert main(["presets"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == "NAME BARS PARAMETERS SIZE LICENCE FOR".split()
    assert [row.split()[0] for row in rows] == list(registry.presets())
    (debug,) = [row for row in rows if row.startswith("groove_debug ")]
    assert "7,328" in debug and "Apache-2.0" in debug and "0.1 MB" in debug


def test_list_as_json(capsys):
    assert main(["presets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == registry.presets()


def test_verify_the_packaged_ones(capsys):
    assert main(["presets", "verify"]) == 0
    output = capsys.readouterr()
    lines = output.out.splitlines()
    files = sum(
        len(entry["sha256"])
        for entry in registry.presets().values()
        if "handle" not in entry
    )
    assert len(lines) == files and all(line.endswith(": OK") for line in lines)
    assert not output.err


def test_verify_names_and_folders(capsys, preset):
    assert main(["presets", "verify", "groove_debug", str(preset)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "groove_debug: metadata.json: OK"
    assert f"{preset}: config.json: OK" in lines


def test_verify_a_changed_file(capsys, preset):
    weights = preset / "model.weights.h5"
    content = bytearray(weights.read_bytes())
    content[100] ^= 1
    weights.write_bytes(content)
    assert main(["presets", "verify", str(preset)]) == 1
    output = capsys.readouterr()
    assert f"{preset}: model.weights.h5: FAILED" in output.out
    assert f"{preset}: config.json: OK" in output.out
    first, last = output.err.splitlines()
    assert "SHA-256 must be" in first
    assert last == "keras-musicvae: error: 1 file failed"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("groove_debgu", "Did you mean 'groove_debug'"),
        ("./nothing", "doesn't exist"),
    ],
)
def test_verify_what_is_not_there(capsys, name, message):
    assert main(["presets", "verify", name]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_neither_keras_nor_numpy_is_imported():
    code = (
        "import argparse, sys\n"
        "from keras_musicvae.cli import presets\n"
        "parser = argparse.ArgumentParser()\n"
        "presets.add_arguments(parser)\n"
        "assert presets.run(parser.parse_args([])) == 0\n"
        "assert presets.run(parser.parse_args(['verify'])) == 0\n"
        "heavy = {'keras', 'jax', 'torch', 'tensorflow', 'numpy', 'h5py'}\n"
        "imported = heavy & set(sys.modules)\n"
        "sys.exit(f'imported: {imported}' if imported else 0)\n"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
