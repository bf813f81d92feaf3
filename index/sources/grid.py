"""Where the tiles of an orthophoto go: a grid of centres in metres, rows along parallels, columns true east."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.tiles import Bounds
from models.geo import Floats, metres_per_degree, wrap_lon

OVERHANG = 0.25
STRIDES_PER_FOOTPRINT = 4


def default_stride_m(footprint_m: float) -> float:
    """A quarter of a tile: nobody stands further than 0.18 of its side from the nearest centre."""
    return footprint_m / STRIDES_PER_FOOTPRINT


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Centres `stride_m` apart, laid evenly over a box.

    Where a tile describes its centre alone, the outermost centres lie a quarter of a tile inside the box, so that its
    margin is covered too and an outer tile still shows more imagery than it lacks; a box narrower than a tile gets one
    centre, in its middle. Where a tile describes cells, these cover the whole box, whatever hangs over its edge.
    """

    rows: int
    columns: int
    stride_m: float
    lat: float
    lon: float
    """WGS84 degrees of the middle."""

    @classmethod
    def over(cls, box: Bounds, footprint_m: float, stride_m: float, described_m: float | None = None) -> TileGrid:
        """Lay a grid over a box; `described_m` is the side of the square that a tile's cells describe."""
        lat, lon = (box.south + box.north) / 2, float(wrap_lon(box.west + box.width_deg / 2))
        north_m, _ = metres_per_degree(lat)
        _, east_m = metres_per_degree(0.0 if box.south < 0 < box.north else min(abs(box.south), abs(box.north)))
        height_m, width_m = float(north_m) * (box.north - box.south), float(east_m) * box.width_deg
        rows, columns = (_steps(length, footprint_m, stride_m, described_m) for length in (height_m, width_m))
        return cls(rows, columns, stride_m, lat, lon)

    def centres(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Give lat and lon of centres; row 0 is the northernmost, column 0 the westernmost."""
        north_m, _ = metres_per_degree(self.lat)
        lat = self.lat + ((self.rows - 1) / 2 - row) * self.stride_m / north_m
        _, east_m = metres_per_degree(lat)
        return lat, wrap_lon(self.lon + (column - (self.columns - 1) / 2) * self.stride_m / east_m)

    def nearest(self, lat: ArrayLike, lon: ArrayLike) -> tuple[int, int]:
        """Give row and column of the centre nearest to a position."""
        north_m, _ = metres_per_degree(self.lat)
        row = round((self.rows - 1) / 2 - float((np.asarray(lat) - self.lat) * north_m) / self.stride_m)
        row = min(max(row, 0), self.rows - 1)
        _, east_m = metres_per_degree(self.lat + ((self.rows - 1) / 2 - row) * self.stride_m / north_m)
        east = float(wrap_lon(np.asarray(lon) - self.lon) * east_m)
        column = round((self.columns - 1) / 2 + east / self.stride_m)
        return row, min(max(column, 0), self.columns - 1)


def _steps(length_m: float, footprint_m: float, stride_m: float, described_m: float | None) -> int:
    if described_m is not None:
        return 1 + max(0, math.ceil((length_m - described_m) / stride_m - 1e-9))
    if length_m < footprint_m:
        return 1
    return 1 + math.floor((length_m - 2 * OVERHANG * footprint_m) / stride_m + 1e-9)
