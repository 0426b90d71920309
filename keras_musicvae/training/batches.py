"""Feeds windows to `fit`, in an order that depends on the seed and the epoch alone."""

from typing import Any

import keras
import numpy as np

from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.training.augmentation import augmented


class WindowBatches(keras.utils.PyDataset):
    """Shuffled batches of windows; a resumed run gets the batches it would have had.

    Incomplete last batches are left out in training, so that a step is compiled once.

    Args:
        windows: What to train on.
        batch_size: Windows per batch.
        seed: Seed of the order.
        epoch: The epoch that comes first, as counted from 0.
        augment: Whether windows are varied, see `augmentation.py`. Defaults to False.
    """

    def __init__(
        self,
        windows: GrooveWindows,
        batch_size: int,
        *,
        seed: int,
        epoch: int = 0,
        augment: bool = False,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.windows = windows
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.augment = augment
        self._shuffle()

    def __len__(self) -> int:
        return len(self.windows) // self.batch_size

    def __getitem__(self, index: int) -> tuple[Any]:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        batch = self.windows[np.sort(rows)]
        if self.augment:
            # Of each batch its own, so that a resumed run draws alike.
            generator = np.random.default_rng([self.seed, self.epoch, index])
            batch = augmented(batch, self.windows.num_bars, generator)
        return (batch,)

    def on_epoch_end(self) -> None:
        """Called by `fit`: the next epoch has an order of its own."""
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        rng = np.random.default_rng([self.seed, self.epoch])
        self.order = rng.permutation(len(self.windows))
