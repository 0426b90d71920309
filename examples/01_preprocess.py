"""Turn MIDI files into windows to train on.

The same as `keras-musicvae preprocess`, through the public functions:

    python examples/01_preprocess.py --out data/groove_4bar          # downloads
    python examples/01_preprocess.py my_midi_folder --out data/mine
"""

import argparse

from keras_musicvae.datasets import groove_midi
from keras_musicvae.datasets.folder import WindowConfig, preprocess
from keras_musicvae.datasets.summary import summary
from keras_musicvae.grooves.converter import GrooveConverter

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("source", nargs="?", help="folder or zip; default: download")
parser.add_argument("--out", required=True, help="folder to write")
parser.add_argument("--bars", type=int, default=4, help="bars of a window")
args = parser.parse_args()

# 1. The Groove MIDI Dataset (verified, cached under KERAS_HOME), or your own files.
source = args.source or groove_midi.download()

# 2. Every file becomes rows of 27 values per 16th note (9 hits, 9 velocities, 9
#    offsets), and every bar of it the beginning of a window.
config = WindowConfig(converter=GrooveConverter(num_bars=args.bars), hop_bars=1)
windows = preprocess(source, args.out, config, verbose=True)
print("\n".join(summary(windows.info)))

# 3. What a training loop gets: arrays, gathered from the disk as they are needed.
train = windows.split("train")
batch = train[:8]
print(f"\n{train}\nbatch: {batch.shape} {batch.dtype}")
print(f"window 0: {train.styles[train.style[0]]}, {train.groove(0)}")
