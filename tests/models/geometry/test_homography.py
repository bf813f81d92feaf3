"""Homographies of cameras that are known: pose and back, with noise, and what leaves a pose open."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import GeometryInvalid
from models.geometry.homography import homography_from_points, homography_of_camera, pose_from_homography
from models.geometry.rotation import matrix_of_quaternion

Floats = NDArray[np.float64]
K = np.array([[1200.0, 0.0, 640.0], [0.0, 1200.0, 480.0], [0.0, 0.0, 1.0]])


def cameras(number: int, seed: int = 20) -> tuple[Floats, Floats, Floats]:
    """Any orientation, focal lengths, skew and centre, origins up to 100 units ahead."""
    rng = np.random.default_rng(seed)
    k = np.zeros((number, 3, 3))
    k[:, 0, 0], k[:, 1, 1] = rng.uniform(300, 4000, (2, number))
    k[:, 0, 1] = rng.uniform(-20, 20, number)
    k[:, :2, 2] = rng.uniform(100, 3000, (number, 2))
    k[:, 2, 2] = 1.0
    r = matrix_of_quaternion(rng.normal(size=(number, 4)))
    t = rng.uniform(-50, 50, (number, 3))
    t[:, 2] = rng.uniform(0.5, 100, number)
    return k, r, t


def test_a_thousand_cameras_are_found_again_at_any_scale_and_sign() -> None:
    k, r, t = cameras(1000)
    rng = np.random.default_rng(21)
    scale = np.exp(rng.uniform(-20, 20, 1000)) * rng.choice([-1.0, 1.0], 1000)
    found_r, found_t = pose_from_homography(scale[:, None, None] * homography_of_camera(k, r, t), k)
    assert np.abs(found_r - r).max() < 1e-9
    assert np.abs(found_t - t).max() < 1e-9
    np.testing.assert_allclose(found_r.swapaxes(1, 2) @ found_r, np.broadcast_to(np.eye(3), r.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(found_r), 1.0, atol=1e-12)


def test_one_camera_has_the_shapes_of_one() -> None:
    k, r, t = cameras(1)
    found_r, found_t = pose_from_homography(homography_of_camera(k[0], r[0], t[0]), k[0])
    assert found_r.shape == (3, 3)
    np.testing.assert_allclose(found_t, t[0], atol=1e-9)


def test_one_camera_matrix_serves_many_homographies() -> None:
    _, r, t = cameras(5)
    found_r, found_t = pose_from_homography(homography_of_camera(K, r, t), K)
    np.testing.assert_allclose(found_r, r, atol=1e-9)
    np.testing.assert_allclose(found_t, t, atol=1e-9)


def test_looking_straight_down_from_ten_metres_by_hand() -> None:
    """x east, y north; the image's right is east and its down is south: R = diag(1, -1, -1)."""
    h = np.array([[1200.0, 0.0, 6400.0], [0.0, -1200.0, 4800.0], [0.0, 0.0, 10.0]])
    for sign in (1.0, -1.0):
        r, t = pose_from_homography(sign * h, K)
        np.testing.assert_allclose(r, np.diag([1.0, -1.0, -1.0]), atol=1e-12)
        np.testing.assert_allclose(t, [0.0, 0.0, 10.0], atol=1e-12)


def test_either_sign_gives_the_same_pose_with_the_origin_ahead() -> None:
    k, r, t = cameras(200)
    h = homography_of_camera(k, r, t)
    plus, minus = pose_from_homography(h, k), pose_from_homography(-h, k)
    for one, other in zip(plus, minus, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (plus[1][:, 2] > 0).all()


def test_noisy_homographies_give_proper_rotations_too() -> None:
    k, r, t = cameras(500)
    h = homography_of_camera(k, r, t)
    noisy = h * (1.0 + 0.2 * np.random.default_rng(1).normal(size=h.shape))
    found, _ = pose_from_homography(noisy, k)
    np.testing.assert_allclose(found.swapaxes(1, 2) @ found, np.broadcast_to(np.eye(3), r.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=1e-12)


def errors_under_noise(sigma_px: float, number: int = 60) -> tuple[Floats, Floats]:
    """Angle (degrees) and relative distance off, for points on a board of 4 x 3 seen about 1000 pixels wide."""
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(np.linspace(-2, 2, 7), np.linspace(-1.5, 1.5, 6)), axis=-1).reshape(-1, 2)
    angles, distances = np.empty(number), np.empty(number)
    for i in range(number):
        tilt = np.r_[rng.normal(size=3) * 0.2, 1.0]
        r, t = matrix_of_quaternion(tilt), np.array([*rng.uniform(-0.3, 0.3, 2), rng.uniform(4.5, 6.0)])
        seen = np.c_[grid, np.zeros(len(grid))] @ r.T + t
        pixels = (seen / seen[:, 2:] @ K.T)[:, :2] + rng.normal(size=grid.shape) * sigma_px
        found_r, found_t = pose_from_homography(homography_from_points(grid, pixels), K)
        angles[i] = np.degrees(np.arccos(np.clip((np.trace(found_r.T @ r) - 1) / 2, -1, 1)))
        distances[i] = np.linalg.norm(found_t - t) / np.linalg.norm(t)
    return angles, distances


def test_half_a_pixel_of_noise_moves_a_pose_little_and_in_proportion() -> None:
    angles, distances = errors_under_noise(0.5)
    assert np.median(angles) < 0.2
    assert angles.max() < 1.0
    assert np.median(distances) < 0.002
    assert distances.max() < 0.01
    halved, _ = errors_under_noise(0.25)
    assert np.median(halved) / np.median(angles) == pytest.approx(0.5, abs=0.05)


def test_without_noise_four_points_are_enough() -> None:
    k, r, t = cameras(1)
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    h = homography_of_camera(k[0], r[0], t[0])
    seen = np.c_[square, np.ones(4)] @ h.T
    fitted = homography_from_points(square, seen[:, :2] / seen[:, 2:])
    np.testing.assert_allclose(fitted / fitted[2, 2], h / h[2, 2], rtol=1e-7)


NAN = np.full((3, 3), np.nan)
LINE = np.outer([1.0, 2.0, 3.0], [1.0, 1.0, 0.0]) + np.outer([0, 0, 1.0], [0, 0, 1.0])
BESIDE = homography_of_camera(K, np.eye(3), [5.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("homography", "said"),
    [
        (NAN, "not finite"),
        (np.full((3, 3), np.inf), "not finite"),
        (np.zeros((3, 3)), "all zeros"),
        (LINE, "to a line"),
        (np.diag([0.0, 0.0, 1.0]), "to a line"),
        (BESIDE, "beside the camera"),
        (np.eye(2), "shape"),
        (np.zeros((2, 2, 3, 3)), "shape"),
    ],
)
def test_what_leaves_the_pose_open_is_refused(homography: Floats, said: str) -> None:
    with pytest.raises(GeometryInvalid, match=said):
        pose_from_homography(homography, K)


def test_of_many_the_first_bad_one_is_named() -> None:
    _, r, t = cameras(4)
    h = homography_of_camera(K, r, t)
    h[2] = 0.0
    with pytest.raises(GeometryInvalid, match=r"Row 2: .*all zeros"):
        pose_from_homography(h, K)


def test_a_camera_without_focal_length_is_refused() -> None:
    with pytest.raises(GeometryInvalid, match="focal"):
        pose_from_homography(np.eye(3), np.diag([0.0, 1.0, 1.0]))


@pytest.mark.parametrize(
    "points",
    [np.zeros((4, 2)), np.c_[np.arange(6.0), np.arange(6.0)], np.eye(3)[:, :2], np.full((5, 2), np.nan)],
)
def test_points_that_tell_no_homography_are_refused(points: Floats) -> None:
    with pytest.raises(GeometryInvalid):
        homography_from_points(points, points)
