"""What every picture shares: how figures are made, titled and freed of frames."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#333333"
_PALE_INK = "#666666"
_MAX_TITLE = 60


def new_figure(width: float, height: float) -> "Figure":
    """A figure of this size in inches, with a canvas that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def set_title(
    ax: "Axes",
    text: str,
    *,
    loc: Literal["left", "right"] = "left",
    fontsize: int = 10,
    pad: int = 6,
) -> None:
    """A short line of plain text: names come from strangers' files."""
    line = " ".join(text.split())
    if len(line) > _MAX_TITLE:
        line = line[: _MAX_TITLE - 1] + "…"
    if loc == "right":
        fontsize, colour = 8, _PALE_INK
    else:
        colour = INK
    ax.set_title(
        line, loc=loc, fontsize=fontsize, color=colour, pad=pad, parse_math=False
    )


def strip_frame(ax: "Axes") -> None:
    """Removes the frame; the grid is enough."""
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, labelcolor=INK)
