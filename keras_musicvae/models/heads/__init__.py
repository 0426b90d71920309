"""What the decoder's outputs mean: the loss of a frame, and how one is drawn.

A frame is one step of a groove, `hits | velocities | offsets` of the drums. A new kind
of output distribution is a new module here and a line in `HEADS`; heads with weights
are layers.

Temperature works alike in all heads. Of the uniform noise u that decides a draw, the
logit is multiplied by the temperature T: at T = 1 a draw follows the distribution
exactly, at T = 0 every draw is the middle one, whatever the noise.
"""

from importlib import import_module
from typing import Any

# name, which is the module's -> class. Modules import Keras, so they are imported late.
HEADS = {
    "squared_error": "SquaredErrorHeads",
    "histogram": "HistogramHeads",
    "logistic_mixture": "LogisticMixtureHeads",
    "chained": "ChainedHeads",
}


def make_heads(name: str, **settings: float) -> Any:
    """The heads of a name in `HEADS`; `settings` are fields of `draws.Draws`."""
    module = import_module(f"{__name__}.{name}")
    draws = import_module(f"{__name__}.draws").Draws(**settings)
    return getattr(module, HEADS[name])(draws)
