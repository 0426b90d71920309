"""README, site and notebooks: their lines run, their links lead somewhere."""

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from shared_data import GROOVE_ZIP, SHARED

import keras_musicvae
from keras_musicvae.cli.main import build_parser

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CHECKPOINTS = ROOT / "docs" / "magenta_checkpoints.md"
DOCUMENTS = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(language: str, page: Path) -> list[str]:
    pattern = rf"```{language}\n(.*?)```"
    return re.findall(pattern, page.read_text(encoding="utf-8"), flags=re.DOTALL)


def named(pages: list[Path]) -> list:
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages]


def needs_the_dataset(code: str) -> None:
    if "groove_midi." in code and not (SHARED / GROOVE_ZIP).exists():
        pytest.skip(f"reference data absent: {SHARED / GROOVE_ZIP}")


@pytest.mark.parametrize(
    "page", named([p for p in DOCUMENTS if blocks("python", p) and p != CHECKPOINTS])
)
def test_python_of_a_page_runs(page, desk):
    """In the order of the page, as one reader would, in an empty folder."""
    if keras.backend.backend() != "torch" and page != README:
        pytest.skip("the lines of the site run on PyTorch, those of the README on all")
    code = blocks("python", page)
    needs_the_dataset("".join(code))
    variables: dict = {}
    for block in code:
        exec(compile(block, str(page), "exec"), variables)
    if page == README:
        assert len(list(desk.glob("groove*.mid"))) == 5


def test_calls_for_checkpoints_have_arguments_that_exist():
    """The checkpoints do not, so the calls cannot run."""
    for block in blocks("python", CHECKPOINTS):
        for node in ast.walk(ast.parse(block)):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if name.startswith("MusicVAE"):
                call = eval(name, {"MusicVAE": keras_musicvae.MusicVAE})
                keywords = {keyword.arg: None for keyword in node.keywords}
                inspect.signature(call).bind(*node.args, **keywords)


def command_lines() -> list[str]:
    found = [block for page in DOCUMENTS for block in blocks("sh", page)]
    lines = {line: None for block in found for line in block.splitlines()}
    return [line for line in lines if line.startswith("keras-musicvae ")]


@pytest.mark.parametrize("line", command_lines())
def test_command_lines_are_understood(line):
    arguments = shlex.split(line, comments=True)[1:]
    assert build_parser().parse_args(arguments).command == arguments[0]


def generated(page: Path) -> list[tuple[str, str]]:
    """The blocks of a page that a command makes: the command, and the block."""
    pattern = r"<!-- results: python (.*?) -->\n(.*?)\n<!-- /results -->"
    return re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", named([p for p in DOCUMENTS if generated(p)]))
def test_the_tables_are_those_of_the_files(page):
    """Every table of figures names the command that makes it."""
    for command, table in generated(page):
        made = subprocess.run(
            [sys.executable, *shlex.split(command)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        assert made.stdout.strip() == table, "python tools/refresh_tables.py"


def test_public_names_exist():
    for name in keras_musicvae.__all__:
        assert getattr(keras_musicvae, name) is not None
    with pytest.raises(AttributeError):
        keras_musicvae.nonsense  # noqa: B018


# --- Korean -------------------------------------------------------------------


TRANSLATED = [(README, ROOT / "README.ko.md")] + [
    (ROOT / "docs" / page.name, page) for page in (ROOT / "docs" / "ko").glob("*.md")
]


def outline(page: Path) -> list[str]:
    """What two languages share: levels of headings, rows of tables, code."""
    text = page.read_text(encoding="utf-8")
    parts = re.findall(
        r"^(?:(#+) [^\n]*|(```.*?```)|(\|)[^\n]*)$", text, re.MULTILINE | re.DOTALL
    )
    return [level or code or row for level, code, row in parts]


@pytest.mark.parametrize(("english", "korean"), TRANSLATED)
def test_korean_has_the_sections_and_the_code_of_english(english, korean):
    assert outline(korean) == outline(english)
    for page, other in ((english, korean), (korean, english)):
        link = os.path.relpath(other, page.parent).replace(os.sep, "/")
        top = "".join(page.read_text(encoding="utf-8").splitlines(keepends=True)[:4])
        assert f"]({link})" in top
