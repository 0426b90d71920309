"""Tables and pictures from the JSON that the commands left."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report import charts, tables

Records = Mapping[str, dict[str, Any]]


def write_report(folder: Path) -> Path:
    """Writes `report.md` and its pictures beside the JSON of a folder.

    Args:
        folder: Holds the JSON of the commands that were run.

    Returns:
        The path of `report.md`.
    """
    records = read_records(folder)
    pictures = charts.draw(records, folder)
    path = folder / "report.md"
    temporary = path.with_suffix(".new")
    temporary.write_text(tables.report(records, pictures))
    temporary.replace(path)
    return path


def read_records(folder: Path) -> Records:
    """The records by command."""
    paths = sorted(folder.glob("*.json"))
    return {path.stem: json.loads(path.read_text()) for path in paths}
