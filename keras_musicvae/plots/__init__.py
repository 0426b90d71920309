"""Pictures of grooves and of the latent space.

Functions take and return `Axes`, so they fit into anyone's figure; without `ax` they
make a figure of their own, without `pyplot` and its global state, hence without a
display. Colours differ for colour-blind readers and in a black-and-white print.

- `grid.py`: grooves as drum grids
- `latent.py`: latent vectors in the plane
- `figures.py`: what both share: figures, titles, ink
- `files.py`: pictures -> PNG files
"""

from keras_musicvae.plots.files import save_plot as save_plot
from keras_musicvae.plots.grid import plot_groove as plot_groove
from keras_musicvae.plots.grid import plot_grooves as plot_grooves
from keras_musicvae.plots.latent import plot_latent as plot_latent
from keras_musicvae.plots.latent import principal_plane as principal_plane

__all__ = [
    "plot_groove",
    "plot_grooves",
    "plot_latent",
    "principal_plane",
    "save_plot",
]
