"""Boxes of WGS84 degrees against circles and other boxes: which members of a region a question can concern."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.manifest import IndexManifest
from index.tiles import Bounds, union
from models.errors import ParameterError
from models.geo import Floats, metres_per_degree

LEAST_RADIUS_M = 6_335_000.0
"""Of curvature, anywhere on the ellipsoid: angles made with it are never too small."""
EPS = 1e-9
SLACK, SLACK_M = 1.02, 1.0
"""More than `models.geo.distance_m` is off."""


def may_reach(bounds: Bounds, lat: float, lon: float, reach_m: float) -> bool:
    """Say whether a box can hold a point within a distance of a place; too often rather than too seldom."""
    reach_rad = (reach_m * SLACK + SLACK_M) / LEAST_RADIUS_M
    reach_deg = math.degrees(reach_rad)
    if not bounds.south - reach_deg <= lat <= bounds.north + reach_deg:
        return False
    if abs(lat) + reach_deg >= 90.0:
        return True  # a pole lies in the circle, so every meridian does
    widest_deg = math.degrees(math.asin(min(1.0, math.sin(reach_rad) / math.cos(math.radians(lat)))))
    return gap_deg(bounds, lon) <= widest_deg


def gap_deg(bounds: Bounds, lon: float) -> float:
    """Degrees of longitude from a meridian to a box, the shorter way round; 0 in it."""
    if (lon - bounds.west) % 360.0 <= bounds.width_deg:
        return 0.0
    return min((bounds.west - lon) % 360.0, (lon - bounds.east) % 360.0)


def holds(bounds: Bounds, lat: Floats, lon: Floats, grown_m: float) -> NDArray[np.bool_]:
    """Say which points (n,) lie in a box that is grown by a length; too often rather than too seldom."""
    grown_deg = math.degrees(grown_m / LEAST_RADIUS_M)
    beside_deg = grown_deg / np.maximum(np.cos(np.radians(np.minimum(np.abs(lat) + grown_deg, 90.0))), 1e-6)
    along_deg = (lon - bounds.west + beside_deg) % 360.0
    inside = along_deg <= np.minimum(bounds.width_deg + 2 * beside_deg, 360.0)
    found: NDArray[np.bool_] = inside & (lat >= bounds.south - grown_deg) & (lat <= bounds.north + grown_deg)
    return found


def overlap(one: IndexManifest, other: IndexManifest) -> bool:
    """Say whether two indexes may hold tiles of the same ground: their boxes, grown by a footprint, meet."""
    grown_m = max(one.footprint_m, other.footprint_m)
    south, north = max(one.bounds.south, other.bounds.south), min(one.bounds.north, other.bounds.north)
    if south > north + math.degrees(2 * grown_m / LEAST_RADIUS_M):
        return False
    _, east_m = metres_per_degree(max(abs(south), abs(north)))
    apart = min(gap_deg(one.bounds, other.bounds.west), gap_deg(other.bounds, one.bounds.west))
    return apart <= 2 * grown_m / max(float(east_m), 1.0)


def surround(boxes: Sequence[Bounds]) -> Bounds:
    """Give a box around boxes; all meridians where they lie around the globe."""
    found = union(boxes)
    inside = all((box.west - found.west + EPS) % 360.0 + box.width_deg <= found.width_deg + 2 * EPS for box in boxes)
    return found if inside else Bounds(-180.0, found.south, 180.0, found.north)


def middle_of(bounds: Bounds) -> tuple[float, float, float, float]:
    """Give lat and lon of the middle of a box, and its width and height in metres there."""
    lat = (bounds.south + bounds.north) / 2
    lon = (bounds.west + bounds.width_deg / 2 + 180.0) % 360.0 - 180.0
    north_m, east_m = metres_per_degree(lat)
    return lat, lon, float(bounds.width_deg * east_m), float((bounds.north - bounds.south) * north_m)


def check_circle(lat: float, lon: float, radius_m: float) -> None:
    """Raise ParameterError unless these are a place and a length, as `index.nearby.Nearby` does."""
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise ParameterError("prior", f"lat {lat:g}, lon {lon:g} is not a WGS84 position.")
    if not 0 < radius_m < np.inf:
        raise ParameterError("radius_m", f"{radius_m:g} is not a positive length.")
