"""Draws the figures of the README into docs/figures/.

    python tools/make_figures.py [--midi FILE --bars START STOP] [--preset NAME]

Without `--midi` the example is bars 57 to 60 of a funk groove of the Groove MIDI
Dataset (CC BY 4.0), looked for in `$KERAS_MUSICVAE_SHARED`, else in `../shared` beside
the checkout. With `--preset` the groove that leaves the model is the reconstruction
by that preset; without, the example itself stands for it.
"""

import argparse
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from keras_musicvae import Groove, GrooveConverter, read_midi
from keras_musicvae.plots import plot_groove, save_plot
from keras_musicvae.plots.grid import VELOCITY_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
SHARED = Path(os.environ.get("KERAS_MUSICVAE_SHARED", ROOT.parent / "shared"))
DATASET = "data/groove-v1.0.0-midionly.zip"
EXAMPLE, EXAMPLE_BARS = "groove/drummer8/session2/12_funk_81_beat_4-4.mid", (56, 60)
EXAMPLE_NAME = "Funk, drummer 8 of the Groove MIDI Dataset"

SIGMA = "\N{GREEK SMALL LETTER SIGMA}"  # ruff takes the letter itself for an o
INK, PALE, LINE = "#22252b", "#6b7280", "#4b5563"
BLUE, GREEN, ORANGE, PURPLE = "#dbeafe", "#d9f2e3", "#fde8cf", "#ece3f8"
EDGE = {BLUE: "#3b6fb6", GREEN: "#2f8f62", ORANGE: "#c7741a", PURPLE: "#7a4fb0"}

# Inches. The time axis of the groove runs through the whole figure.
WIDTH, HEIGHT = 9.4, 7.95
LEFT, RIGHT = 1.72, 7.92
BARS, STEPS = 4, 64


def main() -> None:
    """Draws all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--midi", type=Path, help="another example")
    parser.add_argument("--bars", type=int, nargs=2, help="which bars: START STOP")
    parser.add_argument("--preset", help="reconstructs the example")
    args = parser.parse_args()
    groove = example(args.midi, args.bars)
    FIGURES.mkdir(parents=True, exist_ok=True)
    save_plot(groove, FIGURES / "groove.png")
    matplotlib.rcParams["svg.hashsalt"] = "keras-musicvae"  # equal runs, equal files
    figure = model_figure(groove, reconstruction(groove, args.preset))
    figure.savefig(FIGURES / "model.svg", metadata={"Date": None})
    figure.savefig(FIGURES / "model.png", dpi=180)


def example(midi: Path | None, bars: tuple[int, int] | None) -> Groove:
    """Four bars of 4/4 to draw."""
    if midi is None:
        path = SHARED / DATASET
        if not path.exists():
            raise SystemExit(f"{path} is not there: give a file with --midi")
        with zipfile.ZipFile(path) as archive:
            groove = read_midi(archive.read(EXAMPLE))
        groove = replace(groove, name=EXAMPLE_NAME)
        bars = bars or EXAMPLE_BARS
    else:
        groove = read_midi(midi)
    groove = groove.bars(*(bars or (0, BARS)))
    if (groove.num_bars, groove.time_signature) != (BARS, (4, 4)):
        raise SystemExit(f"the example must have four bars of 4/4, not {groove!r}")
    return groove


def reconstruction(groove: Groove, preset: str | None) -> Groove:
    """What the model makes of the example."""
    if preset is None:
        return groove
    from keras_musicvae import MusicVAE

    return MusicVAE.from_preset(preset).reconstruct(groove, temperature=0)[0]


# --- The way through the model ------------------------------------------------


def model_figure(groove: Groove, decoded: Groove) -> Figure:
    """The way of a groove: MIDI, tensor, encoder, z, conductor, notes, MIDI."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    FigureCanvasAgg(figure)
    figure.patch.set_facecolor("white")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, WIDTH)
    ax.set_ylim(HEIGHT, 0)  # y in inches from the top
    ax.axis("off")

    _grid(figure, groove, top=0.18, height=1.2)
    _stage(ax, 0.66, "Groove", "from a MIDI file")
    _note(ax, 0.60, "64 steps of 9 drums", "hits, velocities,", "timing")
    _flow(ax, 1.5, 1.76)

    _tensor(figure, ax, groove, top=1.78, height=0.78)
    _stage(ax, 2.14, "Tensor", "(64, 27)")
    _note(ax, 2.06, "what the model", "reads and writes")
    _flow(ax, 2.6, 2.86, count=4)

    _encoder(ax, top=2.88)
    _stage(ax, 3.14, "Encoder", "reads all steps")
    _note(ax, 3.08, "bidirectional LSTM,", "512 units each way")

    _latent(ax, top=3.7)
    _stage(ax, 4.02, "Latent", "256 numbers")
    _note(ax, 3.92, f"z = μ + {SIGMA} ε", "kept near N(0, 1):", "β · KL above 48 bits")

    _conductor(ax, top=4.82)
    _stage(ax, 5.06, "Conductor", "plans the bars")
    _note(ax, 4.98, "one embedding per bar;", "notes get no more of z")

    _notes(ax, top=5.66)
    _stage(ax, 5.94, "Note decoder", "plays each bar")
    _note(ax, 5.86, "LSTM, step by step,", "reads its last step")
    _flow(ax, 6.3, 6.56, count=4)

    _grid(figure, decoded, top=6.58, height=1.2)
    _stage(ax, 7.06, "Groove", "to a MIDI file")
    _note(ax, 7.0, "hits, velocities", "and timing again")
    return figure


def _x(step: float) -> float:
    return LEFT + (RIGHT - LEFT) * step / STEPS


def _grid(figure: Figure, groove: Groove, *, top: float, height: float) -> None:
    """The drum grid, aligned with the time axis of the figure."""
    # The grid shows a little more than the steps on both sides.
    left, right = _x(-0.75), _x(STEPS + 0.15)
    axes = _axes(figure, left, top, right - left, height)
    plot_groove(groove, axes, colourbar=False)
    for side in ("left", "right"):
        axes.set_title("", loc=side)
    axes.tick_params(labelsize=6.5, pad=1.5)
    axes.set_xticks([])
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            collection.set_sizes(collection.get_sizes() * 0.42)


def _tensor(
    figure: Figure, ax: "Axes", groove: Groove, *, top: float, height: float
) -> None:
    """The array itself: three blocks of nine rows, one column per step."""
    array = GrooveConverter(num_bars=BARS).to_array(groove)
    third = height / 3
    maps = (
        LinearSegmentedColormap.from_list("hits", ["#f7f7f7", INK]),
        LinearSegmentedColormap.from_list("velocities", ["#f7f7f7", *VELOCITY_COLOURS]),
        LinearSegmentedColormap.from_list("offsets", ["#c1440e", "#f7f7f7", "#1d4e9e"]),
    )
    for block, (name, colours) in enumerate(
        zip(("hits", "velocities", "offsets"), maps, strict=True)
    ):
        y = top + block * third
        axes = _axes(figure, LEFT, y, RIGHT - LEFT, third - 0.02)
        rows = array[:, 9 * block : 9 * block + 9]
        axes.set_xlim(0, STEPS)
        axes.set_ylim(0, 9)
        axes.axis("off")
        axes.add_patch(Rectangle((0, 0), STEPS, 9, fc="#f7f7f7", lw=0))
        # Cells of zeros are left out: the file stays small.
        for step, row in np.argwhere(rows):
            value = rows[step, row]
            shade = colours((value + 1) / 2 if name == "offsets" else value)
            axes.add_patch(Rectangle((step, row), 1, 1, fc=shade, lw=0))
        ax.text(
            LEFT - 0.09,
            y + third / 2,
            name,
            fontsize=6.5,
            color=INK,
            ha="right",
            va="center",
        )
    ax.add_patch(
        Rectangle(
            (LEFT, top), RIGHT - LEFT, height - 0.02, fill=False, ec="#b9bec7", lw=0.7
        )
    )


def _encoder(ax: "Axes", *, top: float) -> None:
    """Two LSTMs over the steps, one in each direction of time."""
    left, right, middle = LEFT + 0.14, RIGHT - 0.14, (LEFT + RIGHT) / 2
    for index, name in enumerate(("forward", "backward")):
        y = top + 0.29 * index
        _box(ax, left, y, right - left, 0.23, BLUE, radius=0.08)
        _label(ax, middle, y + 0.12, f"LSTM {name}", BLUE)
        for x in np.linspace(left + 0.3, right - 0.3, 14):
            if abs(x - middle) > 0.65:
                reach = 0.12 if name == "forward" else -0.12
                ends = (x - reach, y + 0.115), (x + reach, y + 0.115)
                _arrow(ax, *ends, EDGE[BLUE], size=5)


def _latent(ax: "Axes", *, top: float) -> None:
    """Both final states give mean and width of a Gaussian; z is drawn from it."""
    middle = (LEFT + RIGHT) / 2
    mean, width, bus, y = middle - 1.75, middle + 1.75, top - 0.02, top + 0.39
    forward, backward = top - 0.725, top - 0.435
    ax.plot(
        [RIGHT - 0.14, RIGHT, RIGHT, LEFT, LEFT, LEFT + 0.14],
        [forward, forward, bus, bus, backward, backward],
        color=LINE,
        lw=1.0,
        zorder=1,
    )
    for x, name, side in ((mean, "μ", -1), (width, SIGMA, 1)):
        _arrow(ax, (x, bus), (x, y - 0.16), LINE)
        ax.add_patch(Circle((x, y), 0.16, fc=ORANGE, ec=EDGE[ORANGE], lw=1.0, zorder=3))
        ax.text(x, y, name, fontsize=10, ha="center", va="center", color=INK, zorder=4)
        _arrow(ax, (x - side * 0.17, y), (middle + side * 1.17, y), LINE)
    # As many cells as can be distinguished; what they hold is noise, as in training.
    strip, height, cells = 2.3, 0.26, 46
    left, cell = middle - strip / 2, strip / cells
    shades = LinearSegmentedColormap.from_list("z", ["#8a4b08", "#fff4e6", "#f59e0b"])
    for index, value in enumerate(np.random.default_rng(0).normal(size=cells)):
        place = (left + index * cell, y - height / 2)
        shade = shades((value + 2.2) / 4.4)
        ax.add_patch(Rectangle(place, cell, height, fc=shade, lw=0))
    frame = Rectangle(
        (left, y - height / 2), strip, height, fill=False, ec=EDGE[ORANGE], lw=1.0
    )
    ax.add_patch(frame)
    ax.text(
        middle, y - 0.24, "z", fontsize=11, style="italic", ha="center", va="center"
    )


def _conductor(ax: "Axes", *, top: float) -> None:
    middle = (LEFT + RIGHT) / 2
    first = _bar_middle(0)
    _elbow(
        ax,
        [(middle, top - 0.6), (middle, top - 0.36), (first, top - 0.36), (first, top)],
    )
    for bar in range(BARS):
        x = _bar_middle(bar)
        _box(ax, x - 0.42, top, 0.84, 0.32, GREEN)
        _label(ax, x, top + 0.165, f"bar {bar + 1}", GREEN)
        if bar + 1 < BARS:
            _arrow(
                ax,
                (x + 0.43, top + 0.16),
                (_bar_middle(bar + 1) - 0.43, top + 0.16),
                EDGE[GREEN],
            )
        _arrow(ax, (x, top + 0.33), (x, top + 0.79), EDGE[GREEN])


def _notes(ax: "Axes", *, top: float) -> None:
    """The same LSTM in each bar, started anew by the conductor."""
    width = (RIGHT - LEFT) / BARS
    for bar in range(BARS):
        left = LEFT + bar * width
        _box(ax, left + 0.05, top, width - 0.1, 0.58, PURPLE)
        _label(ax, left + width / 2, top + 0.16, "LSTM", PURPLE)
        centres = np.linspace(left + 0.14, left + width - 0.14, 16)
        y = top + 0.38
        ax.plot(centres, [y] * 16, color=EDGE[PURPLE], lw=0.8, zorder=3)
        for x in centres:
            ax.add_patch(
                Circle((x, y), 0.033, fc="white", ec=EDGE[PURPLE], lw=0.9, zorder=4)
            )


def _bar_middle(bar: int) -> float:
    return _x(16 * bar + 8)


def _axes(
    figure: Figure, left: float, top: float, width: float, height: float
) -> "Axes":
    bottom = HEIGHT - top - height
    return figure.add_axes(
        (left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT)
    )


# --- Shapes -------------------------------------------------------------------


def _stage(ax: "Axes", y: float, name: str, detail: str) -> None:
    ax.text(0.08, y, name, fontsize=9.5, weight="bold", color=INK, va="center")
    ax.text(0.08, y + 0.17, detail, fontsize=7.2, color=PALE, va="center")


def _note(ax: "Axes", y: float, *lines: str) -> None:
    for index, line in enumerate(lines):
        ax.text(
            RIGHT + 0.14, y + 0.155 * index, line, fontsize=7.2, color=PALE, va="center"
        )


def _flow(ax: "Axes", start: float, end: float, count: int = 1) -> None:
    """Arrows down, one in the middle or one for each bar."""
    places = (
        [_bar_middle(bar) for bar in range(BARS)] if count > 1 else [(LEFT + RIGHT) / 2]
    )
    for x in places:
        _arrow(ax, (x, start), (x, end), LINE)


def _box(
    ax: "Axes",
    x: float,
    y: float,
    width: float,
    height: float,
    colour: str,
    radius: float = 0.07,
) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (x + radius, y + radius),
            width - 2 * radius,
            height - 2 * radius,
            boxstyle=f"round,pad={radius},rounding_size={radius}",
            fc=colour,
            ec=EDGE[colour],
            lw=1.0,
            zorder=2,
        )
    )


def _label(ax: "Axes", x: float, y: float, text: str, colour: str) -> None:
    ax.text(
        x,
        y,
        text,
        fontsize=7.8,
        weight="bold",
        color=EDGE[colour],
        ha="center",
        va="center",
        zorder=4,
    )


def _arrow(
    ax: "Axes",
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    size: float = 8,
) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=size,
            lw=1.0,
            color=colour,
            shrinkA=0,
            shrinkB=0,
            zorder=3,
        )
    )


def _elbow(ax: "Axes", points: list[tuple[float, float]]) -> None:
    xs, ys = zip(*points[:-1], strict=True)
    ax.plot(xs, ys, color=LINE, lw=1.0, zorder=1, solid_joinstyle="round")
    _arrow(ax, points[-2], points[-1], LINE)


if __name__ == "__main__":
    main()
