"""Tiles on a square grid of bins, north up: what maps of any index are drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from index.report.aliasing import Int64s
from models.geo import Floats, enu_m, offset, wrap_lon

MOST_BINS = 96
"""Along the longer side."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Square bins over a box; bin (0, 0) is the north-western one."""

    rows: int
    columns: int
    bin_m: float
    lat: float
    """WGS84 degrees of the middle."""
    lon: float
    west_m: float
    north_m: float
    """Metres east and north of the middle, of the first bin's centre."""

    @classmethod
    def over(cls, lat: Floats, lon: Floats, least_m: float) -> Grid:
        """Lay bins over positions; wider than `least_m` only where there would be too many."""
        lon0 = float(lon[0])
        around = wrap_lon(lon - lon0)
        middle = float(lat.min() + lat.max()) / 2, float(wrap_lon(lon0 + (around.min() + around.max()) / 2))
        east, north = enu_m(lat, lon, *middle)
        wide, high = float(np.ptp(east)), float(np.ptp(north))
        bin_m = max(least_m, max(wide, high) / (MOST_BINS - 1))
        columns, rows = (1 + math.floor(length / bin_m + 0.5) for length in (wide, high))
        return cls(rows, columns, bin_m, *middle, float(east.min()), float(north.max()))

    def places(self, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
        """Give column and row of positions, in bins; bin centres are at whole numbers."""
        east, north = enu_m(lat, lon, self.lat, self.lon)
        return (east - self.west_m) / self.bin_m, (self.north_m - north) / self.bin_m

    def bins(self, lat: Floats, lon: Floats) -> Int64s:
        """Give the number of each position's bin, row by row."""
        column, row = (np.floor(along + 0.5).astype(np.int64) for along in self.places(lat, lon))
        inside = np.clip(row, 0, self.rows - 1) * self.columns + np.clip(column, 0, self.columns - 1)
        return np.asarray(inside, dtype=np.int64)

    def centres(self, bins: Int64s) -> tuple[Floats, Floats]:
        """Give lat and lon of the middles of bins, by their numbers."""
        row, column = np.divmod(bins, self.columns)
        return offset(self.lat, self.lon, self.west_m + column * self.bin_m, self.north_m - row * self.bin_m)
