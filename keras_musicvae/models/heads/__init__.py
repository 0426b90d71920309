"""What the decoder's outputs mean: the loss of a frame, and how one is drawn.

A frame is one step of a groove, `hits | velocities | offsets` of the drums. Heads have
no weights; a new kind of output distribution is a new module here.

Temperature works alike in all heads. Of the uniform noise u that decides a draw, the
logit is multiplied by the temperature T: at T = 1 a draw follows the distribution
exactly, at T = 0 every draw is the middle one, whatever the noise.
"""

from keras_musicvae.models.heads.histogram import HistogramHeads
from keras_musicvae.models.heads.logistic_mixture import LogisticMixtureHeads
from keras_musicvae.models.heads.squared_error import (
    SquaredErrorHeads,
    squared_error_losses,
)

HEADS = {
    heads.name: heads
    for heads in (SquaredErrorHeads, HistogramHeads, LogisticMixtureHeads)
}

__all__ = [
    "HEADS",
    "HistogramHeads",
    "LogisticMixtureHeads",
    "SquaredErrorHeads",
    "squared_error_losses",
]
