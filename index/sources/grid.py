"""Where tiles go: one grid of centres over the whole Earth, so that imagery that grows moves no tile.

Rows are whole strides of the meridian's length from the equator, columns whole strides along the row's parallel from
the middle of a zone. Zones are 6 degrees wide, as those of UTM, so rows lie nearly under each other; along the border
of two zones, and nowhere else, neighbouring tiles may overlap more than they should.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.tiles import Bounds
from models.geo import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M, Floats, metres_per_degree, wrap_lon

OVERHANG = 0.25
STRIDES_PER_FOOTPRINT = 4
ZONES, ZONE_DEG = 60, 6.0
ROUNDING = 1e-6
"""Of a stride."""
Ints = NDArray[np.int64]

THIRD_FLATTENING = (1 - (1 - ECCENTRICITY_SQUARED) ** 0.5) / (1 + (1 - ECCENTRICITY_SQUARED) ** 0.5)
RECTIFYING_RADIUS_M = (
    SEMI_MAJOR_AXIS_M / (1 + THIRD_FLATTENING) * (1 + THIRD_FLATTENING**2 / 4 + THIRD_FLATTENING**4 / 64)
)
TO_RECTIFYING = (
    -3 / 2 * THIRD_FLATTENING + 9 / 16 * THIRD_FLATTENING**3,
    15 / 16 * THIRD_FLATTENING**2 - 15 / 32 * THIRD_FLATTENING**4,
    -35 / 48 * THIRD_FLATTENING**3,
    315 / 512 * THIRD_FLATTENING**4,
)
FROM_RECTIFYING = (
    3 / 2 * THIRD_FLATTENING - 27 / 32 * THIRD_FLATTENING**3,
    21 / 16 * THIRD_FLATTENING**2 - 55 / 32 * THIRD_FLATTENING**4,
    151 / 96 * THIRD_FLATTENING**3,
    1097 / 512 * THIRD_FLATTENING**4,
)


def default_stride_m(footprint_m: float) -> float:
    """A quarter of a tile: nobody stands further than 0.18 of its side from the nearest centre."""
    return footprint_m / STRIDES_PER_FOOTPRINT


@dataclass(frozen=True, slots=True)
class TileGrid:
    """The centres of a zone that belong to a box in it; rows count southwards and columns eastwards from its 0, 0.

    Where a tile describes its centre alone, the outermost centres lie at least a quarter of a tile inside the box, so
    that an outer tile shows more imagery than it lacks; a box too narrow for any gets the one nearest to its middle.
    Where a tile describes cells, these cover the whole box, whatever hangs over its edge.
    """

    zone: int
    """From 1, as those of UTM."""
    stride_m: float
    top: int
    bottom: int
    """Rows, the end excluded."""
    left: int
    right: int
    """Columns of any row, the end excluded."""
    west: float
    east: float
    """Degrees from the zone's middle."""
    west_inset_m: float
    east_inset_m: float
    """How far inside them the outermost centres lie at least; negative: at most so far outside."""

    @classmethod
    def over(
        cls, boxes: Iterable[Bounds], footprint_m: float, stride_m: float, described_m: float | None = None
    ) -> list[TileGrid]:
        """Lay a grid around what of some boxes lies in each zone.

        Args:
            boxes: of imagery.
            footprint_m: side of a tile.
            stride_m: distance between centres.
            described_m: side of the square that a tile's cells describe; None where it describes its centre alone.
        """
        inset_m = OVERHANG * footprint_m if described_m is None else -described_m / 2
        edges: dict[int, list[Bounds]] = defaultdict(list)
        for box in boxes:
            for zone, west, east in _zones(box):
                edges[zone].append(Bounds(west, box.south, east, box.north))
        return [cls._around(zone, found, stride_m, inset_m) for zone, found in edges.items()]

    @classmethod
    def _around(cls, zone: int, parts: Sequence[Bounds], stride_m: float, inset_m: float) -> TileGrid:
        west, east = min(part.west for part in parts), max(part.east for part in parts)
        south, north = min(part.south for part in parts), max(part.north for part in parts)
        ends = _ends(-float(meridian_m(north)) + inset_m, -float(meridian_m(south)) - inset_m, stride_m)
        top, bottom = (int(end) for end in ends)
        insets = (-stride_m / 2 if abs(edge) == ZONE_DEG / 2 else inset_m for edge in (west, east))
        grid = cls(zone, stride_m, top, bottom, 0, 0, west, east, *insets)
        widest = min(max(0, top), bottom - 1)
        left, right = grid.ends(np.array([top, bottom - 1, widest]))
        return replace(grid, left=int(left.min()), right=int(right.max()))

    @property
    def middle_lon(self) -> float:
        return (self.zone - 0.5) * ZONE_DEG - 180.0

    def ends(self, row: Ints) -> tuple[Ints, Ints]:
        """Give the first column of rows and the one after their last."""
        _, east_m = metres_per_degree(_lat(row, self.stride_m))
        return _ends(self.west * east_m + self.west_inset_m, self.east * east_m - self.east_inset_m, self.stride_m)

    def has(self, row: Ints, column: Ints) -> NDArray[np.bool_]:
        left, right = self.ends(row)
        return np.asarray((self.top <= row) & (row < self.bottom) & (left <= column) & (column < right))

    def centres(self, row: Ints, column: Ints) -> tuple[Floats, Floats]:
        """Give lat and lon of centres."""
        lat = _lat(row, self.stride_m)
        _, east_m = metres_per_degree(lat)
        return lat, wrap_lon(self.middle_lon + column * self.stride_m / east_m)

    def nearest(self, lat: float, lon: float) -> tuple[int, int]:
        """Give row and column of the centre nearest to a position."""
        row = min(max(round(-float(meridian_m(lat)) / self.stride_m), self.top), self.bottom - 1)
        _, east_m = metres_per_degree(_lat(row, self.stride_m))
        column = round(float(wrap_lon(lon - self.middle_lon) * east_m) / self.stride_m)
        left, right = self.ends(np.array([row]))
        return row, min(max(column, int(left[0])), int(right[0]) - 1)

    def name(self, row: int, column: int) -> str:
        """Name a centre: zone, strides north or south of the equator, strides east or west of the zone's middle."""
        north, east = "s" if row > 0 else "n", "w" if column < 0 else "e"
        return f"z{self.zone:02d}-{north}{abs(row):06d}-{east}{abs(column):05d}"


def meridian_m(lat: ArrayLike) -> Floats:
    """Give metres along the meridian from the equator, to a tenth of a millimetre.

    Source: Karney, Transverse Mercator with an accuracy of a few nanometers (2011), series in the third flattening.
    """
    phi = np.radians(np.asarray(lat, dtype=np.float64))
    found: Floats = RECTIFYING_RADIUS_M * _bent(phi, TO_RECTIFYING)
    return found


def _lat(row: ArrayLike, stride_m: float) -> Floats:
    mu = np.asarray(row, dtype=np.float64) * (-stride_m / RECTIFYING_RADIUS_M)
    found: Floats = np.degrees(_bent(mu, FROM_RECTIFYING))
    return found


def _bent(angle: Floats, terms: tuple[float, ...]) -> Floats:
    found: Floats = np.array(angle, dtype=np.float64)
    for n, term in enumerate(terms, start=1):
        found = found + term * np.sin(2 * n * angle)
    return found


def _ends(low_m: ArrayLike, high_m: ArrayLike, stride_m: float) -> tuple[Ints, Ints]:
    """Whole strides in a range, or the nearest to its middle if there are none."""
    low, high = np.asarray(low_m) / stride_m, np.asarray(high_m) / stride_m
    first, last = np.ceil(low - ROUNDING), np.floor(high + ROUNDING)
    middle, none = np.floor((low + high) / 2 + 0.5), first > last
    return np.where(none, middle, first).astype(np.int64), np.where(none, middle, last).astype(np.int64) + 1


def _zones(box: Bounds) -> Iterator[tuple[int, float, float]]:
    """Give the zones that a box touches, and its edges in degrees from their middles."""
    start, end = box.west + 180.0, box.west + 180.0 + box.width_deg
    first = int(start // ZONE_DEG)
    for number in range(first, max(first + 1, int(np.ceil(end / ZONE_DEG)))):
        middle, half = (number + 0.5) * ZONE_DEG, ZONE_DEG / 2
        west, east = max(start - middle, -half), min(end - middle, half)
        yield number % ZONES + 1, west, east
