import subprocess
import sys

import pytest

from keras_musicvae import progress


def test_a_log_file_gets_plain_lines_with_counts(capsys):
    with progress.showing("Reading", 2000, start=500, line_seconds=0) as display:
        display.update(1500, "7 rejected")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Reading: 1,500 of 2,000 files (")
    assert lines[0].endswith("/s) 0:00:00 left, 7 rejected")
    with progress.showing("Loading", 3_000_000, "bytes", line_seconds=0) as display:
        display.update(1_500_000)
    assert "Loading: 1.5 of 3.0 MB" in capsys.readouterr().err


def test_short_work_and_silence_write_nothing(capsys):
    for verbose in (True, False):
        with progress.showing("Reading", 10, verbose=verbose) as display:
            display.update(10)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with pytest.raises(KeyError), progress.showing("Reading", 10) as display:
        display.update(10, "3 rejected")
        raise KeyError
    assert "10 of 10 files" in capsys.readouterr().err


def test_the_package_imports_neither_keras_nor_midi_before_it_is_needed():
    code = (
        "import sys, keras_musicvae; module = keras_musicvae.datasets; "
        "assert not {'numpy', 'keras', 'mido'} & set(sys.modules); "
        "module.groove_midi.load_data; module.folder.preprocess; "
        "assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
