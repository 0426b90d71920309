"""Imports run one way, and importing the package costs milliseconds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import keras_musicvae

PACKAGE = Path(keras_musicvae.__file__).parent
HEAVY = {"jax", "torch", "tensorflow"}

# folder -> the folders of the package that its modules may import, itself included
MAY_IMPORT = {
    "errors": set(),
    "rules": {"errors"},
    "arguments": {"errors", "rules", "grooves"},
    "files": {"errors"},
    "names": set(),
    "progress": {"errors"},
    "download": {"errors", "files", "progress"},
    "grooves": {"errors", "files", "names", "audio", "plots", "html"},
    "datasets": {"errors", "rules", "files", "progress", "download", "grooves"},
    "audio": {"errors", "files", "grooves"},
    "plots": {"errors", "files", "grooves"},
    "html": {"errors", "grooves", "audio", "plots"},
    "backends": {"errors"},
    "models": {
        "errors",
        "files",
        "names",
        "rules",
        "arguments",
        "backends",
        "grooves",
        "presets",
        "magenta",
        "export",
    },
    "presets": {"errors", "rules", "files", "download", "grooves", "models"},
    "magenta": {
        "errors",
        "files",
        "progress",
        "download",
        "grooves",
        "models",
        "presets",
    },
    "training": {
        "errors",
        "files",
        "grooves",
        "progress",
        "rules",
        "backends",
        "datasets",
        "models",
        "presets",
    },
    "evaluation": {
        "errors",
        "files",
        "progress",
        "datasets",
        "grooves",
        "models",
        "plots",
    },
    "songs": {"errors", "arguments", "grooves", "models"},
    "export": {"errors", "files", "audio", "grooves", "models", "studio"},
    "studio": {"errors", "files"},
    "cli": None,  # everything
}
NO_KERAS = (
    "arguments",
    "errors",
    "files",
    "progress",
    "download",
    "grooves",
    "datasets",
    "audio",
    "plots",
)


def imports(path: Path) -> tuple[set[str], set[str]]:
    """The modules that a file imports when it is imported, and inside functions."""
    tree = ast.parse(path.read_text())
    late = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.If)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    names: tuple[set[str], set[str]] = (set(), set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names[node in late].update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names[node in late].add(node.module or "")
    return names


def folder(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize(
    "path", MODULES, ids=[str(p.relative_to(PACKAGE)) for p in MODULES]
)
def test_imports_run_one_way(path):
    here = folder(path)
    early, late = imports(path)
    allowed = MAY_IMPORT.get(here)
    if allowed is not None:
        for name in early | late:
            if name.startswith("keras_musicvae."):
                target = name.split(".")[1]
                assert target in allowed | {here}, f"{here} must not import {name}"
    if here in NO_KERAS:
        assert not any(name.split(".")[0] == "keras" for name in early)


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if folder(p) != "backends"],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_only_backends_names_a_backend(path):
    """Neither in an import nor in a string, be it to ask which one is in use."""
    early, late = imports(path)
    strings = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not HEAVY & {name.split(".")[0] for name in early | late | strings}


FILES = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "Path"}
READERS = {"midi", "midi_load", "midi_check", "midi_write"}


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if folder(p) == "models"],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_models_never_read_files(path):
    """Music is read by the preprocessor, presets and checkpoints by their folders."""
    early, late = imports(path)
    for name in early | late:
        assert name not in {"io", "pathlib", "shutil", "tempfile", "miditoolkit"}
        parts = name.split(".")
        assert not (parts[1:2] == ["grooves"] and READERS & set(parts[2:])), name
    names = {
        getattr(node, "id", getattr(node, "attr", None))
        for node in ast.walk(ast.parse(path.read_text()))
    }
    assert not FILES & names


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_importing_the_package_touches_neither_keras_nor_a_backend():
    heavy = "{'keras', 'jax', 'torch', 'tensorflow', 'miditoolkit', 'matplotlib'}"
    code = f"import sys, keras_musicvae; print({heavy} & set(sys.modules))"
    assert run(code).strip() == "set()"


def test_import_and_help_are_fast():
    def seconds(code: str) -> float:
        # Processor time: the wall clock of a busy machine says nothing.
        timed = (
            "import time; start = time.process_time()\n"
            f"{code}\n"
            "print(time.process_time() - start)"
        )
        return min(float(run(timed).split()[-1]) for _ in range(3))

    assert seconds("import keras_musicvae") < 0.3  # 0.05 on an idle machine
    code = "from keras_musicvae.cli.main import build_parser; build_parser()"
    assert seconds(f"{code}.format_help()") < 0.6  # 0.1 on an idle machine
