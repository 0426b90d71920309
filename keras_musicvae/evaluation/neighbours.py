"""Distances between grooves: does a system copy, does it cover what drummers play."""

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.sets import Scores, split_grooves

BLOCK_ROWS = 2048  # distances held at once: its square, in float32
RADII = (0, 1, 2, 4, 8)  # cells
NEIGHBOURS = 5
_FAR = 1 << 40  # cells; more than any groove has
_CLIP = 4.0  # standard deviations: one odd feature must not make a groove an outlier


def nearest_hit_patterns(
    queries: ArrayLike,
    references: ArrayLike,
    *,
    files: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The reference groove whose hits differ in the fewest cells, for each query.

    Velocities and offsets are left out: a copied pattern is a copy however played.

    Args:
        queries: (n, steps, 27), say samples of a model.
        references: (m, steps, 27), say its training set, m >= 1; may be memory-mapped,
            it is read in blocks.
        files: The files of the queries, (n,), and of the references, (m,): a query
            then looks in other files than its own. None looks everywhere.

    Returns:
        (n,) int64, the number of cells that differ, and (n,) int64, the index of that
        reference (the first of equals).

    Raises:
        EvaluationError: Other shapes, or no reference.

    Example:
        >>> grooves = np.zeros((3, 16, 27))
        >>> grooves[1, 0, 0] = grooves[2, :8, 0] = 1
        >>> nearest_hit_patterns(grooves[1:], grooves[:2])
        (array([0, 7]), array([1, 1]))
    """
    query = _flat_hits(queries, "queries")
    if not len(references := np.asanyarray(references)):
        raise EvaluationError("`references` must hold at least one groove")
    query_sizes = query.sum(axis=1)
    best = np.full(len(query), _FAR)
    index = np.zeros(len(query), np.int64)
    for start in range(0, len(references), BLOCK_ROWS):
        block = _flat_hits(references[start : start + BLOCK_ROWS], "references")
        if block.shape[1] != query.shape[1]:
            raise EvaluationError(
                "`queries` and `references` must have as many steps. Received: "
                f"{np.shape(queries)} and {references.shape}"
            )
        block_sizes = block.sum(axis=1)
        for row in range(0, len(query), BLOCK_ROWS):
            rows = slice(row, row + BLOCK_ROWS)
            # |a xor b| = |a| + |b| - 2 |a and b|; exact in float32 below 2^24 cells.
            common = query[rows] @ block.T
            distance = query_sizes[rows, np.newaxis] + block_sizes - 2.0 * common
            if files is not None:
                theirs = files[1][start : start + BLOCK_ROWS]
                distance[files[0][rows, np.newaxis] == theirs] = np.inf
            nearest = distance.argmin(axis=1)
            least = np.rint(np.minimum(distance.min(axis=1), _FAR)).astype(np.int64)
            better = least < best[rows]
            best[rows] = np.where(better, least, best[rows])
            index[rows] = np.where(better, nearest + start, index[rows])
    return best, index


def copy_figures(
    cells: np.ndarray, hits: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """How near grooves are to the nearest training groove.

    Args:
        cells: (n,), cells that differ, as `nearest_hit_patterns` counts them.
        hits: (n,), hits of each groove.
        weights: (..., n), how often each groove counts.

    Returns:
        name -> (...): `within_R` for each of `RADII`, the share of grooves whose hits
        differ from some training groove's in at most R cells (0: the same pattern);
        `nearest_per_hit`, cells that differ over hits, sum over sum. A system that
        copies has a `nearest_per_hit` well below that of real grooves.
    """
    total = weights.sum(axis=-1)
    struck = weights @ hits
    return {
        **{
            f"within_{radius}": weights @ (cells <= radius).astype(np.float64) / total
            for radius in RADII
        },
        "nearest_per_hit": weights @ cells / np.where(struck > 0, struck, np.nan),
    }


def set_overlap(
    real: np.ndarray,
    system: np.ndarray,
    real_files: np.ndarray,
    system_files: np.ndarray,
    *,
    seed: int = 0,
) -> Scores:
    """Precision and recall of a set of grooves.

    T. Kynkäänniemi et al., "Improved precision and recall metric for assessing
    generative models" (NeurIPS 2019), on the standardised features: each groove is the
    centre of a ball that reaches its fifth neighbour, and a set covers what lies in one
    of its balls. Neighbours are sought in other files, since windows of one file lie
    closer together than drummers do; of both sets equally many grooves are used.

    Args:
        real: (n, features), NaN where a feature has no value.
        system: (m, features), the same for the system's grooves.
        real_files: (n,), the file of each real groove.
        system_files: (m,), the same for the system's.
        seed: Of the choice of grooves from the larger set. Defaults to 0.

    Returns:
        `precision`: share of the system's grooves that real ones cover; `recall`: share
        of the real grooves that the system's cover.
    """
    known = np.isfinite(real)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, real, 0.0).sum(axis=0) / count
    off = np.where(known, real - centre, 0.0)
    spread = np.sqrt(np.square(off).sum(axis=0) / count)
    spread = np.where(spread > 0, spread, 1.0)
    number = min(len(real), len(system))
    sets = []
    for values, files in ((real, real_files), (system, system_files)):
        rows = np.random.default_rng(seed).permutation(len(values))[:number]
        scaled = np.clip((values[rows] - centre) / spread, -_CLIP, _CLIP)
        sets.append((np.nan_to_num(scaled), files[rows]))
    (a, a_files), (b, b_files) = sets
    between = _distances(a, b)
    return {
        "precision": float((between <= _radii(a, a_files)[:, None]).any(0).mean()),
        "recall": float((between <= _radii(b, b_files)).any(axis=1).mean()),
    }


def _radii(points: np.ndarray, files: np.ndarray) -> np.ndarray:
    """The distance of each point to its fifth neighbour in another file."""
    distances = _distances(points, points)
    distances[files[:, np.newaxis] == files] = np.inf
    nearest = np.sort(distances, axis=1)[:, NEIGHBOURS - 1 : NEIGHBOURS]
    return nearest[:, 0] if nearest.size else np.full(len(points), np.inf)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = np.square(a).sum(axis=1)[:, np.newaxis] + np.square(b).sum(axis=1)
    return np.sqrt(np.maximum(squares - 2.0 * a @ b.T, 0.0))


def _flat_hits(grooves: ArrayLike, name: str) -> np.ndarray:
    hits = split_grooves(grooves, name).hits
    return hits.reshape(len(hits), -1).astype(np.float32)
