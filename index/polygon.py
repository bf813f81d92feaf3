"""Polygons of WGS84 degrees, with holes, on either side of the antimeridian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.areas import Area, Bools
from index.tiles import Bounds, fold_lon
from models.errors import ParameterError
from models.geo import Floats, wrap_lon

POINTS_AT_ONCE = 1024
EDGES_AT_ONCE = 4096
LEAST_POSITIONS = 4


@dataclass(frozen=True, slots=True)
class _Ring:
    """A closed line; edges are straight in degrees and go the shorter way round the globe."""

    west_deg: float
    x: Floats
    """(E + 1,) degrees east of `west_deg`, all of them at least 0, the last as the first."""
    y: Floats
    """(E + 1,) latitudes."""

    def holds(self, lat: Floats, lon: Floats) -> Bools:
        """Say which points (n,) lie inside, by the crossings of the line from each to the east.

        Of points on the line those at its west and south are inside, so that, but for rounding, areas that share an
        edge share no point.
        """
        inside: Bools = np.zeros(len(lat), np.bool_)
        x = (lon - self.west_deg) % 360.0
        some = np.flatnonzero((x <= self.x.max()) & (lat >= self.y.min()) & (lat <= self.y.max()))
        for start in range(0, len(some), POINTS_AT_ONCE):
            points = some[start : start + POINTS_AT_ONCE]
            inside[points] = self._crossed_oddly(x[points], lat[points])
        return inside

    def _crossed_oddly(self, x: Floats, y: Floats) -> Bools:
        low, high = np.minimum(self.y[:-1], self.y[1:]), np.maximum(self.y[:-1], self.y[1:])
        near = np.flatnonzero((low < high) & (low <= y.max()) & (high > y.min()))  # none along a parallel
        odd: Bools = np.zeros(len(x), np.bool_)
        for start in range(0, len(near), EDGES_AT_ONCE):
            edges = near[start : start + EDGES_AT_ONCE]
            x1, y1, x2, y2 = self.x[edges], self.y[edges], self.x[edges + 1], self.y[edges + 1]
            spans = (y[:, None] >= low[edges]) & (y[:, None] < high[edges])  # (n, E)
            crossing = x1 + (y[:, None] - y1) * ((x2 - x1) / (y2 - y1))
            odd ^= (spans & (crossing > x[:, None])).sum(axis=1) % 2 == 1
        return odd


class Polygon:
    """All inside a ring and in none of its holes.

    Args:
        ring: (V, 2) lat, lon in degrees, of at least three corners; the last is joined to the first. An edge goes the
            shorter way round the globe, so that one that crosses the antimeridian is drawn as it is meant.
        holes: (V, 2) each.

    Raises:
        ParameterError: a ring with fewer corners, corners that are no WGS84 positions, one that goes around a pole or
            the whole globe, or that encloses nothing.
    """

    def __init__(self, ring: Floats, holes: Sequence[Floats] = ()) -> None:
        self._ring, self._holes = _ring(ring), tuple(_ring(hole) for hole in holes)

    @property
    def bounds(self) -> Bounds:
        ring = self._ring
        west, east = (float(lon) for lon in fold_lon([ring.west_deg, ring.west_deg + float(ring.x.max())]))
        return Bounds(west, float(ring.y.min()), east, float(ring.y.max()))

    @property
    def parts(self) -> Sequence[Area]:
        return ()

    def holds(self, lat: Floats, lon: Floats) -> Bools:
        lat, lon = np.asarray(lat, np.float64), np.asarray(lon, np.float64)
        inside = self._ring.holds(lat, lon)
        for hole in self._holes:
            inside &= ~hole.holds(lat, lon)
        return inside


def _ring(corners: Floats) -> _Ring:
    """Check and close a line, and lay it out to the east of its westernmost corner."""
    corners = np.asarray(corners, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2:
        raise ParameterError("area", f"A ring is (V, 2) of lat and lon, not {corners.shape}.")
    wrong = ~((np.abs(corners[:, 0]) <= 90) & (np.abs(corners[:, 1]) <= 180))
    if wrong.any():
        lat, lon = corners[np.argmax(wrong)].tolist()
        raise ParameterError("area", f"A corner at lat {lat:g}, lon {lon:g} is no WGS84 position; is lon given as lat?")
    if len(corners) and (corners[0] != corners[-1]).any():
        corners = np.concatenate([corners, corners[:1]])
    if len(corners) < LEAST_POSITIONS:
        raise ParameterError("area", f"A ring has at least three corners, not {max(0, len(corners) - 1)}.")
    lat, lon = corners.T
    steps = wrap_lon(np.diff(lon))
    if (np.abs(steps) == 180.0).any():
        raise ParameterError("area", "An edge goes half around the globe, and might go either way; add a corner to it.")
    x = np.concatenate([[0.0], np.cumsum(steps)])
    if abs(x[-1]) > 1.0:
        raise ParameterError(
            "area", "A ring goes around a pole; cut the polygon at a meridian, or use a circle or box."
        )
    x[-1], west = 0.0, float(x.min())
    x -= west
    if x.max() >= 360.0:
        raise ParameterError("area", f"A ring is {x.max():g} degrees wide; cut the polygon into pieces.")
    if x.max() == 0.0 or lat.max() == lat.min():
        raise ParameterError("area", "A ring encloses no ground; one around the whole globe is a box of -180 to 180.")
    return _Ring(float(wrap_lon(lon[0] + west)), x, lat)
