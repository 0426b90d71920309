"""Feeds windows to `fit`, in an order that depends on the seed and the epoch alone.

Where several processes train one model, each makes the whole batch, so that it is that
of a single one, and gives `fit` its part.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from keras_musicvae.backends import distributed
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.training.augmentation import augmented
from keras_musicvae.training.fills import FillSplicer


class WindowBatches(keras.utils.PyDataset):
    """Shuffled batches of windows; a resumed run gets the batches it would have had.

    Incomplete last batches are left out in training, so that a step is compiled once.

    Args:
        windows: What to train on.
        to_batch: Makes a batch of examples, such as `model.to_batch`.
        batch_size: Windows per batch.
        seed: Seed of the order.
        epoch: The epoch that comes first, as counted from 0.
        augment: Whether windows are varied, see `augmentation.py`. Defaults to False.
        fills: Puts fills at the end of some windows. Defaults to None.
    """

    def __init__(
        self,
        windows: GrooveWindows,
        to_batch: Callable[..., dict[str, Any]],
        batch_size: int,
        *,
        seed: int,
        epoch: int = 0,
        augment: bool = False,
        fills: FillSplicer | None = None,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.windows = windows
        self.to_batch = to_batch
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.augment = augment
        self.fills = fills
        self._shuffle()

    def __len__(self) -> int:
        return len(self.windows) // self.batch_size

    def __getitem__(self, index: int) -> tuple[Any]:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        rows = np.sort(rows)
        examples = self.windows.examples(rows)
        # Of each batch its own, so that a resumed run draws alike.
        generator = np.random.default_rng([self.seed, self.epoch, index])
        if self.fills is not None:
            examples = self.fills(examples, rows, generator)
        if self.augment:
            examples = augmented(examples, generator)
        batch = self.to_batch(examples, generator=generator, leave_open=True)
        part = distributed.share(self.batch_size, training=True)
        return ({name: array[part] for name, array in batch.items()},)

    def on_epoch_end(self) -> None:
        """Called by `fit`: the next epoch has an order of its own."""
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        rng = np.random.default_rng([self.seed, self.epoch])
        self.order = rng.permutation(len(self.windows))


class WholeBatches(keras.utils.PyDataset):
    """Batches of all examples in their order; the last one takes what is left over.

    So no batch has fewer examples than devices may share one.

    Args:
        batch: All examples, as `model.to_batch` makes it.
        batch_size: Examples of a batch, the last one excepted.
    """

    def __init__(self, batch: Mapping[str, Any], batch_size: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.batch = batch
        self.batch_size = batch_size
        self.number = len(next(iter(batch.values())))

    def __len__(self) -> int:
        return max(self.number // self.batch_size, 1)

    def __getitem__(self, index: int) -> tuple[Any]:
        first = index * self.batch_size
        last = self.number if index + 1 == len(self) else first + self.batch_size
        part = distributed.share(last - first, training=False)
        return ({name: array[first:last][part] for name, array in self.batch.items()},)
