"""Windows of grooves to train on: the Groove MIDI Dataset, or any folder of MIDI.

    from keras_musicvae.datasets import groove_midi

    train, validation, test = groove_midi.load_data(num_bars=4)

`groove_midi` downloads and loads the dataset, `folder.preprocess` reads any folder or
zip, `windows.GrooveWindows` is what both give. Modules are imported on first use.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["folder", "groove_midi", "windows"]

if TYPE_CHECKING:
    from keras_musicvae.datasets import folder as folder
    from keras_musicvae.datasets import groove_midi as groove_midi
    from keras_musicvae.datasets import windows as windows


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
