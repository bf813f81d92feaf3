"""Poses on the earth: round trips within a micrometre, and the pose of a camera from what it sees of the ground."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import GeometryInvalid
from models.geometry.earth import ecef_of_geodetic, enu_of_geodetic, geodetic_of_enu
from models.geometry.homography import homography_from_points
from models.geometry.pose import GeoPose
from models.geometry.rotation import BODY_FROM_CAMERA, matrix_of_quaternion, matrix_of_ypr

K = np.array([[1000.0, 0.0, 640.0], [0.0, 1000.0, 480.0], [0.0, 0.0, 1.0]])


def test_poses_come_back_from_the_geocentric_frame_within_a_micrometre() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        lat, lon, h = rng.uniform(-89, 89), rng.uniform(-180, 180), rng.uniform(-400, 9000)
        given = GeoPose(lat, lon, h, rng.uniform(-180, 180), rng.uniform(-89, 89), rng.uniform(-180, 180))
        found = GeoPose.from_ecef(given.to_ecef())
        moved = ecef_of_geodetic(found.lat, found.lon, found.h) - ecef_of_geodetic(lat, lon, h)
        assert np.linalg.norm(moved) < 1e-6
        for angle in ("yaw", "pitch", "roll"):
            assert getattr(found, angle) == pytest.approx(getattr(given, angle), abs=1e-7)


def test_a_point_ahead_of_the_body_lies_where_it_looks() -> None:
    """10 m ahead of a camera that looks north and up by 30 degrees: 8.66 m north and 5 m up."""
    ahead = GeoPose(48.0, 9.0, 300.0, 90.0, -30.0, 0.0).to_ecef() @ [10.0, 0.0, 0.0, 1.0]
    lat, lon, h = geodetic_of_enu([0.0, 10 * np.cos(np.pi / 6), 5.0], 48.0, 9.0, 300.0)
    np.testing.assert_allclose(ahead[:3], ecef_of_geodetic(lat, lon, h), atol=1e-6)


def test_the_quaternion_is_the_same_turn() -> None:
    pose = GeoPose(48.0, 9.0, 300.0, 30.0, -12.0, 5.0)
    np.testing.assert_allclose(matrix_of_quaternion(pose.quaternion), matrix_of_ypr(30.0, -12.0, 5.0), atol=1e-12)


def test_a_camera_over_the_ground_is_found_by_its_homography() -> None:
    """Cameras 2 to 30 m above the ground, some 20 m away from what they look at, in any direction."""
    rng = np.random.default_rng(3)
    for _ in range(100):
        yaw, roll, height = rng.uniform(-180, 180), rng.uniform(-20, 20), rng.uniform(2, 30)
        pitch = np.degrees(np.arctan2(height, 20.0)) + rng.uniform(-3, 3)
        centre = np.array([*(-20 * np.array([np.cos(np.radians(yaw)), np.sin(np.radians(yaw))])), height])
        camera_from_enu = (matrix_of_ypr(yaw, pitch, roll) @ BODY_FROM_CAMERA).T
        h = K @ np.c_[camera_from_enu[:, :2], -camera_from_enu @ centre] * rng.choice([-3.0, 3.0])
        pose = GeoPose.from_homography(h, K, 48.0, 9.0, 250.0)
        np.testing.assert_allclose(enu_of_geodetic(pose.lat, pose.lon, pose.h, 48.0, 9.0, 250.0), centre, atol=1e-6)
        # up over there is turned against up here by its 20 m of distance: 0.0002 degrees
        np.testing.assert_allclose([pose.yaw, pose.pitch, pose.roll], [yaw, pitch, roll], atol=1e-3)


def test_points_on_the_road_give_the_pose_of_a_dashboard_camera() -> None:
    """1.5 m above the road, level, heading east, half a pixel of noise: within 5 cm and 0.3 degrees."""
    rng = np.random.default_rng(4)
    ahead = np.stack(np.meshgrid(np.linspace(4.0, 15.0, 12), np.linspace(-4.0, 4.0, 9)), axis=-1).reshape(-1, 2)
    road = ahead - [8.0, 0.0]  # the origin is 8 m ahead
    seen = np.stack([640 - 1000 * ahead[:, 1] / ahead[:, 0], 480 + 1000 * 1.5 / ahead[:, 0]], axis=-1)
    fitted = homography_from_points(road, seen + rng.normal(size=seen.shape) * 0.5)
    pose = GeoPose.from_homography(fitted, K, 48.0, 9.0)
    off = enu_of_geodetic(pose.lat, pose.lon, pose.h, 48.0, 9.0) - [-8.0, 0.0, 1.5]
    assert np.abs(off).max() < 0.05
    np.testing.assert_allclose([pose.yaw, pose.pitch, pose.roll], 0.0, atol=0.3)


@pytest.mark.parametrize(
    "transform", [np.eye(3), np.diag([2.0, 1, 1, 1]), np.diag([-1.0, 1, 1, 1]), np.eye(4) * np.nan]
)
def test_what_is_no_transform_is_refused(transform: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    with pytest.raises(GeometryInvalid, match="transform"):
        GeoPose.from_ecef(transform)
