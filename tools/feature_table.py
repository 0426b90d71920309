"""Writes the table of features into docs/evaluation.md, out of their docstrings.

python tools/feature_table.py
"""

from pathlib import Path

import numpy as np

from keras_musicvae.evaluation.features import measure_features
from keras_musicvae.evaluation.report import feature_table
from keras_musicvae.evaluation.sets import GrooveSet
from keras_musicvae.files import replacing

PAGE = Path(__file__).parents[1] / "docs" / "evaluation.md"
START, END = "<!-- features: python tools/feature_table.py -->", "<!-- /features -->"


def main() -> None:
    """Runs the tool."""
    features, _ = measure_features(GrooveSet("silence", np.zeros((1, 64, 27))))
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    with replacing(PAGE) as path:
        path.write_text(f"{before}{START}\n{feature_table(features)}\n{END}{after}")


if __name__ == "__main__":
    main()
