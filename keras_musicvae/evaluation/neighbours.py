"""Does a model copy: the distance of a groove to the nearest one it was trained on."""

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.arrays import split_grooves

BLOCK_ROWS = 2048  # distances held at once: its square, in float32


def nearest_hit_patterns(
    queries: ArrayLike, references: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """The reference groove whose hits differ in the fewest cells, for each query.

    Velocities and offsets are left out: a copied pattern is a copy however played.

    Args:
        queries: (n, steps, 27), say samples of a model.
        references: (m, steps, 27), say its training set, m >= 1; may be memory-mapped,
            it is read in blocks.

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
    best = np.full(len(query), np.iinfo(np.int64).max)
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
            nearest = distance.argmin(axis=1)
            least = np.rint(distance.min(axis=1)).astype(np.int64)
            better = least < best[rows]
            best[rows] = np.where(better, least, best[rows])
            index[rows] = np.where(better, nearest + start, index[rows])
    return best, index


def copy_scores(
    system: ArrayLike, real: ArrayLike, training: ArrayLike
) -> dict[str, float]:
    """Are a model's grooves nearer to its training set than unseen real ones are.

    Args:
        system: (n, steps, 27), samples of the model.
        real: (m, steps, 27), real grooves that it was not trained on.
        training: (k, steps, 27), what it was trained on.

    Returns:
        `nearest` and `real_nearest`, mean cells that differ from the nearest training
        pattern; `nearest_per_hit` and `real_nearest_per_hit`, the same as a share of
        the hits (sum over sum); `copied` and `real_copied`, the share whose hits all
        agree with a training pattern. A model that copies has a `nearest_per_hit` well
        below that of real grooves.
    """
    scores: dict[str, float] = {}
    for prefix, grooves in (("", system), ("real_", real)):
        distances, _ = nearest_hit_patterns(grooves, training)
        hits = split_grooves(grooves).hits.sum()
        scores |= {
            f"{prefix}nearest": float(distances.mean()),
            f"{prefix}nearest_per_hit": float(distances.sum() / max(hits, 1)),
            f"{prefix}copied": float((distances == 0).mean()),
        }
    return scores


def _flat_hits(grooves: ArrayLike, name: str) -> np.ndarray:
    hits = split_grooves(grooves, name).hits
    return hits.reshape(len(hits), -1).astype(np.float32)
