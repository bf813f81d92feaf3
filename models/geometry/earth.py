"""Geodetic, geocentric and local positions on WGS84, by PROJ. The flat metres of `models.geo` are held against it.

Geodetic: lat, lon in degrees, h in metres above the ellipsoid. ECEF: geocentric x, y, z in metres. ENU: metres east,
north and up in the plane tangent to the ellipsoid at an origin. Functions broadcast; arrays of points are (..., 3).

`models.geo.enu_m` is the way along parallel and meridian, not the tangent plane's east and north: at 48 degrees of
latitude they are at most 9 cm apart at 1 km and 35 m at 20 km, at 75 degrees 29 cm and 117 m. That is a turn, as north
over there is not parallel to north here; the lengths agree to 0.02 mm at 1 km and 0.14 m at 20 km. The ground also
falls off: 1 km away it is 8 cm below the plane, 20 km away 31 m (tests/models/geometry/test_earth.py).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import EnvironmentConflict, GeometryInvalid
from models.geo import metres_per_degree

if TYPE_CHECKING:
    from pyproj import Transformer

Floats = NDArray[np.float64]

WGS84_GEODETIC, WGS84_GEOCENTRIC = "EPSG:4979", "EPSG:4978"
FROM_ECEF = "INVERSE"


@lru_cache(maxsize=1)
def _geocentric() -> Transformer:
    try:
        from pyproj import Transformer
    except ModuleNotFoundError as error:
        raise EnvironmentConflict(
            "Positions in space need pyproj: install the `index` extra (or `sample-city`), as in "
            "pip install 'skyfix[index]'."
        ) from error
    return Transformer.from_crs(WGS84_GEODETIC, WGS84_GEOCENTRIC, always_xy=True)


def ecef_of_geodetic(lat: ArrayLike, lon: ArrayLike, h_m: ArrayLike) -> Floats:
    """Give geocentric positions, (..., 3) metres.

    Raises:
        GeometryInvalid: not finite, or a latitude beyond 90 degrees.
        EnvironmentConflict: pyproj is not installed.
    """
    lat, lon, h = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (lat, lon, h_m)))
    if not (np.isfinite(lat) & np.isfinite(lon) & np.isfinite(h) & (np.abs(lat) <= 90.0)).all():
        raise GeometryInvalid("A position is not finite or its latitude is not in [-90, 90].")
    return np.stack(_geocentric().transform(lon, lat, h), axis=-1)


def geodetic_of_ecef(ecef_m: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Give (lat, lon, h) of geocentric positions (..., 3); lon in [-180, 180].

    PROJ's closed form is off by 1 um at 10 km above the ground and by centimetres far above it; one step along the
    meridian and up brings that to rounding (a few nm).

    Raises:
        GeometryInvalid: not finite, or not (..., 3).
        EnvironmentConflict: pyproj is not installed.
    """
    points = _points(ecef_m)
    lon, lat, h = _geocentric().transform(points[..., 0], points[..., 1], points[..., 2], direction=FROM_ECEF)
    lon, lat, h = (np.asarray(value, dtype=np.float64) for value in (lon, lat, h))
    missed = points - ecef_of_geodetic(lat, lon, h)
    _, north_m, up_m = np.moveaxis(np.einsum("...i,...ij->...j", missed, ecef_from_enu(lat, lon)), -1, 0)
    per_degree, _ = metres_per_degree(lat)
    return np.clip(lat + north_m / (per_degree + np.radians(h)), -90.0, 90.0), lon, h + up_m


def ecef_from_enu(lat: ArrayLike, lon: ArrayLike) -> Floats:
    """Give the rotation from east, north, up at a position to the geocentric axes: (..., 3, 3), the axes as columns."""
    phi, lam = np.broadcast_arrays(*(np.radians(np.asarray(value, dtype=np.float64)) for value in (lat, lon)))
    sp, cp, sl, cl = np.sin(phi), np.cos(phi), np.sin(lam), np.cos(lam)
    east, north, up = (-sl, cl, np.zeros_like(sl)), (-sp * cl, -sp * sl, cp), (cp * cl, cp * sl, sp)
    return np.stack([np.stack(axis, axis=-1) for axis in (east, north, up)], axis=-1)


def enu_of_geodetic(
    lat: ArrayLike, lon: ArrayLike, h_m: ArrayLike, lat0: float, lon0: float, h0_m: float = 0.0
) -> Floats:
    """Give positions in the tangent plane at an origin, (..., 3) metres east, north, up. Raises as above."""
    apart = ecef_of_geodetic(lat, lon, h_m) - ecef_of_geodetic(lat0, lon0, h0_m)
    return np.asarray(apart @ ecef_from_enu(lat0, lon0))


def geodetic_of_enu(enu_m: ArrayLike, lat0: float, lon0: float, h0_m: float = 0.0) -> tuple[Floats, Floats, Floats]:
    """Give (lat, lon, h) of positions (..., 3) in the tangent plane at an origin. Raises as above."""
    apart = _points(enu_m) @ ecef_from_enu(lat0, lon0).T
    return geodetic_of_ecef(ecef_of_geodetic(lat0, lon0, h0_m) + apart)


def _points(values: ArrayLike) -> Floats:
    points = np.asarray(values, dtype=np.float64)
    if points.ndim == 0 or points.shape[-1] != 3 or not np.isfinite(points).all():
        raise GeometryInvalid(f"Points of shape {points.shape} have to be (..., 3) and finite.")
    return points
