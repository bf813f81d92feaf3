"""A pose on the earth in six degrees of freedom, as OGC GeoPose 1.0 writes it, to and from a geocentric transform.

The frames and signs of the angles are those of `models.geometry.rotation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import GeometryInvalid
from models.geometry.earth import ecef_from_enu, ecef_of_geodetic, geodetic_of_ecef, geodetic_of_enu
from models.geometry.homography import pose_from_homography
from models.geometry.rotation import BODY_FROM_CAMERA, matrix_of_ypr, quaternion_of_matrix, ypr_of_matrix

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GeoPose:
    """Where a body is and how it is turned: x forward, y left, z up against east, north, up at its position."""

    lat: float
    lon: float
    h: float
    """Metres above the WGS84 ellipsoid."""
    yaw: float
    pitch: float
    roll: float
    """Degrees, about the local axes z, y, x in this order."""

    @property
    def quaternion(self) -> tuple[float, float, float, float]:
        """The same turn as (x, y, z, w), of unit norm."""
        x, y, z, w = (float(v) for v in quaternion_of_matrix(matrix_of_ypr(self.yaw, self.pitch, self.roll)))
        return x, y, z, w

    def to_ecef(self) -> Floats:
        """Give the transform body to geocentric frame, (4, 4): what AR and robotics chain with others'."""
        whole = np.eye(4)
        whole[:3, :3] = ecef_from_enu(self.lat, self.lon) @ matrix_of_ypr(self.yaw, self.pitch, self.roll)
        whole[:3, 3] = ecef_of_geodetic(self.lat, self.lon, self.h)
        return whole

    @classmethod
    def from_ecef(cls, transform: ArrayLike) -> GeoPose:
        """Take a transform body to geocentric frame, (4, 4), the inverse of `to_ecef`.

        Raises:
            GeometryInvalid: not (4, 4), not finite, or its upper left is no rotation (to 1e-6).
        """
        whole = np.asarray(transform, dtype=np.float64)
        if whole.shape != (4, 4) or not np.isfinite(whole).all():
            raise GeometryInvalid(f"A transform of shape {whole.shape}; a finite (4, 4) is needed.")
        r = whole[:3, :3]
        if np.abs(r.T @ r - np.eye(3)).max() > 1e-6 or np.linalg.det(r) < 0:
            raise GeometryInvalid("The upper left of the transform is no rotation: its columns are not orthonormal.")
        lat, lon, h = (float(v) for v in geodetic_of_ecef(whole[:3, 3]))
        yaw, pitch, roll = (float(v) for v in ypr_of_matrix(ecef_from_enu(lat, lon).T @ r))
        return cls(lat, lon, h, yaw, pitch, roll)

    @classmethod
    def from_homography(
        cls, homography: ArrayLike, camera: ArrayLike, lat0: float, lon0: float, h0_m: float = 0.0
    ) -> GeoPose:
        """Give the pose of a camera that sees the ground around a position, where it is level, under a homography.

        Args:
            homography: (3, 3), from metres east and north of the position to pixels.
            camera: K, (3, 3).
            lat0, lon0, h0_m: the position, which the camera sees or could see if it were wider.

        Raises:
            GeometryInvalid: as `pose_from_homography`, or several homographies.
        """
        r, t = pose_from_homography(homography, camera)
        if r.ndim != 2:
            raise GeometryInvalid("One homography is needed, (3, 3).")
        lat, lon, h = (float(v) for v in geodetic_of_enu(-r.T @ t, lat0, lon0, h0_m))
        body_at_origin = r.T @ BODY_FROM_CAMERA.T
        turned = ecef_from_enu(lat, lon).T @ ecef_from_enu(lat0, lon0) @ body_at_origin
        yaw, pitch, roll = (float(v) for v in ypr_of_matrix(turned))
        return cls(lat, lon, h, yaw, pitch, roll)
