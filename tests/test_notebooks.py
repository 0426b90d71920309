"""The notebooks of examples/ run from top to bottom, on a small sample."""

import ast
import json
from pathlib import Path
from typing import Any

import keras
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
INSTALL = '%pip install -q "keras-musicvae[jax]"'
SMALL = {"SOURCE": "my_midi", "EPOCHS": 1, "CONDITIONS": ["density", "loudness"]}


def cells(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def run(source: str, variables: dict) -> None:
    """Runs a cell; what its last line gives is shown, as a notebook does."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), variables)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), variables)
        getattr(value, "_repr_html_", value.__repr__)()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, desk, monkeypatch):
    if keras.backend.backend() != "torch":
        pytest.skip("the notebooks run on PyTorch; they have no line of a backend")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    variables: dict = {}
    for cell in cells(path):
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or source == INSTALL:
            continue
        run(source, variables)
        if "parameters" in cell["metadata"].get("tags", ()):
            variables.update({k: v for k, v in SMALL.items() if k in variables})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_a_title_and_no_output(path):
    first, second, *_ = cells(path)
    assert first["source"][0].startswith("# ")
    assert second["source"] == [INSTALL]
    for cell in cells(path):
        assert not cell.get("outputs") and cell.get("execution_count") is None
