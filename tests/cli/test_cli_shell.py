"""The command line as a program: signals, pipes, terminals, paths, exit codes."""

import argparse
import inspect
import io
import os
import signal
import subprocess
import sys

import pytest
from cli_files import DEBUG, beat, files_in, record

from keras_musicvae.arguments import ARGUMENTS
from keras_musicvae.cli.interrupt import importing
from keras_musicvae.cli.main import COMMANDS, build_parser, main
from keras_musicvae.cli.messages import one_line, warn
from keras_musicvae.cli.verbs import VERBS
from keras_musicvae.errors import ConfigError, MidiLimitError

PROGRAM = "import sys; from keras_musicvae.__main__ import run; sys.exit(run())"

# Imports, and the moment at which Ctrl-C is pressed.
INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""


def program(*arguments, code=PROGRAM, **kwargs):
    kwargs = {"capture_output": True, "text": True, **kwargs}
    return subprocess.run([sys.executable, "-c", code, *arguments], **kwargs)


@pytest.mark.parametrize(
    "module",
    ["keras_musicvae.cli.interrupt", "keras_musicvae.cli.main", "numpy", "keras"],
)
def test_an_interrupt_while_importing_is_one_line(folder, module):
    code = INTERRUPTED.format(module=module) + PROGRAM
    done = program("generate", *DEBUG, code=code)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "keras-musicvae: interrupted\n"
    assert files_in(".") == []


def test_an_interrupt_at_work_is_one_line(folder, monkeypatch, capsys):
    monkeypatch.setattr(VERBS["generate"], "run", interrupt, raising=False)
    assert main(["generate"]) == 130
    assert capsys.readouterr().err == "keras-musicvae: interrupted\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupt(_args):
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("target", ["pipe", "/dev/full"])
def test_a_stdout_that_fails(folder, target):
    if target == "pipe":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(target, os.O_WRONLY)
    done = program("presets", stdout=writing, stderr=subprocess.PIPE, capture_output=0)
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr.count("\n") == (0 if target == "pipe" else 1)


def test_names_that_the_terminal_cannot_show(folder, monkeypatch):
    # No UTF-8: Python holds such a byte as half of a pair of code units.
    name = os.fsdecode("ö".encode() + b"\xff.mid")
    beat(2).save(name)
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["encode", name, *DEBUG, "--out=ö.npz"]) == 0
    assert b"\\xf6.npz\n" in terminal.buffer.getvalue()
    assert record("ö.json")["inputs"][0]["file"] == name


def test_greetings_of_libraries_are_dropped_and_nothing_else(capfd):
    with importing(quiet=True):
        os.write(2, b"I0000 00:00:17 port.cc:153] custom operations are on.\n")
        os.write(2, b"E0000 00:00:17 cuda.cc:1] no device\n")
    os.write(2, b"at work\n")
    lines = capfd.readouterr().err.splitlines()
    assert lines == ["E0000 00:00:17 cuda.cc:1] no device", "at work"]


def test_quiet_says_nothing(folder, capsys):
    assert main(["generate", *DEBUG, "--quiet", "--out=out"]) == 0
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "")
    assert isinstance(record("out/generate.json")["seed"], int)


@pytest.mark.parametrize("option", ["--out", "--preset", "--drum-map"])
def test_a_path_with_nul_is_a_usage_error(capsys, option):
    with pytest.raises(SystemExit) as stop:
        main(["generate", option, "a\0b"])
    assert stop.value.code == 2
    assert "NUL" in capsys.readouterr().err.splitlines()[-1]


# --- The table ----------------------------------------------------------------


@pytest.mark.parametrize("command", VERBS)
def test_the_options_are_the_arguments_of_the_verb(command):
    from keras_musicvae.models.music_vae import MusicVAE

    verb = VERBS[command]
    parameters = inspect.signature(getattr(MusicVAE, verb.method)).parameters
    # What a verb works on is no option; files are read before the verb is called.
    options = {name for name, one in parameters.items() if one.kind != one.VAR_KEYWORD}
    options -= {"self", "music", "z", "known", "condition"}
    assert options == set(verb.options)
    files = ["a", "b"] if verb.music else ["a"] if verb.reads_latents else []
    args = build_parser().parse_args([command, *files])
    for name in options:
        chosen, default = getattr(args, name), parameters[name].default
        assert chosen == ARGUMENTS[name].default
        # None leaves the argument to the verb.
        assert chosen is None or chosen == default


def test_every_command_has_help(capsys):
    build_parser().print_help()
    overview = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"    {name} " in overview
        with pytest.raises(SystemExit) as stop:
            main([name, "--help"])
        assert stop.value.code == 0
        text = capsys.readouterr().out
        assert inspect.cleandoc(command.__doc__).splitlines()[0] in text


def test_help_and_version_import_no_keras():
    code = (
        "import sys\n"
        "from keras_musicvae.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'keras', 'jax', 'torch', 'tensorflow', 'matplotlib', 'miditoolkit'}\n"
        "sys.exit(str(heavy & set(sys.modules)))"
    )
    for arguments in (["--help"], ["--version"], ["similar", "--help"]):
        assert program(*arguments, code=code).stderr.strip() == "set()"


def test_messages_name_options(capsys):
    args = argparse.Namespace(steps=3, track=None, limit=None)
    cases = {
        "`steps` is odd. Received: steps=1": "--steps is odd. Received: --steps 1",
        "choose one by track=, out of 2": "choose one by --track, out of 2",
        "runs/steps=1 is no folder": "runs/steps=1 is no folder",
        "`seed` is wrong": "`seed` is wrong",
    }
    for text, words in cases.items():
        assert one_line(ConfigError(text), args) == words
    limit = MidiLimitError("more than 9 notes (MidiLimits.max_notes)")
    assert one_line(limit, args) == "more than 9 notes (--limit max_notes=N)"
    hostile = "\x1b]0;title\x07 \x1b[2J\r\n a\u202eb\udcff"
    words = r"\x1b]0;title\x07 \x1b[2J a\u202eb\udcff"
    assert one_line(ConfigError(hostile)) == words
    warn(hostile)
    assert capsys.readouterr().err == f"keras-musicvae: {words}\n"
    missing = FileNotFoundError(2, "No such file or directory", "a.mid")
    assert one_line(missing) == "a.mid: No such file or directory"
