"""The results table of the README, out of an evaluation's JSON.

Such as that of `keras-musicvae evaluate groove_4bar markov copies`:

    python tools/results_table.py x/evaluation.json
"""

import argparse
import json
from pathlib import Path

from keras_musicvae.evaluation.report import headline_table


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("json", type=Path, help="evaluation.json")
    path = parser.parse_args().json
    print(headline_table(json.loads(path.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
