"""Ways through the latent space: between two latents, among four, around one.

Pure NumPy. Latents of a Gaussian prior in many dimensions lie close to a sphere, which
a straight line leaves: half-way between two of them it is shorter than any latent that
the decoder ever saw. Paths here are arcs (`slerp`).
"""

import numpy as np
import numpy.typing as npt

Latents = npt.NDArray[np.float32]

# Below this sine two directions count as equal or opposite.
_SMALL_SINE = 1e-7


def slerp(start: npt.ArrayLike, end: npt.ArrayLike, t: npt.ArrayLike) -> Latents:
    """Spherical interpolation (Shoemake 1985) that is defined for every two latents.

    The direction turns evenly from one to the other, and the length changes evenly, so
    that the result is never longer than the longer of them. Between latents of one
    length this is Shoemake's formula, which Magenta uses, and which divides by zero for
    equal or opposite ones. Here equal latents give themselves, a path from or to zero
    is straight, and one between opposite latents leads around by one fixed direction
    out of the many that are possible.

    Args:
        start: (..., latent_dim), the result at t = 0.
        end: (..., latent_dim), the result at t = 1.
        t: 0 to 1, of a shape that broadcasts with the leading axes.

    Returns:
        (..., latent_dim) float32.

    Example:
        >>> slerp([2.0, 0.0], [0.0, 2.0], 0.5)
        array([1.4142135, 1.4142135], dtype=float32)
        >>> slerp([1.0, 1.0], [1.0, 1.0], 0.5)
        array([1., 1.], dtype=float32)
    """
    a, b = np.broadcast_arrays(
        np.asarray(start, np.float64), np.asarray(end, np.float64)
    )
    t = np.asarray(t, np.float64)[..., None]
    length_a, length_b = _length(a), _length(b)
    direction_a = a / np.where(length_a > 0, length_a, 1)
    direction_b = b / np.where(length_b > 0, length_b, 1)
    # Zero has no direction: it takes the other one's.
    direction_a = np.where(length_a > 0, direction_a, direction_b)
    direction_b = np.where(length_b > 0, direction_b, direction_a)

    cosine = (direction_a * direction_b).sum(-1, keepdims=True)
    across, sine = _across(direction_a, direction_b, cosine)
    angle = t * np.arctan2(sine, cosine)
    direction = np.cos(angle) * direction_a + np.sin(angle) * across
    length = (1 - t) * length_a + t * length_b
    # The ends themselves, to the last bit.
    path = np.where(t == 0, a, np.where(t == 1, b, length * direction))
    return path.astype(np.float32)


def path_between(start: npt.ArrayLike, end: npt.ArrayLike, number: int) -> Latents:
    """`number` latents from `start` to `end`, both included.

    Args:
        start: (..., latent_dim).
        end: (..., latent_dim).
        number: 1 or more; 1 gives `start`.

    Returns:
        (number, ..., latent_dim) float32.
    """
    shares = np.linspace(0, 1, number)
    leading = np.ndim(start) - 1
    return slerp(start, end, shares.reshape(-1, *[1] * leading))


def grid_among(corners: npt.ArrayLike, rows: int, columns: int) -> Latents:
    """A grid whose corners are four latents: arcs downwards, then across.

    Args:
        corners: (4, ..., latent_dim): top left, top right, bottom left, bottom right.
        rows: 1 or more.
        columns: 1 or more.

    Returns:
        (rows, columns, ..., latent_dim) float32.
    """
    corners = np.asarray(corners)
    left = path_between(corners[0], corners[2], rows)
    right = path_between(corners[1], corners[3], rows)
    return path_between(left, right, columns).swapaxes(0, 1)


def blended_among(corners: npt.NDArray[np.float32], rows: int, columns: int) -> Latents:
    """Straight ways between two arrays, or a grid among four; corners as given.

    Args:
        corners: (2, ...) for one row, (4, ...) as in `grid_among`.
        rows: 1 for two corners.
        columns: 1 or more.

    Returns:
        (rows * columns, ...) float32, row by row.
    """
    return np.tensordot(shares_among(len(corners), rows, columns), corners, axes=1)


def shares_among(corners: int, rows: int, columns: int) -> Latents:
    """How much of each corner is in each point: (rows * columns, corners), sums of 1.

    Example:
        >>> shares_among(2, 1, 3)
        array([[1. , 0. ],
               [0.5, 0.5],
               [0. , 1. ]], dtype=float32)
    """
    across = np.linspace(0, 1, columns, dtype=np.float32)
    row = np.stack([1 - across, across], axis=-1)
    if corners == 2:
        return row
    down = np.linspace(0, 1, rows, dtype=np.float32).reshape(-1, 1, 1)
    grid = np.concatenate([(1 - down) * row, down * row], axis=-1)
    return grid.reshape(rows * columns, 4)


def chosen_among(
    corners: npt.NDArray[np.float32],
    chance: npt.NDArray[np.float32],
    rows: int,
    columns: int,
) -> Latents:
    """Points that take each of their numbers from one of the corners.

    The shares of the corners are those of `shares_among`; a number that a point takes
    from a corner it takes from it on the whole way from there.

    Args:
        corners: (corners, ...).
        chance: (...), uniform in (0, 1): where each number changes over.
        rows: As in `shares_among`.
        columns: As in `shares_among`.

    Returns:
        (rows * columns, ...) float32.
    """
    shares = shares_among(len(corners), rows, columns)
    points = []
    for point in shares:
        passed = [chance >= end for end in np.cumsum(point)[:-1]]
        index = np.sum(passed, axis=0)
        points.append(np.take_along_axis(corners, index[None], axis=0)[0])
    return np.stack(points).astype(np.float32)


def nearby(z: npt.ArrayLike, others: npt.ArrayLike, similarity: float) -> Latents:
    """Noise around `z`: on arcs from `z` to other noise.

    In many dimensions a draw e of N(0, I) is at right angles to `z`, and the arc is
    sin(a) z + cos(a) e with a = similarity * 90 degrees. The mean of a posterior is
    shorter than e, because it is central where the model has nothing to say; so
    `slerp`, which evens out lengths, would make it longer on the way, where this
    shrinks it and fills in what the prior expects.

    Args:
        z: (..., latent_dim).
        others: (number, ..., latent_dim), standard normal.
        similarity: 1 gives `z` itself, 0 `others`, which have nothing to do with it.

    Returns:
        (number, ..., latent_dim) float32.
    """
    z, others = (np.asarray(x, np.float32) for x in (z, others))
    if similarity in (0, 1):  # Exactly, which a cosine is not.
        return np.broadcast_to(z, others.shape).copy() if similarity else others
    angle = similarity * np.pi / 2
    return np.float32(np.sin(angle)) * z + np.float32(np.cos(angle)) * others


def _length(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.linalg.norm(vectors, axis=-1, keepdims=True)


def _across(
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
    cosine: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The unit vector at right angles to `a` on the side of `b`, and the sine."""
    rejection = b - cosine * a
    sine = _length(rejection)
    across = rejection / np.where(sine > 0, sine, 1)
    lost = sine < _SMALL_SINE
    if lost.any():
        # Any direction will do. A random one resembles latents of the prior; it is
        # fixed so that the same grooves always give the same path.
        other = np.random.default_rng(0).standard_normal(a.shape[-1])
        detour = other - (other * a).sum(-1, keepdims=True) * a
        length = _length(detour)
        across = np.where(lost, detour / np.where(length > 0, length, 1), across)
        sine = np.where(lost, 0.0, sine)
    return across, sine
