import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_musicvae.models.latent_paths import (
    blended_among,
    grid_among,
    nearby,
    path_between,
    slerp,
)

LATENTS = arrays(
    np.float32, 6, elements=st.floats(-4, 4, width=32, allow_subnormal=False)
)


def shoemake(a, b, t):
    """The textbook's formula, as Magenta has it."""
    cosine = np.dot(a / np.linalg.norm(a), b / np.linalg.norm(b))
    omega = np.arccos(cosine)
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)


@pytest.mark.parametrize("t", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_slerp_is_shoemakes_between_latents_of_one_length(t):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 256))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    np.testing.assert_allclose(slerp(a, b, t), shoemake(a, b, t), atol=1e-5)


def test_direction_and_length_change_evenly():
    a, b = np.array([1.0, 0.0, 0.0]), np.array([0.0, 3.0, 0.0])
    path = path_between(a, b, 5)
    lengths = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(lengths, [1, 1.5, 2, 2.5, 3], atol=1e-6)
    angles = np.degrees(np.arctan2(path[:, 1], path[:, 0]))
    np.testing.assert_allclose(angles, [0, 22.5, 45, 67.5, 90], atol=1e-4)


@given(a=LATENTS, b=LATENTS, t=st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_every_pair_has_a_path_between_the_lengths(a, b, t):
    z = slerp(a, b, t)
    assert np.isfinite(z).all()
    lengths = sorted([np.linalg.norm(a), np.linalg.norm(b)])
    assert lengths[0] - 1e-4 <= np.linalg.norm(z) <= lengths[1] + 1e-4


@given(a=LATENTS, scale=st.sampled_from([1.0, -1.0, 2.0, -0.5, 0.0, 1 + 1e-7]))
@settings(max_examples=200, deadline=None)
def test_equal_opposite_and_zero_latents(a, scale):
    b = (a * np.float32(scale)).astype(np.float32)
    path = path_between(a, b, 7)
    assert np.isfinite(path).all()
    np.testing.assert_array_equal(path[0], a)
    np.testing.assert_array_equal(path[-1], b)
    # No jump: a half turn in six steps moves at most half the longer length and a bit.
    longest = max(np.linalg.norm(a), np.linalg.norm(b))
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert (steps <= 0.6 * longest + 1e-5).all()


def test_equal_latents_give_themselves():
    a = np.random.default_rng(0).normal(size=16).astype(np.float32)
    np.testing.assert_allclose(path_between(a, a, 4), np.tile(a, (4, 1)), rtol=1e-6)


def test_opposite_latents_keep_their_length_on_the_way():
    a = np.random.default_rng(0).normal(size=64).astype(np.float32)
    path = path_between(a, -a, 9)
    np.testing.assert_allclose(
        np.linalg.norm(path, axis=1), np.linalg.norm(a), rtol=1e-5
    )
    assert abs(path[4] @ a) < 1e-3  # half-way: at right angles


def test_zero_gives_a_straight_path():
    a = np.array([3.0, 4.0], np.float32)
    np.testing.assert_allclose(slerp(np.zeros(2), a, 0.25), a / 4, rtol=1e-6)
    np.testing.assert_allclose(slerp(a, np.zeros(2), 0.25), 3 * a / 4, rtol=1e-6)
    np.testing.assert_array_equal(slerp(np.zeros(2), np.zeros(2), 0.5), [0, 0])


def test_one_dimension():
    np.testing.assert_allclose(slerp([2.0], [-2.0], [0.0, 1.0]), [[2.0], [-2.0]])
    assert np.isfinite(slerp([2.0], [-2.0], 0.5)).all()


def test_a_grid_has_its_corners_in_reading_order():
    corners = np.random.default_rng(5).normal(size=(4, 8)).astype(np.float32)
    grid = grid_among(corners, 3, 5)
    assert grid.shape == (3, 5, 8)
    np.testing.assert_array_equal(grid[0, 0], corners[0])
    np.testing.assert_array_equal(grid[0, -1], corners[1])
    np.testing.assert_array_equal(grid[-1, 0], corners[2])
    np.testing.assert_array_equal(grid[-1, -1], corners[3])
    np.testing.assert_allclose(
        grid[1, 2],
        slerp(
            slerp(corners[0], corners[2], 0.5), slerp(corners[1], corners[3], 0.5), 0.5
        ),
        atol=1e-6,
    )


def test_paths_of_several_windows_at_once():
    a, b = np.random.default_rng(5).normal(size=(2, 3, 8))
    together = path_between(a, b, 4)
    assert together.shape == (4, 3, 8)
    for window in range(3):
        np.testing.assert_allclose(
            together[:, window], path_between(a[window], b[window], 4), atol=1e-6
        )


def test_similarity_is_the_share_of_the_way():
    rng = np.random.default_rng(1)
    z = rng.normal(size=256).astype(np.float32)
    others = rng.normal(size=(4, 256)).astype(np.float32)

    def around(similarity):
        return nearby(z, others, similarity)

    np.testing.assert_array_equal(around(1.0), np.tile(z, (4, 1)))
    np.testing.assert_array_equal(around(0.0), others)
    assert [np.linalg.norm(around(s)) / 32 for s in (0, 0.3, 0.7, 1)] == (
        pytest.approx([1, 1, 1, 1], abs=0.1)
    )
    distances = [np.linalg.norm(around(s)[0] - z) for s in (1, 0.9, 0.6, 0.3, 0)]
    assert distances == sorted(distances)


def test_neighbours_of_noise_are_noise():
    """Mean and covariance stay."""
    z, others = np.random.default_rng(2).normal(size=(2, 40_000, 2))
    around = nearby(z, others, 0.6)
    assert around.mean(axis=0) == pytest.approx(0.0, abs=0.05)
    assert np.cov(around.T) == pytest.approx(np.eye(2), abs=0.05)


def test_blends_are_straight_and_have_the_corners_as_given():
    corners = np.random.default_rng(3).normal(size=(4, 3, 5)).astype(np.float32)
    row = blended_among(corners[:2], 1, 5)
    assert row.shape == (5, 3, 5) and row.dtype == np.float32
    np.testing.assert_array_equal(row[[0, 4]], corners[:2])
    np.testing.assert_allclose(row[1], 0.75 * corners[0] + 0.25 * corners[1], rtol=1e-5)
    grid = blended_among(corners, 3, 5)
    np.testing.assert_array_equal(grid[[0, 4, 10, 14]], corners)
    np.testing.assert_allclose(grid[7], corners.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        grid[5], (corners[0] + corners[2]) / 2, rtol=1e-5, atol=1e-6
    )
