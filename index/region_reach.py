"""Boxes of WGS84 degrees against circles and other boxes: which members of a region a question can concern."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.tiles import Bounds, union
from models.errors import ParameterError
from models.geo import Floats, metres_per_degree

LEAST_RADIUS_M = 6_335_000.0
"""Of curvature, anywhere on the ellipsoid: angles made with it are never too small."""
EPS = 1e-9
SLACK, SLACK_M = 1.02, 1.0
"""More than `models.geo.distance_m` is off."""


class Boxes:
    """The bounds of members, against circles and each other; too often rather than too seldom.

    Args:
        boxes: of the members.
        footprints_m: of their tiles, whose centres lie no farther than half of it beyond the boxes.
    """

    def __init__(self, boxes: Sequence[Bounds], footprints_m: Sequence[float]) -> None:
        table = np.array([(*box, box.width_deg) for box in boxes], dtype=np.float64)
        self._west, self._south, self._east, self._north, self._width = table.T
        self._footprint_m = np.array(footprints_m, dtype=np.float64)

    def reached(self, lat: float, lon: float, radius_m: float) -> list[int]:
        """Give the members, rising, that can hold tiles whose centres lie within a circle."""
        reach_rad = ((radius_m + self._footprint_m) * SLACK + SLACK_M) / LEAST_RADIUS_M
        reach_deg = np.degrees(reach_rad)
        along = (lat >= self._south - reach_deg) & (lat <= self._north + reach_deg)
        polar = abs(lat) + reach_deg >= 90.0  # a pole lies in the circle, so every meridian does
        sine = np.sin(np.minimum(reach_rad, math.pi / 2)) / max(math.cos(math.radians(lat)), 1e-12)
        beside = _gap_deg(self._west, self._east, self._width, lon) <= np.degrees(np.arcsin(np.minimum(sine, 1.0)))
        found: list[int] = np.flatnonzero(along & (polar | beside)).tolist()
        return found

    def meeting(self, boxes: Sequence[Bounds]) -> list[int]:
        """Give the members, rising, that can hold tiles whose centres lie in any of some boxes."""
        met = np.zeros(len(self._west), bool)
        grown_deg = np.degrees((self._footprint_m + SLACK_M) / LEAST_RADIUS_M)
        for box in boxes:
            along = (self._south - grown_deg <= box.north) & (self._north + grown_deg >= box.south)
            farthest = np.minimum(np.maximum(np.abs(self._south), np.abs(self._north)) + grown_deg, 89.999)
            gap_deg = np.minimum(
                _gap_deg(self._west, self._east, self._width, box.west),
                _gap_deg(np.array(box.west), np.array(box.east), np.array(box.width_deg), self._west),
            )
            met |= along & (gap_deg <= grown_deg / np.cos(np.radians(farthest)))
        found: list[int] = np.flatnonzero(met).tolist()
        return found

    def neighbours(self) -> list[list[int]]:
        """Give, for each member, the others that may hold the same ground: their boxes, grown by footprints, meet."""
        grown_m = (self._footprint_m[:, None] + self._footprint_m) / 2 + SLACK_M
        south, north = np.maximum.outer(self._south, self._south), np.minimum.outer(self._north, self._north)
        meet = south <= north + np.degrees(grown_m / LEAST_RADIUS_M)
        _, east_m = metres_per_degree(np.minimum(np.maximum(np.abs(south), np.abs(north)), 89.9))
        gap = _gap_deg(self._west[:, None], self._east[:, None], self._width[:, None], self._west)
        meet &= np.minimum(gap, gap.T) <= grown_m / east_m
        np.fill_diagonal(meet, False)
        return [np.flatnonzero(row).tolist() for row in meet]


def _gap_deg(west: Floats, east: Floats, width: Floats, lon: Floats | float) -> Floats:
    """Degrees of longitude from meridians to boxes, the shorter way round; 0 in them."""
    short: Floats = np.minimum((west - lon) % 360.0, (lon - east) % 360.0)
    return np.where((lon - west) % 360.0 <= width, 0.0, short)


def holds(bounds: Bounds, lat: Floats, lon: Floats, grown_m: float) -> NDArray[np.bool_]:
    """Say which points (n,) lie in a box that is grown by a length; too often rather than too seldom."""
    grown_deg = math.degrees(grown_m / LEAST_RADIUS_M)
    beside_deg = grown_deg / np.maximum(np.cos(np.radians(np.minimum(np.abs(lat) + grown_deg, 90.0))), 1e-6)
    along_deg = (lon - bounds.west + beside_deg) % 360.0
    inside = along_deg <= np.minimum(bounds.width_deg + 2 * beside_deg, 360.0)
    found: NDArray[np.bool_] = inside & (lat >= bounds.south - grown_deg) & (lat <= bounds.north + grown_deg)
    return found


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
