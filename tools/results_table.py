"""The results table of the README, out of an evaluation's JSON.

Such as that of `keras-musicvae evaluate groove_4bar markov copies`:

    python tools/results_table.py x/evaluation.json
"""

import argparse
import json
from pathlib import Path

from keras_musicvae.evaluation.report import headline_table

ROOT = Path(__file__).resolve().parents[1]
LABELS = ROOT / "keras_musicvae" / "evaluation" / "report.json"

# The rows and columns that the README has room for; the site shows all.
FIGURES = (
    ("told_apart", "all"),
    ("told_apart", "hits"),
    ("copies", "within_0"),
    ("distance", "velocity_kl_midi"),
    ("distance", "timing_kl_49"),
    ("playing", "hits_at_127"),
    ("playing", "density"),
    ("playing", "grooves_with_equal_bars"),
    ("playing", "grooves_with_three_hands"),
)
COLUMNS = ("test", "train drummers", "groove_4bar T=1", "original T=1", "markov")


def short_table(table: str) -> str:
    """Those rows and columns of a Markdown table."""
    head, line, *rows = (text.split("|")[1:-1] for text in table.splitlines())
    columns = [0, *(i for i, name in enumerate(head) if name.strip() in COLUMNS)]
    labels = json.loads(LABELS.read_text(encoding="utf-8"))["headline"]
    shown = {label for label, *figure, _ in labels if tuple(figure) in FIGURES}
    rows = [row for row in rows if row[0].strip() in shown]
    return "\n".join(
        f"|{'|'.join(row[i] for i in columns)}|" for row in (head, line, *rows)
    )


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("json", type=Path, help="evaluation.json")
    path = parser.parse_args().json
    table = headline_table(json.loads(path.read_text(encoding="utf-8")))
    print(short_table(table.split("\n\n")[0]))


if __name__ == "__main__":
    main()
