"""Training on windows: batches, checkpoints that resume, a preset at the end."""

import keras_musicvae.models  # noqa: F401  chooses a backend before Keras is imported
