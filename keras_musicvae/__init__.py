"""MusicVAE for expressive drum grooves, on TensorFlow, JAX and PyTorch.

The folders follow a groove on its way: `grooves` (MIDI -> groove -> tensor),
`datasets` (the Groove MIDI Dataset, or any folder), `models` (tensor -> encoder ->
z -> conductor -> decoder -> tensor), `presets` (pretrained weights), `cli`.

Public names are loaded on first use, so that importing the package costs
milliseconds and neither Keras nor a backend is touched before it is needed. The first
name that needs Keras chooses an installed backend (`backends/choice.py`).
"""

from importlib import import_module

__version__ = "0.1.0"

# name -> module that defines it; None: the name is a module itself.
_PUBLIC = {
    "Groove": "grooves.groove",
    "GrooveConverter": "grooves.converter",
    "MusicVAE": "models.music_vae",
    "plot_groove": "plots",
    "plot_latent": "plots",
    "read_midi": "grooves.midi",
    "render": "audio",
    "upload_preset": "presets.upload",
    "write_midi": "grooves.midi",
    "datasets": None,
    "errors": None,
    "models": None,
}

# Not typing's: the command starts with this module, and `typing` takes as long to
# import as all that it needs.
TYPE_CHECKING = False

__all__ = ["__version__", *sorted(_PUBLIC)]

if TYPE_CHECKING:
    from keras_musicvae import datasets as datasets
    from keras_musicvae import errors as errors
    from keras_musicvae import models as models
    from keras_musicvae.audio import render as render  # type: ignore[no-redef]
    from keras_musicvae.grooves.converter import GrooveConverter as GrooveConverter
    from keras_musicvae.grooves.groove import Groove as Groove
    from keras_musicvae.grooves.midi import read_midi as read_midi
    from keras_musicvae.grooves.midi import write_midi as write_midi
    from keras_musicvae.models.music_vae import MusicVAE as MusicVAE
    from keras_musicvae.plots import plot_groove as plot_groove
    from keras_musicvae.plots import plot_latent as plot_latent
    from keras_musicvae.presets.upload import upload_preset as upload_preset


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _PUBLIC[name]
    if module is None:
        value: object = import_module(f"{__name__}.{name}")
    else:
        value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
