"""Pictures of an evaluation: what differs most, how bars resemble each other."""

from typing import TYPE_CHECKING

import numpy as np

from keras_musicvae.evaluation.evaluate import Column, Evaluation
from keras_musicvae.evaluation.report import SHOWN_FEATURES
from keras_musicvae.plots.figures import new_figure, set_title
from keras_musicvae.plots.latent import LABEL_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_REAL = "#d0d0d0"
_BINS = 24
_MAX_SYSTEMS = 8


def draw_charts(evaluation: Evaluation) -> "dict[str, Figure]":
    """All pictures of an evaluation: file name -> figure.

    Returns:
        `differences` (the features by which a classifier recognises a system),
        `distributions`
        (velocity and timing of all hits), `bars` (how alike every two bars are).
    """
    return {
        "differences": draw_differences(evaluation),
        "distributions": draw_distributions(evaluation),
        "bars": draw_bars(evaluation),
    }


def draw_differences(evaluation: Evaluation) -> "Figure":
    """For each system, histograms of the features that give it away the most.

    Real grooves are the grey area, the system's the line.
    """
    columns = list(evaluation.columns)[:_MAX_SYSTEMS]
    figure = new_figure(2.2 * SHOWN_FEATURES, 1.9 * len(columns))
    grid = figure.subplots(len(columns), SHOWN_FEATURES, squeeze=False)
    for row, column, colour in zip(grid, columns, _colours(), strict=False):
        names = list(column.importance)[:SHOWN_FEATURES]
        for ax, name in zip(row, names, strict=False):
            real, system = (
                _feature(one, name) for one in (evaluation.reference, column)
            )
            edges = _edges(real, system)
            for values, fill in ((real, True), (system, False)):
                counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
                shares = counts / max(len(values), 1)
                shade = _REAL if fill else colour
                ax.stairs(shares, edges, fill=fill, color=shade, linewidth=1.4)
            set_title(ax, name.replace("_", " "), fontsize=8)
            _clean(ax)
            ax.set_yticks([])
        row[0].set_ylabel(column.name, fontsize=8, parse_math=False)
    figure.suptitle(
        f"What gives systems away: {evaluation.reference.name} (grey) and system",
        fontsize=10,
    )
    return figure


def draw_distributions(evaluation: Evaluation) -> "Figure":
    """Velocities at MIDI's resolution and timing in 49 bins, over all hits."""
    figure = new_figure(11.0, 4.0)
    axes = figure.subplots(1, 2)
    for ax, name, edges, label in (
        (axes[0], "velocity_kl_midi", np.arange(0.5, 128), "velocity, MIDI"),
        (
            axes[1],
            "timing_kl_49",
            np.linspace(-0.5, 0.5, 50),
            "late  <  steps  >  early",
        ),
    ):
        ax.stairs(_shares(evaluation.reference, name), edges, fill=True, color=_REAL)
        systems = list(evaluation.columns)[:_MAX_SYSTEMS]
        for column, colour in zip(systems, _colours(), strict=False):
            shares = _shares(column, name)
            ax.stairs(shares, edges, color=colour, linewidth=1.0, label=column.name)
        ax.set_xlabel(label, fontsize=8)
        ax.set_ylabel("share of the hits", fontsize=8)
        _clean(ax)
    axes[0].set_yscale("log")
    axes[1].legend(frameon=False, fontsize=7)
    return figure


def draw_bars(evaluation: Evaluation) -> "Figure":
    """The mean bar similarity matrix of the reference and of each system."""
    columns = [evaluation.reference, *evaluation.columns][: _MAX_SYSTEMS + 1]
    figure = new_figure(1.8 * len(columns), 2.2)
    for ax, column in zip(
        figure.subplots(1, len(columns), squeeze=False)[0], columns, strict=True
    ):
        matrix = column.counts.similarity.mean(axis=0)
        ax.imshow(matrix, vmin=0.3, vmax=1.0, cmap="viridis")
        if len(matrix) <= 8:
            for a, b in np.ndindex(matrix.shape):
                ax.text(
                    b, a, f"{matrix[a, b]:.2f}", ha="center", va="center",
                    fontsize=6, color="white" if matrix[a, b] < 0.75 else "black",
                )  # fmt: skip
        ax.set_xticks(range(len(matrix)), range(1, len(matrix) + 1), fontsize=7)
        ax.set_yticks(range(len(matrix)), range(1, len(matrix) + 1), fontsize=7)
        set_title(ax, column.name, fontsize=8)
    figure.suptitle("How alike two bars are (Jaccard index of the hits)", fontsize=10)
    return figure


def _feature(column: Column, name: str) -> np.ndarray:
    counts = column.counts
    index = [feature.name for feature in counts.features].index(name)
    values = counts.values[:, index]
    return values[np.isfinite(values)]


def _edges(*sets: np.ndarray) -> np.ndarray:
    """Bins between the 1st and the 99th percentile of both sets."""
    known = np.concatenate([*sets, [0.0]] if not any(map(len, sets)) else sets)
    low, high = np.quantile(known, [0.01, 0.99])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1)


def _shares(column: Column, name: str) -> np.ndarray:
    histogram = column.counts.histograms[name].sum(axis=0)
    return histogram / max(histogram.sum(), 1.0)


def _colours() -> list[str]:
    return [*LABEL_COLOURS] * 2


def _clean(ax: "Axes") -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=7)
