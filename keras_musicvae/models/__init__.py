"""The network: encoder, latent, conductor, decoder; Keras only, no file access.

Whatever needs Keras imports this package first, which chooses an installed backend.
"""

from typing import TYPE_CHECKING

from keras_musicvae.backends.choice import choose_backend

choose_backend()

if TYPE_CHECKING:
    from keras_musicvae.models.music_vae import MusicVAE as MusicVAE

__all__ = ["MusicVAE"]


def __getattr__(name: str) -> object:
    # On first use: modules of this package that need no Keras are imported without.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras_musicvae.models.music_vae import MusicVAE

    return MusicVAE
