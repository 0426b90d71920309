"""Pictures of an evaluation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_musicvae.evaluation.distributions import (
    OFFSET_RANGE,
    VELOCITY_RANGE,
    GrooveCounts,
    hit_rates,
)
from keras_musicvae.evaluation.evaluate import Evaluation
from keras_musicvae.plots.figures import new_figure
from keras_musicvae.plots.grid import ROWS
from keras_musicvae.plots.latent import LABEL_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_STYLES = 12


def draw_charts(evaluations: Sequence[Evaluation]) -> "dict[str, Figure]":
    """All pictures of some evaluations of the same windows: file name -> figure.

    Args:
        evaluations: One or more.

    Returns:
        `distributions` (timing and velocity of real hits and of samples),
        `hit_rates` (per drum and per step), `reconstruction` (F1 per drum and style).
    """
    return {
        "distributions": draw_distributions(evaluations),
        "hit_rates": draw_hit_rates(evaluations),
        "reconstruction": draw_reconstruction(evaluations),
    }


def draw_distributions(evaluations: Sequence[Evaluation]) -> "Figure":
    """Histograms of timing and velocity over all hits, real ones as an area."""
    figure = new_figure(10.0, 3.6)
    axes = figure.subplots(1, 2)
    for ax, name, span, label in (
        (axes[0], "timing", OFFSET_RANGE, "played late  <  offset, steps  >  early"),
        (axes[1], "velocity", VELOCITY_RANGE, "velocity"),
    ):
        edges = np.linspace(*span, evaluations[0].real.timing.shape[1] + 1)
        if name == "timing":
            edges = edges / 2.0  # the tensor holds twice the offset
        real = _share(evaluations[0].real, name)
        ax.stairs(real, edges, fill=True, color="#d5d5d5", label="real")
        for one, colour in zip(evaluations, _colours(), strict=False):
            shares = _share(one.samples, name)
            ax.stairs(shares, edges, color=colour, linewidth=1.4, label=one.name)
        ax.set_xlabel(label)
        ax.set_ylabel("share of the hits")
        _clean(ax)
    axes[0].legend(frameon=False, fontsize=8)
    figure.suptitle("Samples of the prior: timing and velocity", fontsize=10)
    return figure


def draw_hit_rates(evaluations: Sequence[Evaluation]) -> "Figure":
    """Hits per bar of each drum, and hits of each step, real and sampled."""
    figure = new_figure(10.0, 6.0)
    axes = figure.subplots(2, 1)
    steps_per_bar = len(evaluations[0].real.hits[0]) // int(
        evaluations[0].about["data"]["num_bars"]
    )
    series: list[tuple[str, str, GrooveCounts]] = [
        ("real", "#b9b9b9", evaluations[0].real),
        *(
            (one.name, colour, one.samples)
            for one, colour in zip(evaluations, _colours(), strict=False)
        ),
    ]
    width = 0.8 / len(series)
    for i, (name, colour, counts) in enumerate(series):
        rates = hit_rates(counts)
        place = np.arange(rates.shape[1]) + (i - (len(series) - 1) / 2) * width
        per_bar = rates.mean(axis=0) * steps_per_bar
        axes[0].bar(place, per_bar, width, color=colour, label=name)
        steps = np.arange(len(rates))
        if i == 0:
            axes[1].bar(steps, rates.sum(axis=1), 1.0, color="#d5d5d5")
        else:
            axes[1].plot(steps, rates.sum(axis=1), color=colour, linewidth=1.2)
    axes[0].set_xticks(range(len(ROWS)), ROWS, fontsize=8)
    axes[0].set_ylabel("hits per bar")
    axes[0].legend(frameon=False, fontsize=8)
    bars = np.arange(0, len(rates), steps_per_bar)
    names = [str(bar + 1) for bar in range(len(bars))]
    axes[1].set_xticks(bars, names, fontsize=8)
    axes[1].set_xlabel("bar")
    axes[1].set_ylabel("hits per step")
    axes[1].set_xlim(-0.6, len(rates) - 0.4)
    for ax in axes:
        _clean(ax)
    figure.suptitle("Samples of the prior: where the hits are", fontsize=10)
    return figure


def draw_reconstruction(evaluations: Sequence[Evaluation]) -> "Figure":
    """F1 of the free-running reconstruction, per drum and per style."""
    figure = new_figure(10.0, 6.0)
    axes = figure.subplots(2, 1)
    styles = list(evaluations[0].styles)[:_MAX_STYLES]
    sizes = [int(evaluations[0].styles[style]["windows"]) for style in styles]
    labels = [f"{style}\n({size})" for style, size in zip(styles, sizes, strict=True)]
    width = 0.8 / len(evaluations)
    for i, (one, colour) in enumerate(zip(evaluations, _colours(), strict=False)):
        shift = (i - (len(evaluations) - 1) / 2) * width
        drums = [scores["f1"] for scores in one.drums.values()]
        axes[0].bar(np.arange(len(drums)) + shift, drums, width, color=colour)
        values = [one.styles[style]["f1"] for style in styles]
        place = np.arange(len(styles)) + shift
        axes[1].bar(place, values, width, color=colour, label=one.name)
    axes[0].set_xticks(range(len(ROWS)), ROWS, fontsize=8)
    axes[1].set_xticks(range(len(styles)), labels, fontsize=7)
    for ax in axes:
        ax.set_ylim(0.0, 1.0)
        ax.set_ylabel("hit F1")
        _clean(ax)
    handles, names = axes[1].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside upper right", frameon=False, fontsize=8, ncols=4
    )
    figure.suptitle(
        "Free-running reconstruction, per drum and style (windows)", fontsize=10, x=0.3
    )
    return figure


def _share(counts: GrooveCounts, name: str) -> np.ndarray:
    histogram = getattr(counts, name).sum(axis=0)
    return histogram / max(histogram.sum(), 1.0)


def _colours() -> list[str]:
    return [*LABEL_COLOURS] * 8


def _clean(ax: "Axes") -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)
    ax.grid(axis="y", color="#ececec", linewidth=0.7)
    ax.set_axisbelow(True)
