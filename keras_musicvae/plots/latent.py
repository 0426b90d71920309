"""Latent vectors in the plane: do styles lie apart, do neighbours belong together?"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import PlotError, shown
from keras_musicvae.plots.figures import INK, new_figure, strip_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito, "Color Universal Design" (2008), with a wine red for the yellow that is
# lost on white paper; black is kept for text.
LABEL_COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#882255",
)
_MARKERS = ("o", "s", "^", "D")


def plot_latent(
    z: npt.ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
    max_labels: int = 12,
) -> "Axes":
    """Draws latent vectors in the plane in which they vary most (PCA).

    Args:
        z: (grooves, latent_dim), at least two rows.
        labels: One for each row, such as its style; coloured, with a legend.
        ax: Where to draw; None makes a figure.
        max_labels: The most frequent labels get a colour, the rest are grey "other".

    Returns:
        The axes; they are labelled with the share of the variance that each shows.

    Raises:
        PlotError: If `z` has another shape or is not finite, or the number of labels
            is another.

    Example:
        >>> z_mean, z_stddev = model.encode(grooves)  # doctest: +SKIP
        >>> plot_latent(z_mean, labels=styles)  # doctest: +SKIP
    """
    points, shares = principal_plane(z)
    if labels is not None and len(labels) != len(points):
        raise PlotError(
            f"Give one label for each vector. Received: {len(labels)} labels for "
            f"{len(points)} vectors"
        )
    if ax is None:
        ax = new_figure(7.0 if labels is not None else 5.6, 5.2).add_subplot()
    style: dict[str, Any] = {"s": 16, "alpha": 0.75, "linewidths": 0}
    if labels is None:
        ax.scatter(*points.T, color=LABEL_COLOURS[0], **style)
    else:
        _draw_labels(ax, points, [str(label) for label in labels], max_labels, style)
    ax.set_xlabel(f"first component ({shares[0]:.0%} of the variance)", color=INK)
    ax.set_ylabel(f"second component ({shares[1]:.0%})", color=INK)
    ax.set_aspect("equal", adjustable="datalim")
    ax.grid(color="#ececec", linewidth=0.7)
    ax.set_axisbelow(True)
    strip_frame(ax)
    return ax


def principal_plane(
    z: npt.ArrayLike,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Projects vectors onto their first two principal components.

    Args:
        z: (vectors, dimensions), two of each at least.

    Returns:
        (vectors, 2) coordinates and (2,) shares of the variance. The sign of an axis
        is chosen so that its largest weight is positive: the same on every machine.

    Raises:
        PlotError: If `z` has another shape or is not finite.
    """
    try:
        array = np.asarray(z, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise PlotError(
            f"Latent vectors must be numbers. Received: {shown(z)}"
        ) from None
    if array.ndim != 2 or min(array.shape) < 2:
        raise PlotError(
            "Latent vectors must have shape (grooves, latent_dim), two of each at "
            f"least. Received: shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise PlotError("Latent vectors must be finite. Received: NaN or infinity")
    centred = array - array.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[[0, 1], largest])[:, np.newaxis]
    variance = singular**2
    total = variance.sum()
    shares = variance[:2] / total if total > 0 else np.zeros(2)
    return centred @ axes.T, shares


def _draw_labels(
    ax: "Axes",
    points: npt.NDArray[np.float64],
    labels: list[str],
    max_labels: int,
    style: dict[str, Any],
) -> None:
    names = np.array(labels)
    shown = [name for name, _ in Counter(labels).most_common(max_labels)]
    other = ~np.isin(names, shown)
    # The rest is drawn first, so below, and is the last of the legend.
    rest = ax.scatter(*points[other].T, color="#c8c8c8", **style)
    handles, texts = [], []
    for index, name in enumerate(shown):
        here = names == name
        scatter = ax.scatter(
            *points[here].T,
            color=LABEL_COLOURS[index % len(LABEL_COLOURS)],
            marker=_MARKERS[index // len(LABEL_COLOURS) % len(_MARKERS)],
            **style,
        )
        handles.append(scatter)
        texts.append(f"{name} ({here.sum()})")
    if other.any():
        handles.append(rest)
        texts.append(f"other ({other.sum()})")
    legend = ax.legend(
        handles,
        texts,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        fontsize=8,
        markerscale=1.6,
        borderaxespad=0.0,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
