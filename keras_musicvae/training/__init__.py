"""Training on windows: recipes, checkpoints that resume, a preset at the end.

from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.training.run import train

preset = train(GrooveWindows.load("data/groove_4bar"), "runs/first", verbose=True)
"""

from keras_musicvae.backends.choice import choose_backend

choose_backend()  # before a module of this package imports Keras
