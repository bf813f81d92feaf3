"""The homography of a plane and the camera that sees it.

Frames: the plane is z = 0 of a right-handed world frame, in any unit of length; the camera looks along +z, x goes right
and y down in its image, as pixels do. A world point X is at R X + t in the camera's frame, so that a point (x, y) of
the plane is seen at the pixel (u, v) with

    s (u, v, 1) = H (x, y, 1),    H = K [r1, r2, t]

K is the camera's matrix (focal lengths, skew, principal point; pixels). H is known up to a factor, its sign included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import GeometryInvalid

Floats = NDArray[np.float64]

FLATTEST = 1e-9
"""A second singular value below this share of the first is no plane that is seen, but one seen edge on or a line."""
NEAREST = 1e-9
"""A depth of the origin below this share of its distance leaves the sign of H open."""


def pose_from_homography(homography: ArrayLike, camera: ArrayLike) -> tuple[Floats, Floats]:
    """Give the pose of the camera that sees a plane under a homography.

    B = K^-1 [h1, h2] = U W V^T; A = U E V^T, E being the first two columns of the identity, is the orthonormal pair
    closest to B; R = [a1, a2, a1 x a2]; t = 2 K^-1 h3 / (w1 + w2). H and -H are the same homography and give (A, t) and
    (-A, -t): the one with t_z > 0 is taken, which has the plane's origin before the camera. So the origin has to be a
    point that the camera sees, or could see if it were wider.

    Args:
        homography: (3, 3) or (N, 3, 3), plane to pixels, of any scale and sign; with noise too.
        camera: K, (3, 3) or (N, 3, 3).

    Returns:
        (R, t): rotations world to camera, (3, 3) or (N, 3, 3), orthonormal with determinant +1; the world's origin in
        the camera's frame, (3,) or (N, 3), in the plane's unit.

    Raises:
        GeometryInvalid: not finite, another shape, a K that has no inverse, a homography of rank below 2 or of a plane
            seen edge on, or an origin beside the camera, neither before nor behind it; the first such row is named.

    Source: the decomposition in surveys of cross-view geo-localisation of how a homography between the ground and an
    image gives R and t; the choice of the sign is ours, as they leave it out.
    """
    h, k = _matrices(homography, "homography"), _matrices(camera, "camera matrix")
    _refuse(np.abs(np.linalg.det(k)) == 0.0, "The camera matrix has no inverse; its focal lengths have to be above 0.")
    h, k = np.broadcast_arrays(h, k)
    scale = np.abs(h).max(axis=(-2, -1), keepdims=True)
    _refuse(scale[..., 0, 0] == 0.0, "The homography is all zeros.")
    rays = np.linalg.solve(k, h / scale)
    u, w, vt = np.linalg.svd(rays[..., :2], full_matrices=False)
    _refuse(
        w[..., 1] <= FLATTEST * w[..., 0],
        "The homography maps the plane to a line: it has to be of rank 2 at least, and the plane not seen edge on.",
    )
    pair = u @ vt
    t = 2.0 * rays[..., 2] / (w[..., 0] + w[..., 1])[..., None]
    _refuse(
        np.abs(t[..., 2]) <= NEAREST * np.linalg.norm(t, axis=-1),
        "The plane's origin is beside the camera, so that the sign of the homography cannot be told; "
        "take a point that the camera sees as origin.",
    )
    sign = np.sign(t[..., 2])[..., None]
    a1, a2 = sign * pair[..., 0], sign * pair[..., 1]
    return np.stack([a1, a2, np.cross(a1, a2)], axis=-1), sign * t


def homography_of_camera(camera: ArrayLike, rotation: ArrayLike, translation: ArrayLike) -> Floats:
    """Give H = K [r1, r2, t], the inverse of `pose_from_homography`: (3, 3) or (N, 3, 3)."""
    k, r = _matrices(camera, "camera matrix"), _matrices(rotation, "rotation")
    t = np.asarray(translation, dtype=np.float64)
    columns = np.broadcast_arrays(r[..., 0], r[..., 1], t)
    return np.asarray(k @ np.stack(columns, axis=-1))


def homography_from_points(plane: ArrayLike, pixels: ArrayLike) -> Floats:
    """Fit the homography of four or more points of a plane and where they are seen.

    Args:
        plane: (N, 2) points of the plane.
        pixels: (N, 2) where each is seen.

    Returns:
        (3, 3), of unit norm; with noise the one of least algebraic error in normalised coordinates.

    Raises:
        GeometryInvalid: fewer than four points, not finite, or all but one on a line.

    Source: normalised direct linear transform, Hartley and Zisserman, Multiple View Geometry, algorithm 4.2.
    """
    a, b = np.asarray(plane, dtype=np.float64), np.asarray(pixels, dtype=np.float64)
    if a.ndim != 2 or a.shape[1] != 2 or a.shape != b.shape or len(a) < 4:
        raise GeometryInvalid(f"Points of shapes {a.shape} and {b.shape}; (N, 2) twice is needed, N at least 4.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise GeometryInvalid("A point is not finite.")
    to_a, to_b = _normaliser(a), _normaliser(b)
    x, y = (a @ to_a[:2, :2].T + to_a[:2, 2]).T
    u, v = (b @ to_b[:2, :2].T + to_b[:2, 2]).T
    one, none = np.ones_like(x), np.zeros_like(x)
    rows_u = np.stack([x, y, one, none, none, none, -u * x, -u * y, -u], axis=1)
    rows_v = np.stack([none, none, none, x, y, one, -v * x, -v * y, -v], axis=1)
    _, w, vt = np.linalg.svd(np.concatenate([rows_u, rows_v]), full_matrices=True)
    if w[7] <= FLATTEST * w[0]:
        raise GeometryInvalid("The points leave the homography open: four are needed of which no three lie on a line.")
    fitted = np.linalg.solve(to_b, vt[-1].reshape(3, 3) @ to_a)
    return np.asarray(fitted / np.linalg.norm(fitted))


def _normaliser(points: Floats) -> Floats:
    """Move points to their centre and scale their mean distance from it to sqrt(2)."""
    centre = points.mean(axis=0)
    spread = float(np.linalg.norm(points - centre, axis=1).mean())
    if spread == 0.0:
        raise GeometryInvalid("All points are the same one.")
    scale = np.sqrt(2.0) / spread
    return np.array([[scale, 0.0, -scale * centre[0]], [0.0, scale, -scale * centre[1]], [0.0, 0.0, 1.0]])


def _matrices(values: ArrayLike, name: str) -> Floats:
    matrices = np.asarray(values, dtype=np.float64)
    if matrices.ndim not in (2, 3) or matrices.shape[-2:] != (3, 3):
        raise GeometryInvalid(f"A {name} of shape {matrices.shape}; (3, 3) or (N, 3, 3) is needed.")
    _refuse(~np.isfinite(matrices).all(axis=(-2, -1)), f"The {name} is not finite.")
    return matrices


def _refuse(bad: NDArray[np.bool_] | np.bool_, message: str) -> None:
    if np.any(bad):
        where = f"Row {int(np.argmax(bad))}: " if np.ndim(bad) else ""
        raise GeometryInvalid(where + message)
