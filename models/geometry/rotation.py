"""Rotations of a body against east, north and up, as matrices, quaternions and the angles of OGC GeoPose.

Outer frame: the local tangent plane, x east, y north, z up. Inner frame (the body, here a camera): x forward along the
optical axis, y left, z up; unturned it looks east. OGC GeoPose 1.0 (21-056r11), Basic-YPR: three rotations about the
local, already turned axes z, y and x, in this order, in degrees, each right-handed:

    R = Rz(yaw) Ry(pitch) Rx(roll),    v_enu = R v_body

- yaw 0 looks east, 90 north: counter-clockwise from above, so yaw = 90 - heading;
- pitch turns z towards x: positive is nose down, a camera tilted up by 10 degrees has pitch -10;
- roll turns y (left) towards z (up): positive is clockwise seen from behind, as `models.camera.Camera.roll_deg`.

Functions broadcast over leading axes. Quaternions are (x, y, z, w), of unit norm, w >= 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import GeometryInvalid
from models.geo import wrap_heading

Floats = NDArray[np.float64]

UPRIGHT = 1e-9
"""Cosine of the pitch below which yaw and roll turn about the same axis."""
BODY_FROM_CAMERA: Floats = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""From the frame of an image (x right, y down, z forward) to that of the body."""


def yaw_of_heading(heading_deg: ArrayLike) -> Floats:
    """Turn a heading, clockwise from true north, into a yaw in (-180, 180]."""
    return wrap_angle(90.0 - np.asarray(heading_deg, dtype=np.float64))


def heading_of_yaw(yaw_deg: ArrayLike) -> Floats:
    """Turn a yaw into a heading in [0, 360)."""
    return wrap_heading(90.0 - np.asarray(yaw_deg, dtype=np.float64))


def wrap_angle(angle_deg: ArrayLike) -> Floats:
    """Bring angles into (-180, 180]."""
    return np.asarray(180.0 - (180.0 - np.asarray(angle_deg, dtype=np.float64)) % 360.0)


def matrix_of_ypr(yaw_deg: ArrayLike, pitch_deg: ArrayLike, roll_deg: ArrayLike) -> Floats:
    """Give the rotation body to ENU, (..., 3, 3), of the three angles in degrees."""
    y, p, r = (np.radians(np.asarray(angle, dtype=np.float64)) for angle in (yaw_deg, pitch_deg, roll_deg))
    y, p, r = np.broadcast_arrays(y, p, r)
    cy, sy, cp, sp, cr, sr = np.cos(y), np.sin(y), np.cos(p), np.sin(p), np.cos(r), np.sin(r)
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def ypr_of_matrix(rotation: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Give the angles of rotations body to ENU, (..., 3, 3).

    Returns:
        (yaw, pitch, roll) in degrees: in (-180, 180], [-90, 90], (-180, 180]. Looking straight up or down, yaw and roll
        are one turn: it is told as yaw, and roll is 0.
    """
    r = np.asarray(rotation, dtype=np.float64)
    level = np.hypot(r[..., 0, 0], r[..., 1, 0])
    steep = level < UPRIGHT
    yaw = np.where(steep, np.arctan2(-r[..., 0, 1], r[..., 1, 1]), np.arctan2(r[..., 1, 0], r[..., 0, 0]))
    pitch = np.arctan2(-r[..., 2, 0], level)
    roll = np.where(steep, 0.0, np.arctan2(r[..., 2, 1], r[..., 2, 2]))
    return wrap_angle(np.degrees(yaw)), np.degrees(pitch), wrap_angle(np.degrees(roll))


def quaternion_of_matrix(rotation: ArrayLike) -> Floats:
    """Give the unit quaternions (x, y, z, w), w >= 0, of rotations (..., 3, 3).

    Source: Shepperd, Quaternion from Rotation Matrix (1978): by the largest of the four, so that nothing cancels.
    """
    r = np.asarray(rotation, dtype=np.float64)
    xx, yy, zz = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
    x, y, z = r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]
    xy, xz, yz = r[..., 0, 1] + r[..., 1, 0], r[..., 0, 2] + r[..., 2, 0], r[..., 1, 2] + r[..., 2, 1]
    options = np.stack(
        [
            np.stack([1 + xx - yy - zz, xy, xz, x], axis=-1),
            np.stack([xy, 1 - xx + yy - zz, yz, y], axis=-1),
            np.stack([xz, yz, 1 - xx - yy + zz, z], axis=-1),
            np.stack([x, y, z, 1 + xx + yy + zz], axis=-1),
        ],
        axis=-2,
    )
    largest = np.argmax(np.diagonal(options, axis1=-2, axis2=-1), axis=-1)
    chosen = np.take_along_axis(options, largest[..., None, None], axis=-2)[..., 0, :]
    unit = chosen / np.linalg.norm(chosen, axis=-1, keepdims=True)
    return np.asarray(np.where(unit[..., 3:] < 0.0, -unit, unit))


def matrix_of_quaternion(quaternion: ArrayLike) -> Floats:
    """Give the rotations (..., 3, 3) of quaternions (..., 4), (x, y, z, w), of any norm but 0.

    Raises:
        GeometryInvalid: a quaternion of norm 0, or not finite.
    """
    q = np.asarray(quaternion, dtype=np.float64)
    norm = np.linalg.norm(q, axis=-1, keepdims=True)
    if not (np.isfinite(norm).all() and (norm > 0.0).all()):
        raise GeometryInvalid("A quaternion is all zeros or not finite; it has to have a direction.")
    x, y, z, w = np.moveaxis(q / norm, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
