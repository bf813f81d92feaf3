"""Positions on the WGS84 ellipsoid and the metres between them.

Every function takes scalars or arrays that broadcast; angles are degrees, lengths metres. Accurate to about 1 mm per
kilometre within 100 km, which is what tiles, priors and errors need; anything that changes a CRS belongs to pyproj.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

SEMI_MAJOR_AXIS_M = 6_378_137.0
ECCENTRICITY_SQUARED = 0.006_694_379_990_141_316
MEAN_RADIUS_M = 6_371_008.8
FAR_DEG = 1.0

Floats = NDArray[np.float64]


def metres_per_degree(lat: ArrayLike) -> tuple[Floats, Floats]:
    """Give the length of one degree of latitude and of longitude at `lat`.

    Returns:
        (north_m, east_m): metres per degree along the meridian and along the parallel.

    Source: radii of curvature of the WGS84 ellipsoid (NIMA TR8350.2).
    """
    phi = np.radians(np.asarray(lat, dtype=np.float64))
    w2 = 1.0 - ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    meridian = SEMI_MAJOR_AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / w2**1.5
    transverse = SEMI_MAJOR_AXIS_M / np.sqrt(w2)
    return np.radians(meridian), np.radians(transverse * np.cos(phi))


def wrap_lon(lon: ArrayLike) -> Floats:
    """Bring longitudes into [-180, 180)."""
    return (np.asarray(lon, dtype=np.float64) + 180.0) % 360.0 - 180.0


def wrap_heading(heading_deg: ArrayLike) -> Floats:
    """Bring headings into [0, 360)."""
    wrapped = np.asarray(heading_deg, dtype=np.float64) % 360.0
    return np.where(wrapped == 360.0, 0.0, wrapped)


def enu_m(lat: ArrayLike, lon: ArrayLike, lat0: ArrayLike, lon0: ArrayLike) -> tuple[Floats, Floats]:
    """Give the east and north offsets of a point from an origin, in the plane tangent at the latitude between them."""
    lat, lat0 = np.asarray(lat, dtype=np.float64), np.asarray(lat0, dtype=np.float64)
    north_m, east_m = metres_per_degree((lat + lat0) / 2)
    return wrap_lon(np.asarray(lon) - np.asarray(lon0)) * east_m, (lat - lat0) * north_m


def offset(lat: ArrayLike, lon: ArrayLike, east_m: ArrayLike, north_m: ArrayLike) -> tuple[Floats, Floats]:
    """Move a position by metres east and north; the inverse of `enu_m` within 100 km."""
    lat = np.asarray(lat, dtype=np.float64)
    per_lat, _ = metres_per_degree(lat)
    moved = lat + np.asarray(north_m) / per_lat
    per_lat, per_lon = metres_per_degree((lat + moved) / 2)
    return lat + np.asarray(north_m) / per_lat, wrap_lon(np.asarray(lon) + np.asarray(east_m) / per_lon)


def distance_m(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> Floats:
    """Give the distance along the ground between positions.

    Ellipsoidal within one degree, spherical (0.5 %) beyond, continuous enough for ranking either side.
    """
    lat1, lat2 = np.asarray(lat1, dtype=np.float64), np.asarray(lat2, dtype=np.float64)
    east, north = enu_m(lat2, lon2, lat1, lon1)
    near = np.hypot(east, north)
    dlon = wrap_lon(np.asarray(lon2) - np.asarray(lon1))
    is_far = (np.abs(lat2 - lat1) > FAR_DEG) | (np.abs(dlon) > FAR_DEG)
    if not is_far.any():
        return near
    h = (
        np.sin(np.radians(lat2 - lat1) / 2) ** 2
        + np.cos(np.radians(lat1)) * np.cos(np.radians(lat2)) * np.sin(np.radians(dlon) / 2) ** 2
    )
    far = 2 * MEAN_RADIUS_M * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0)))
    return np.where(is_far, far, near)
