"""Train a model on preprocessed windows; ends with a preset folder.

The same as `keras-musicvae train`, through the public functions:

    python examples/02_train.py data/groove_4bar --out runs/first

Interrupt it when you like: the same command goes on after the last whole epoch.
"""

import argparse

from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.training.run import TrainingSettings, train

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("data", help="folder that 01_preprocess.py wrote")
parser.add_argument("--out", required=True, help="folder of the run")
parser.add_argument("--epochs", type=int, default=30)
args = parser.parse_args()

# 1. The windows, memory-mapped; the official splits of the dataset are kept.
windows = GrooveWindows.load(args.data)

# 2. What differs from the defaults of the model. A dropout of 0.3 on the inputs of
#    every LSTM layer keeps 15,694 windows from being learnt by heart.
settings = TrainingSettings(epochs=args.epochs, model={"dropout": 0.3})

# 3. The run: checkpoints, log.csv, best weights by validation loss, the preset.
preset = train(windows, args.out, settings, verbose=1)
print(f"preset: {preset}")
