"""Angles whose meaning can be said in words, round trips, and the photo's own geometry as the judge of the signs."""

from __future__ import annotations

import numpy as np
import pytest

from models.camera import Camera
from models.canvas import _pinhole
from models.errors import GeometryInvalid
from models.geometry.rotation import (
    BODY_FROM_CAMERA,
    heading_of_yaw,
    matrix_of_quaternion,
    matrix_of_ypr,
    quaternion_of_matrix,
    wrap_angle,
    yaw_of_heading,
    ypr_of_matrix,
)

EAST, NORTH, UP = np.eye(3)
FORWARD, LEFT, TOP = np.eye(3)
C10, S10 = np.cos(np.radians(10)), np.sin(np.radians(10))


@pytest.mark.parametrize(("heading", "yaw"), [(0, 90), (90, 0), (180, -90), (270, 180), (45, 45), (359, 91)])
def test_yaw_counts_from_east_to_north(heading: float, yaw: float) -> None:
    assert yaw_of_heading(heading) == yaw
    assert heading_of_yaw(yaw) == heading


@pytest.mark.parametrize(("angle", "wrapped"), [(180, 180), (-180, 180), (181, -179), (540, 180), (0, 0)])
def test_angles_wrap_into_one_turn(angle: float, wrapped: float) -> None:
    assert wrap_angle(angle) == wrapped


def test_unturned_the_body_looks_east_and_stands_upright() -> None:
    np.testing.assert_array_equal(matrix_of_ypr(0, 0, 0), np.eye(3))


def test_facing_north() -> None:
    r = matrix_of_ypr(90, 0, 0)
    np.testing.assert_allclose(r @ FORWARD, NORTH, atol=1e-15)
    np.testing.assert_allclose(r @ LEFT, -EAST, atol=1e-15)
    np.testing.assert_allclose(r @ TOP, UP, atol=1e-15)


def test_facing_north_and_up_by_ten_degrees_is_a_pitch_of_minus_ten() -> None:
    r = matrix_of_ypr(90, -10, 0)
    np.testing.assert_allclose(r @ FORWARD, C10 * NORTH + S10 * UP, atol=1e-15)
    np.testing.assert_allclose(r @ LEFT, -EAST, atol=1e-15)


def test_facing_north_and_rolled_clockwise_the_left_side_goes_up() -> None:
    r = matrix_of_ypr(90, 0, 10)
    np.testing.assert_allclose(r @ FORWARD, NORTH, atol=1e-15)
    np.testing.assert_allclose(r @ LEFT, -C10 * EAST + S10 * UP, atol=1e-15)


def test_the_order_is_about_turned_axes() -> None:
    about_z, about_y, about_x = matrix_of_ypr(30, 0, 0), matrix_of_ypr(0, 20, 0), matrix_of_ypr(0, 0, 10)
    np.testing.assert_allclose(matrix_of_ypr(30, 20, 10), about_z @ about_y @ about_x, atol=1e-15)


def test_a_photo_sees_what_the_rotation_says() -> None:
    """The canvas projects photos by pitch and roll in a code of its own; both name the same pixel for a direction."""
    camera = Camera(fov_deg=70.0, heading_deg=0.0, pitch_deg=12.0, roll_deg=-25.0)
    azimuth, elevation = np.array([-20.0, 0.0, 7.0, 25.0]), np.array([-6.0, 0.0, 15.0])
    columns, rows = _pinhole(azimuth, elevation, camera, 800, 600)
    heading = 130.0
    a, e = np.radians(heading + azimuth)[None, :], np.radians(elevation)[:, None]
    enu = np.stack(np.broadcast_arrays(np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)), axis=-1)
    body = matrix_of_ypr(yaw_of_heading(heading), -camera.pitch_deg, camera.roll_deg)
    right, down, ahead = np.moveaxis(enu @ body @ BODY_FROM_CAMERA, -1, 0)
    focal = 400 / np.tan(np.radians(35.0))
    np.testing.assert_allclose(focal * right / ahead + 400, columns, atol=1e-9)
    np.testing.assert_allclose(focal * down / ahead + 300, rows, atol=1e-9)


def test_angles_come_back() -> None:
    rng = np.random.default_rng(0)
    yaw, roll = rng.uniform(-180, 180, (2, 1000))
    pitch = rng.uniform(-89.9, 89.9, 1000)
    for given, found in zip((yaw, pitch, roll), ypr_of_matrix(matrix_of_ypr(yaw, pitch, roll)), strict=True):
        np.testing.assert_allclose(found, given, atol=1e-9)


@pytest.mark.parametrize("pitch", [90.0, -90.0])
def test_straight_up_and_down_the_rotation_comes_back(pitch: float) -> None:
    r = matrix_of_ypr(40, pitch, 15)
    yaw, found, roll = ypr_of_matrix(r)
    assert (float(found), float(roll)) == (pitch, 0.0)
    np.testing.assert_allclose(matrix_of_ypr(yaw, found, roll), r, atol=1e-12)


def test_quaternions_come_back_whichever_part_is_the_largest() -> None:
    q = np.random.default_rng(1).normal(size=(1000, 4))
    q = np.concatenate([q, np.eye(4), [[0.0, 1.0, 1.0, 0.0], [1e-9, 0.0, 0.0, -1.0]]])
    r = matrix_of_quaternion(q)
    found = quaternion_of_matrix(r)
    np.testing.assert_allclose(matrix_of_quaternion(found), r, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-12)
    assert (found[:, 3] >= 0).all()


def test_facing_north_as_a_quaternion_is_a_quarter_turn_about_up() -> None:
    half = np.sqrt(0.5)
    np.testing.assert_allclose(quaternion_of_matrix(matrix_of_ypr(90, 0, 0)), [0, 0, half, half], atol=1e-15)


@pytest.mark.parametrize("q", [[0, 0, 0, 0], [np.nan, 0, 0, 1]])
def test_no_direction_is_no_rotation(q: list[float]) -> None:
    with pytest.raises(GeometryInvalid, match="quaternion"):
        matrix_of_quaternion(q)
