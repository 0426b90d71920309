"""Train a model on preprocessed windows; ends with a preset folder.

The same as `keras-musicvae train`, through the public functions:

    python examples/02_train.py data/groove_4bar --out runs/first
    python examples/02_train.py data/mine --out runs/mine --from groove_4bar

Interrupt it when you like: the same command goes on after the last whole epoch.
"""

import argparse

from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.training.recipe import RECIPES
from keras_musicvae.training.run import train

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("data", help="folder that 01_preprocess.py wrote")
parser.add_argument("--out", required=True, help="folder of the run")
parser.add_argument("--from", dest="base", help="preset to fine-tune")
parser.add_argument("--epochs", type=int, default=20)
args = parser.parse_args()

# 1. The windows, memory-mapped; the official splits of the dataset are kept.
windows = GrooveWindows.load(args.data)

# 2. The recipe: architecture, objective and run. `changed` takes any of their fields.
recipe = RECIPES["fine_tune" if args.base else "groove"].changed(epochs=args.epochs)

# 3. The run: checkpoints, log.csv, best weights by validation loss, prior, threshold.
preset = train(windows, args.out, recipe, base=args.base, verbose=True)
print(f"preset: {preset}")
