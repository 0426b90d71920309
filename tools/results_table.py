"""The results table of the README, out of an evaluation's JSON.

Such as that of `keras-musicvae evaluate groove_4bar markov copies`:

    python tools/results_table.py x/evaluation.json
"""

import argparse
import json
from pathlib import Path

from keras_musicvae.evaluation.report import headline_table

# The rows and columns that the README has room for; the site shows all.
ROWS = (
    "told apart by a classifier, AUC",
    "recall",
    "copies of a training pattern, %",
    "velocity KL, 127 values",
    "timing KL, 49 bins",
    "hits per bar",
)
COLUMNS = ("test", "train drummers", "groove_4bar T=1", "groove_4bar T=0.5", "markov")


def short_table(table: str) -> str:
    """Those rows and columns of a Markdown table."""
    head, line, *rows = (text.split("|")[1:-1] for text in table.splitlines())
    columns = [0, *(i for i, name in enumerate(head) if name.strip() in COLUMNS)]
    rows = [row for row in rows if row[0].strip() in ROWS]
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
