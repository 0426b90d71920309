"""Grooves as drum grids: what was struck, how loud, and how far from the grid."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_musicvae.errors import PlotError, shown
from keras_musicvae.grooves.drum_maps import DRUMS
from keras_musicvae.grooves.groove import Groove, check_groove
from keras_musicvae.plots.figures import INK, new_figure, set_title, strip_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Labels of the rows, from the lowest to the highest.
ROWS = tuple(drum.replace("hihat", "hat").replace("_", " ") for drum in DRUMS)

# Light to dark, so that loud reads as dark in any print; ghost notes stay visible.
VELOCITY_COLOURS = ("#f3cf94", "#e8895b", "#c03a76", "#6d1d81", "#1d0f3d")

_BARS_PER_LINE = 4
_MAX_LINES = 32


def plot_groove(
    groove: Groove, ax: "Axes | None" = None, *, colourbar: bool = True
) -> "Axes":
    """Draws a groove as a drum grid.

    One row per drum, from the kick at the bottom to the ride. A thin tick marks the
    grid position of a hit, a disc where it was played: to the left of the tick is
    early. The larger and darker the disc, the louder the hit.

    Args:
        groove: Any groove; one of up to eight bars is legible in one picture.
        ax: Where to draw; None makes a figure (`result.figure`).
        colourbar: Whether to explain the colours beside the grid.

    Returns:
        The axes. In a notebook, show `plot_groove(groove).figure`.

    Example:
        >>> from keras_musicvae import read_midi
        >>> axes = plot_groove(read_midi("beat.mid"))  # doctest: +SKIP
        >>> axes.figure.savefig("beat.pdf")  # doctest: +SKIP
    """
    check_groove(groove)
    if ax is None:
        figure = new_figure(_grid_width(groove.num_steps), 2.9)
        ax = figure.add_subplot()
    _draw_grid(groove, ax)
    set_title(ax, groove.name)
    set_title(ax, _facts(groove), loc="right")
    if colourbar:
        _add_colourbar(ax)
    return ax


def plot_grooves(
    grooves: Sequence[Groove],
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
) -> "list[Axes]":
    """Draws several grooves, one small grid each, such as an interpolation.

    Args:
        grooves: One or more grooves.
        titles: One for each groove; None takes their names.
        columns: How many stand side by side; None chooses by their length.

    Returns:
        The axes, one for each groove, in one figure (`result[0].figure`).

    Raises:
        PlotError: If there is no groove, or the number of titles is another.

    Example:
        >>> axes = plot_grooves(model.sample(6))  # doctest: +SKIP
        >>> save_plot(axes[0].figure, "samples.png")  # doctest: +SKIP
    """
    if not isinstance(grooves, Sequence) or not grooves:
        raise PlotError(
            f"A list of at least one groove is needed. Received: {shown(grooves)}"
        )
    if titles is not None and len(titles) != len(grooves):
        raise PlotError(
            f"Give one title for each groove. Received: {len(titles)} titles for "
            f"{len(grooves)} grooves"
        )
    longest = max(check_groove(groove).num_steps for groove in grooves)
    if columns is None:
        columns = 1 if longest > 64 or len(grooves) == 1 else 2
    if not isinstance(columns, int | np.integer) or columns < 1:
        raise PlotError(
            f"columns must be an integer of 1 or more. Received: {shown(columns)}"
        )
    columns = min(columns, len(grooves))
    lines = -(-len(grooves) // columns)
    width = min(_grid_width(longest) * (0.72 if columns > 1 else 1.0), 24 / columns)
    figure = new_figure(width * columns, 1.75 * lines + 0.3)
    shape = figure.subplots(lines, columns, squeeze=False, sharey=True)
    axes = list(shape.flat)
    for index, ax in enumerate(axes):
        if index >= len(grooves):
            ax.remove()
            continue
        groove = grooves[index]
        _draw_grid(groove, ax, small=True)
        ax.set_xlim(*_limits(longest))
        title = groove.name if titles is None else titles[index]
        set_title(ax, title, fontsize=8, pad=3)
    return axes[: len(grooves)]


def groove_figure(groove: Groove) -> "Figure":
    """A groove as lines of a score: four bars each, at most 32 lines."""
    lines = min(-(-check_groove(groove).num_bars // _BARS_PER_LINE), _MAX_LINES)
    if lines <= 1:
        return plot_groove(groove).figure  # type: ignore[return-value]
    steps = _BARS_PER_LINE * groove.steps_per_bar
    figure = new_figure(_grid_width(steps), 1.95 * lines + 0.4)
    axes = figure.subplots(lines, 1, squeeze=False)[:, 0]
    for index, ax in enumerate(axes):
        start = index * _BARS_PER_LINE
        stop = min(start + _BARS_PER_LINE, groove.num_bars)
        _draw_grid(groove.bars(start, stop), ax, first_bar=start)
        ax.set_xlim(*_limits(steps))  # a shorter last line keeps the scale
    set_title(axes[0], groove.name)
    facts = _facts(groove)
    shown = lines * _BARS_PER_LINE
    if groove.num_bars > shown:
        facts += f", the first {shown} shown"
    set_title(axes[0], facts, loc="right")
    return figure


def _draw_grid(
    groove: Groove, ax: "Axes", *, small: bool = False, first_bar: int = 0
) -> None:
    num_steps, rows = groove.hits.shape
    beat = max(1, groove.steps_per_quarter * 4 // groove.time_signature[1])
    bar = groove.steps_per_bar
    lines = np.arange(num_steps + 1)
    on_bar, on_beat = lines % bar == 0, lines % bar % beat == 0
    ax.vlines(
        lines,
        0,
        1,
        transform=ax.get_xaxis_transform(),
        colors=np.select([on_bar, on_beat], ["#555555", "#b4b4b4"], "#e8e8e8").tolist(),
        linewidths=np.select([on_bar, on_beat], [1.1, 0.7], 0.5),
        zorder=0,
    )
    ax.hlines(range(rows), -1, num_steps, color="#f0f0f0", linewidth=0.7, zorder=-1)

    steps, drums = np.nonzero(groove.hits)
    played = steps - groove.offsets[steps, drums]
    velocities = groove.velocities[steps, drums]
    ax.hlines(drums, steps, played, color="#777777", linewidth=0.9, zorder=2)
    ax.vlines(steps, drums - 0.3, drums + 0.3, color="#777777", linewidth=0.7, zorder=2)
    scale = 0.45 if small else 1.0
    ax.scatter(
        played,
        drums,
        s=scale * (12 + 68 * velocities),
        c=velocities,
        cmap=_colour_map(),
        vmin=0,
        vmax=1,
        edgecolors="#33224466",
        linewidths=0.4,
        zorder=3,
    )
    ax.set_xlim(*_limits(num_steps))
    ax.set_ylim(-0.7, rows - 0.3)
    size = 6 if small else 8
    ax.set_yticks(range(rows), ROWS, fontsize=size, color=INK)
    ticks = range(0, num_steps, bar if small else beat)
    names = [_position(tick, bar, beat, first_bar) for tick in ticks]
    ax.set_xticks(ticks, names, fontsize=size, color=INK)
    strip_frame(ax)


def _limits(num_steps: int) -> tuple[float, float]:
    """From an early hit on the first step to the closing bar line."""
    return -0.75, num_steps + 0.15


def _position(step: int, bar: int, beat: int, first_bar: int) -> str:
    number = step // bar + 1 + first_bar
    return str(number) if step % bar == 0 else f"{number}.{step % bar // beat + 1}"


def _facts(groove: Groove) -> str:
    bars = "1 bar" if groove.num_bars == 1 else f"{groove.num_bars} bars"
    numerator, denominator = groove.time_signature
    return f"{bars} of {numerator}/{denominator} at {groove.tempo:.4g} bpm"


def _grid_width(num_steps: int) -> float:
    """Inches."""
    return float(np.clip(1.6 + 0.14 * num_steps, 4.5, 24))


def _colour_map() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("velocity", VELOCITY_COLOURS)


def _add_colourbar(ax: "Axes") -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    mappable = ScalarMappable(Normalize(0, 127), _colour_map())
    bar = ax.get_figure().colorbar(  # type: ignore[union-attr]
        mappable, ax=ax, fraction=0.012, pad=0.01, aspect=30, ticks=[1, 32, 64, 96, 127]
    )
    bar.set_label("velocity", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=7, length=2, colors=INK)
    bar.outline.set_visible(False)  # type: ignore[operator]
