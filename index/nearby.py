"""Tiles in an area as runs of rows: boxes around blocks of the Hilbert order, and around groups of these, go first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.areas import Area, Circle
from index.hits import NO_ROWS, Int64s
from index.runs import Runs
from index.table import TileTable
from index.tiles import Bounds
from models.geo import Floats, wrap_lon

BLOCK_ROWS, BLOCKS_PER_GROUP = 64, 64
ROWS_AT_ONCE = 65_536
EPS_DEG = 1e-9
"""What boxes are grown by (0.1 mm), so that rounding leaves out nothing that the area itself would take."""


class Nearby:
    """Finds the tiles of areas in a table that is in Hilbert order; in any other order it is only slower."""

    def __init__(self, tiles: TileTable) -> None:
        self._tiles = tiles
        self._west_deg = float(tiles.lon[0]) if len(tiles) else 0.0
        lon = wrap_lon(tiles.lon - self._west_deg)
        self._blocks = _Boxes.around(tiles.lat, lon).grouped(BLOCK_ROWS)
        self._groups = self._blocks.grouped(BLOCKS_PER_GROUP)

    def runs(self, area: Area) -> Runs:
        """Give the tiles whose centres lie in an area."""
        if area.parts:
            return Runs.union([self.runs(part) for part in area.parts])
        spans = self._spans(area.bounds)
        groups = np.flatnonzero(self._groups.meet(*spans))
        blocks = _members(groups, BLOCKS_PER_GROUP, len(self._blocks))
        blocks = blocks[self._blocks.take(blocks).meet(*spans)]
        found = []
        for start in range(0, len(blocks), ROWS_AT_ONCE // BLOCK_ROWS):
            some = blocks[start : start + ROWS_AT_ONCE // BLOCK_ROWS]
            rows = _members(some, BLOCK_ROWS, len(self._tiles))
            found.append(rows[area.holds(self._tiles.lat[rows], self._tiles.lon[rows])])
        return Runs.of(found[0] if len(found) == 1 else np.concatenate([NO_ROWS, *found]))

    def rows(self, lat: float, lon: float, radius_m: float) -> Int64s:
        """Give the rows, rising, whose centres lie within a radius.

        Raises:
            ParameterError: the position or radius is no such thing.
        """
        return self.runs(Circle(lat, lon, radius_m)).rows

    def around(self, rows: Int64s, radius_m: float) -> Int64s:
        """Give the rows, rising, whose centres lie within a radius of the centre of any of some tiles."""
        places = zip(self._tiles.lat[rows].tolist(), self._tiles.lon[rows].tolist(), strict=True)
        return Runs.union([self.runs(Circle(lat, lon, radius_m)) for lat, lon in places]).rows

    def _spans(self, bounds: Bounds) -> tuple[float, float, list[tuple[float, float]]]:
        """Give south, north and the one or two spans of longitude, as the boxes count it, that hold a box."""
        west = (bounds.west - self._west_deg - EPS_DEG + 180.0) % 360.0 - 180.0
        east = west + bounds.width_deg + 2 * EPS_DEG
        spans = [(west, east)] if east < 180.0 else [(west, 180.0), (-180.0, east - 360.0)]
        return bounds.south - EPS_DEG, bounds.north + EPS_DEG, spans


class _Boxes:
    """Boxes around rows in degrees; longitudes count from the first tile, and none crosses the meridian opposite."""

    def __init__(self, reach: Floats) -> None:
        self._reach = reach
        """(4, B): west, south, -east, -north, so that one comparison tells what meets."""

    @classmethod
    def around(cls, lat: Floats, lon: Floats) -> _Boxes:
        return cls(np.stack([lon, lat, -lon, -lat]))

    def grouped(self, count: int) -> _Boxes:
        """Give the boxes around so many at a time; the last may be around fewer."""
        starts = np.arange(0, len(self), count)
        return _Boxes(np.minimum.reduceat(self._reach, starts, axis=1)) if starts.size else self

    def take(self, places: Int64s) -> _Boxes:
        return _Boxes(self._reach.take(places, axis=1))

    def meet(self, south: float, north: float, spans: list[tuple[float, float]]) -> NDArray[np.bool_]:
        """Say which reach into any of some spans of longitude between two parallels."""
        found = np.zeros(len(self), np.bool_)
        for west, east in spans:
            inside = self._reach <= np.array([[east], [north], [-west], [-south]])
            found |= inside[0] & inside[1] & inside[2] & inside[3]
        return found

    def __len__(self) -> int:
        return int(self._reach.shape[1])


def _members(groups: Int64s, size: int, count: int) -> Int64s:
    """Give, rising, the members below `count` of groups of `size`."""
    every = (groups[:, None] * size + np.arange(size)).ravel()
    return every[every < count] if every.size and every[-1] >= count else every
