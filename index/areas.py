"""Where to look: circles, boxes and unions of areas. A tile lies in an area when its centre does.

Polygons are in `index.polygon`, what files say of them in `index.geojson`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.region_reach import LEAST_RADIUS_M, SLACK, SLACK_M, check_circle, surround
from index.tiles import Bounds
from models.errors import ParameterError
from models.geo import Floats, distance_m

Bools = NDArray[np.bool_]


class Area(Protocol):
    """Ground to look at, in WGS84 degrees."""

    @property
    def bounds(self) -> Bounds:
        """A box around all of it; it may be a little larger."""

    @property
    def parts(self) -> Sequence[Area]:
        """Areas that make up this one, each of which is looked for by itself; none where it is one piece."""

    def holds(self, lat: Floats, lon: Floats) -> Bools:
        """Say which points (n,) lie in it; this alone decides."""


@dataclass(frozen=True, slots=True)
class Circle:
    """All that lies within a radius of a place, its rim included.

    Raises:
        ParameterError: it is no place or no length.
    """

    lat: float
    lon: float
    radius_m: float

    def __post_init__(self) -> None:
        check_circle(self.lat, self.lon, self.radius_m)

    @property
    def bounds(self) -> Bounds:
        reach = (self.radius_m * SLACK + SLACK_M) / LEAST_RADIUS_M
        reach_deg = math.degrees(reach)
        south, north = max(-90.0, self.lat - reach_deg), min(90.0, self.lat + reach_deg)
        sine = math.sin(min(reach, math.pi / 2)) / max(math.cos(math.radians(self.lat)), 1e-12)
        if abs(self.lat) + reach_deg >= 90.0 or sine >= 1.0:  # a pole lies in it, so every meridian does
            return Bounds(-180.0, south, 180.0, north)
        beside_deg = math.degrees(math.asin(sine))
        west, east = self.lon - beside_deg, self.lon + beside_deg
        return Bounds(west + 360.0 * (west < -180.0), south, east - 360.0 * (east > 180.0), north)

    @property
    def parts(self) -> Sequence[Area]:
        return ()

    def holds(self, lat: Floats, lon: Floats) -> Bools:
        lat, lon = np.asarray(lat), np.asarray(lon)
        found: Bools = np.zeros(lat.shape, np.bool_)
        near = np.flatnonzero(_between(self.bounds, lat, lon))  # exact distances cost ten times as much
        found[near] = distance_m(lat[near], lon[near], self.lat, self.lon) <= self.radius_m
        return found


@dataclass(frozen=True, slots=True)
class Box:
    """All between two parallels and two meridians, its sides included; west > east across the antimeridian.

    Raises:
        ParameterError: a side is out of range, or the south lies north of the north.
    """

    west: float
    south: float
    east: float
    north: float

    def __post_init__(self) -> None:
        sides = f"west {self.west:g}, south {self.south:g}, east {self.east:g}, north {self.north:g}"
        if not (-180 <= self.west <= 180 and -180 <= self.east <= 180):
            raise ParameterError("area", f"{sides}: longitudes lie in [-180, 180] degrees.")
        if not -90 <= self.south <= self.north <= 90:
            raise ParameterError("area", f"{sides}: latitudes lie in [-90, 90] degrees, the south below the north.")

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.west, self.south, self.east, self.north)

    @property
    def parts(self) -> Sequence[Area]:
        return ()

    def holds(self, lat: Floats, lon: Floats) -> Bools:
        return _between(self.bounds, np.asarray(lat), np.asarray(lon))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """All that lies in any of some areas: several priors at once, or a polygon of several pieces.

    Raises:
        ParameterError: there is none.
    """

    parts: Sequence[Area]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ParameterError("area", "No area is given; name at least one.")

    @property
    def bounds(self) -> Bounds:
        return surround([part.bounds for part in self.parts])

    def holds(self, lat: Floats, lon: Floats) -> Bools:
        found: Bools = np.zeros(np.shape(lat), np.bool_)
        for part in self.parts:
            found |= part.holds(lat, lon)
        return found


def boxes_of(area: Area) -> list[Bounds]:
    """Give the boxes around the pieces of an area."""
    return [box for part in area.parts for box in boxes_of(part)] or [area.bounds]


def _between(bounds: Bounds, lat: Floats, lon: Floats) -> Bools:
    """Say which points lie in a box, its sides included."""
    if bounds.west <= bounds.east:
        beside = (lon >= bounds.west) & (lon <= bounds.east)
        if bounds.east == 180.0 or bounds.west == -180.0:  # one meridian, two names
            beside |= np.abs(lon) == 180.0
    else:
        beside = (lon >= bounds.west) | (lon <= bounds.east)
    found: Bools = beside & (lat >= bounds.south) & (lat <= bounds.north)
    return found
