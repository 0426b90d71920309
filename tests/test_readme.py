"""The snippets of the README and the documents work as they stand."""

import ast
import inspect
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shared_data import GROOVE_ZIP, shared_path

import keras_musicvae
from keras_musicvae.cli.main import build_parser
from keras_musicvae.training.recipe import RECIPES

sys.path.insert(0, str(Path(__file__).parent / "datasets"))
from synthetic import groove_bytes

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str, page: Path = README) -> list[str]:
    pattern = rf"```{language}\n(.*?)```"
    return re.findall(pattern, page.read_text(), flags=re.DOTALL)


def test_python_snippets(tmp_path, monkeypatch):
    """Run in the order of the page, as one reader would, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    # The download itself is tested against a server; here it is already cached.
    cache = tmp_path / "keras" / "datasets"
    cache.mkdir(parents=True)
    shutil.copy(shared_path(GROOVE_ZIP), cache)
    (tmp_path / "my_midi").mkdir()
    for seed in range(8):
        (tmp_path / "my_midi" / f"{seed}.mid").write_bytes(groove_bytes(seed))
    short = {"epochs": 1, "batch_size": 4, "calibrate": False}
    recipe = RECIPES["fine_tune"].changed(**short)
    monkeypatch.setitem(RECIPES, "fine_tune", recipe)
    variables: dict = {}
    for block in blocks("python"):
        exec(compile(block, str(README), "exec"), variables)
    assert len(list(tmp_path.glob("*.mid"))) == 5


def calls(page: Path) -> list[ast.Call]:
    """The calls of `MusicVAE` in the Python of a page."""
    nodes = [n for block in blocks("python", page) for n in ast.walk(ast.parse(block))]
    return [
        node
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("MusicVAE")
    ]


@pytest.mark.parametrize("page", DOCUMENTS[1:], ids=lambda page: page.name)
def test_calls_of_the_documents_have_arguments_that_exist(page):
    """Their files do not, so they cannot run."""
    for call in calls(page):
        function = eval(ast.unparse(call.func), {"MusicVAE": keras_musicvae.MusicVAE})
        keywords = {keyword.arg: None for keyword in call.keywords}
        inspect.signature(function).bind(*call.args, **keywords)


def command_lines() -> list[str]:
    found = [block for page in DOCUMENTS for block in blocks("sh", page)]
    lines = [line for block in found for line in block.splitlines()]
    return [line for line in lines if line.startswith("keras-musicvae ")]


@pytest.mark.parametrize("line", command_lines())
def test_command_lines_are_understood(line):
    arguments = shlex.split(line, comments=True)[1:]
    assert build_parser().parse_args(arguments).command == arguments[0]


def test_the_tables_are_those_of_the_files():
    """Every table of figures names the command that makes it."""
    text = README.read_text()
    tables = re.findall(
        r"<!-- results: python (.*?) -->\n(.*?)\n<!-- /results -->", text, re.DOTALL
    )
    assert len(tables) == 2
    for command, table in tables:
        made = subprocess.run(
            [sys.executable, *command.split()],
            cwd=README.parent,
            check=True,
            capture_output=True,
            text=True,
        )
        assert made.stdout.strip() == table


def test_public_names_exist():
    for name in keras_musicvae.__all__:
        assert getattr(keras_musicvae, name) is not None
    with pytest.raises(AttributeError):
        keras_musicvae.nonsense  # noqa: B018
