"""Pictures -> PNG files."""

import os
from typing import TYPE_CHECKING, Any

from keras_musicvae.errors import PlotError, shown
from keras_musicvae.files import replacing
from keras_musicvae.plots.grid import groove_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from keras_musicvae.grooves.groove import Groove

MIN_DPI, MAX_DPI = 10, 2_400


def save_plot(
    drawing: "Groove | Axes | Figure",
    path: str | os.PathLike[str],
    *,
    dpi: float = 150,
) -> None:
    """Writes a picture; the file is complete or not there at all.

    Args:
        drawing: A figure, any of its axes, or a groove, which is drawn as a drum
            grid: four bars to a line, at most 128 bars.
        path: Where to write; an existing file is replaced.
        dpi: Pixels per inch, 10 to 2400; the grid of a 4-bar groove is 10.6 inches
            wide.

    Raises:
        PlotError: If `dpi` is out of range.
        OutputError: If the file cannot be written.

    Example:
        >>> save_plot(read_midi("beat.mid"), "beat.png")  # doctest: +SKIP
    """
    if not isinstance(dpi, int | float) or not MIN_DPI <= dpi <= MAX_DPI:
        raise PlotError(
            f"dpi must be from {MIN_DPI} to {MAX_DPI}. Received: {shown(dpi)}"
        )
    if not hasattr(drawing, "figure"):  # figures have one too: themselves
        drawing = groove_figure(drawing)
    figure: Any = drawing.figure
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi)
