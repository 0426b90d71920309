"""Arrays in place of a preprocessed folder."""

import numpy as np

from keras_musicvae.grooves.examples import Examples


class ArrayWindows:
    """What training needs of `GrooveWindows`, from arrays (number, steps, 27)."""

    def __init__(self, grooves, num_bars):
        self.grooves = grooves
        self.num_bars = num_bars

    def __len__(self):
        return len(self.grooves)

    def examples(self, rows=slice(None)):
        grooves = self.grooves[rows]
        starts = np.arange(len(self.grooves))[rows].tolist()
        return Examples(grooves, self.num_bars, start_bar=starts)


def grooves_alone(examples, **options):
    """Batches as a model without a task and conditions makes them."""
    return {"grooves": np.asarray(examples.grooves)}
