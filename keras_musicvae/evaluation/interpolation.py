"""Does the latent space lead from one groove to another without jumps.

After Roberts et al. (2018, section 5.2), who follow the Hamming distance along
interpolated latents.
"""

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.arrays import split_grooves


def interpolation_scores(paths: ArrayLike) -> dict[str, float]:
    """The smoothness of decoded interpolations.

    Args:
        paths: (pairs, points, steps, 27), each row the grooves decoded along one path
            between two latents, both ends included, at least three points.

    Returns:
        - `largest_jump`: the largest change between neighbours as a share of all
          changes along the path, mean over the paths; 1 / (points - 1) is perfectly
          even, 1 is one jump.
        - `detour`: hit cells changed along the path over those that differ between
          its ends (sum over sum); 1 is direct.
        - `monotone`: share of steps along a path on which the distance to the start
          does not fall.
        - `changes_per_path`: mean hit cells changed along a path.

        Paths whose grooves never change are left out of `largest_jump`; a figure
        without any path is NaN.

    Raises:
        EvaluationError: Another shape.
    """
    array = np.asarray(paths)
    if array.ndim != 4 or array.shape[1] < 3 or not len(array):
        raise EvaluationError(
            "`paths` must have the shape (pairs, points, steps, 27), at least one pair "
            f"and three points. Received: {array.shape}"
        )
    pairs, points = array.shape[:2]
    hits = split_grooves(array.reshape(pairs * points, *array.shape[2:]), "paths").hits
    hits = hits.reshape(pairs, points, -1)
    changes = (hits[:, 1:] != hits[:, :-1]).sum(axis=2)
    from_start = (hits != hits[:, :1]).sum(axis=2)
    along, direct = changes.sum(axis=1), from_start[:, -1]
    moving = along > 0
    jump = changes[moving].max(axis=1) / along[moving] if moving.any() else np.array([])
    return {
        "largest_jump": float(jump.mean()) if jump.size else float("nan"),
        "detour": float(along.sum() / direct.sum()) if direct.any() else float("nan"),
        "monotone": float((np.diff(from_start, axis=1) >= 0).mean()),
        "changes_per_path": float(along.mean()),
    }
