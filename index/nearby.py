"""Rows near a place: far blocks of the Hilbert order are passed over."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from index.hits import NO_ROWS, Int64s
from index.table import TileTable
from models.errors import ParameterError
from models.geo import Floats, distance_m

BLOCK_ROWS = 256
REACH_SLACK, REACH_SLACK_M = 1.02, 1.0


class Nearby:
    """Finds the tiles around a place in a table that is in Hilbert order."""

    def __init__(self, tiles: TileTable) -> None:
        self._tiles = tiles
        starts = np.arange(0, len(tiles), BLOCK_ROWS)
        self._blocks = [slice(int(a), int(b)) for a, b in pairwise([*starts, len(tiles)])]
        self._centres, self._reach_m = _enclose(tiles, self._blocks)

    def rows(self, lat: float, lon: float, radius_m: float) -> Int64s:
        """Give the rows, rising, whose centres lie within a radius.

        Raises:
            ParameterError: the position or radius is no such thing.
        """
        if not (abs(lat) <= 90 and abs(lon) <= 180):
            raise ParameterError("prior", f"lat {lat:g}, lon {lon:g} is not a WGS84 position.")
        if not 0 < radius_m < np.inf:
            raise ParameterError("radius_m", f"{radius_m:g} is not a positive length.")
        away_m = distance_m(self._centres[:, 0], self._centres[:, 1], lat, lon)
        near = np.flatnonzero(away_m <= (radius_m + self._reach_m) * REACH_SLACK + REACH_SLACK_M)
        parts = [NO_ROWS]
        for block in (self._blocks[number] for number in near):
            inside = distance_m(self._tiles.lat[block], self._tiles.lon[block], lat, lon) <= radius_m
            parts.append(np.flatnonzero(inside) + block.start)
        return np.concatenate(parts)

    def around(self, rows: Int64s, radius_m: float) -> Int64s:
        """Give the rows, rising, whose centres lie within a radius of the centre of any of some tiles."""
        places = zip(self._tiles.lat[rows].tolist(), self._tiles.lon[rows].tolist(), strict=True)
        return np.unique(np.concatenate([NO_ROWS, *(self.rows(lat, lon, radius_m) for lat, lon in places)]))


def _enclose(tiles: TileTable, blocks: list[slice]) -> tuple[Floats, Floats]:
    """Give a circle around each block: centres (B, 2) as lat, lon (that of a row in it) and radii (B,) in metres."""
    lat, lon = tiles.lat, tiles.lon
    middles = [(block.start + block.stop) // 2 for block in blocks]
    reach = [float(distance_m(lat[b], lon[b], lat[m], lon[m]).max()) for b, m in zip(blocks, middles, strict=True)]
    return np.stack([lat[middles], lon[middles]], axis=1), np.array(reach)
