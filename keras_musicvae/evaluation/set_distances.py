"""Intra- and inter-set distances of generated music (Yang & Lerch, 2020).

L.-C. Yang and A. Lerch, "On the evaluation of generative models in music", Neural
Computing and Applications 32 (2020). For one feature, all distances between two
grooves of the real set (intra), of the system's set (intra), and between the sets
(inter) are each smoothed to a density. Where the inter-set density resembles the
intra-set density of the real set, the system's grooves could be real ones: the KL
divergence is near 0 and the overlapped area near 1.

The densities are Gaussian kernel estimates with Scott's bandwidth, as in the authors'
toolbox. Here all are evaluated on one grid (the toolbox evaluates each on its own
range, so its KL compares different points), and from histograms of 2,048 bins, so
that memory stays bounded for sets of any size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError

GRID_POINTS = 2048
BLOCK_PAIRS = 4_000_000  # distances held at once
KERNEL_REACH = 4.0  # bandwidths; beyond lies 6e-5 of a Gaussian
SMALLEST_DENSITY = 1e-12  # keeps the logarithm finite where a density vanishes


@dataclass(frozen=True)
class SetDistances:
    """The densities of one feature's distances, on one grid.

    Attributes:
        grid: (points,) distances, units of the feature.
        real: (points,) density of the distances within the real set.
        system: (points,) density of the distances within the system's set.
        inter: (points,) density of the distances from one set to the other.
    """

    grid: np.ndarray
    real: np.ndarray
    system: np.ndarray
    inter: np.ndarray

    def scores(self) -> dict[str, float]:
        """The paper's figures.

        Returns:
            `kl` = KL(real || inter) in nats and `overlap`, the overlapped area of both
            (0 to 1); `system_kl` and `system_overlap`, the same with the system's
            intra-set density in the place of the inter-set one, which shows a set that
            is too uniform or too diverse; `real_intra`, `system_intra` and `inter`,
            the mean distances.
        """
        width = self.grid[1] - self.grid[0]
        means = {
            name: float(np.sum(self.grid * density) * width)
            for name, density in (
                ("real_intra", self.real),
                ("system_intra", self.system),
                ("inter", self.inter),
            )
        }
        return {
            "kl": _kl(self.real, self.inter, width),
            "overlap": _overlap(self.real, self.inter, width),
            "system_kl": _kl(self.real, self.system, width),
            "system_overlap": _overlap(self.real, self.system, width),
            **means,
        }


def set_distances(real: ArrayLike, system: ArrayLike) -> SetDistances:
    """Densities of the distances within and between two sets, for one feature.

    Args:
        real: (n,) the feature of each real groove, n >= 2.
        system: (m,) the feature of each groove of the system, m >= 2.

    Raises:
        EvaluationError: Fewer than two grooves in a set, or values not finite.

    Example:
        >>> same = np.linspace(0.0, 1.0, 200)
        >>> round(set_distances(same, same + 5.0).scores()["overlap"], 2)
        0.0
    """
    a, b = _check_feature(real, "real"), _check_feature(system, "system")
    largest = float(max(a.max(), b.max()) - min(a.min(), b.min()))
    # A feature that never varies still has a grid: everything lies in its first bin.
    bin_width = (largest or 1.0) / GRID_POINTS
    histograms = [
        _distance_histogram(a, a, bin_width),
        _distance_histogram(b, b, bin_width),
        _distance_histogram(a, b, bin_width),
    ]
    bandwidths = [_scott_bandwidth(histogram, bin_width) for histogram in histograms]
    # A kernel reaches past the data on both sides; the grid holds all of it.
    margin = 1 + int(np.ceil(KERNEL_REACH * max(bandwidths) / bin_width))
    grid = (np.arange(-margin, GRID_POINTS + margin) + 0.5) * bin_width
    densities = [
        _smooth(np.pad(histogram, margin), bandwidth, bin_width)
        for histogram, bandwidth in zip(histograms, bandwidths, strict=True)
    ]
    return SetDistances(grid, *densities)


def _distance_histogram(a: np.ndarray, b: np.ndarray, bin_width: float) -> np.ndarray:
    """Counts |a_i - b_j|, i != j if both are the same set, in blocks of rows."""
    counts = np.zeros(GRID_POINTS, np.int64)
    rows = max(1, BLOCK_PAIRS // len(b))
    for start in range(0, len(a), rows):
        distances = np.abs(a[start : start + rows, np.newaxis] - b)
        bins = np.minimum((distances / bin_width).astype(np.int64), GRID_POINTS - 1)
        counts += np.bincount(bins.ravel(), minlength=GRID_POINTS)
    if a is b:
        counts[0] -= len(a)  # no groove is compared with itself
    return counts


def _scott_bandwidth(histogram: np.ndarray, bin_width: float) -> float:
    centres = (np.arange(len(histogram)) + 0.5) * bin_width
    total = histogram.sum()
    mean = (centres * histogram).sum() / total
    variance = (np.square(centres - mean) * histogram).sum() / total
    # Half a bin at least: a set that never varies is a peak, not a division by 0.
    return max(float(np.sqrt(variance)) * total ** (-1 / 5), 0.5 * bin_width)


def _smooth(histogram: np.ndarray, bandwidth: float, bin_width: float) -> np.ndarray:
    reach = int(np.ceil(KERNEL_REACH * bandwidth / bin_width))
    x = np.arange(-reach, reach + 1) * bin_width / bandwidth
    kernel = np.exp(-0.5 * np.square(x))
    density = np.convolve(histogram, kernel / kernel.sum(), mode="same")
    return density / (density.sum() * bin_width)


def _kl(p: np.ndarray, q: np.ndarray, width: float) -> float:
    p, q = np.maximum(p, SMALLEST_DENSITY), np.maximum(q, SMALLEST_DENSITY)
    return float(np.sum(p * np.log(p / q)) * width)


def _overlap(p: np.ndarray, q: np.ndarray, width: float) -> float:
    return float(np.minimum(p, q).sum() * width)


def _check_feature(values: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or len(array) < 2 or not np.isfinite(array).all():
        raise EvaluationError(
            f"`{name}` must be one finite value per groove, two grooves at least. "
            f"Received: shape {array.shape}"
        )
    return array
