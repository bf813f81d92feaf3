"""Which positions of the grid lie on imagery, and how the ground around them lies in the sheets that show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.sampling import OPAQUE, Patch, Placement
from index.sources.imagery import Imagery
from index.sources.mosaic import Mosaic
from models.geo import Floats, metres_per_degree

SAMPLES = 17
"""Places a side that are looked at in a tile, its edges among them: a sheet that shows any of it shows one of them."""
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sight:
    """One sheet as seen from N positions; none of it depends on which others there are."""

    sheet: int
    places: Floats
    """(N, 6) of the positions: the fields of Placement."""
    anchors: Floats
    """(N, 6) of the positions that their rows of the block are anchored to."""
    column: Floats
    row: Floats
    """(N, K) of places spread over the tiles, in the sheet's pixels."""
    covers: Bools
    """(N, K) whether the sheet has pixels there, perhaps nodata ones."""

    def place(self, number: int) -> Placement:
        return Placement(*self.places[number].tolist())

    def anchor(self, number: int) -> Placement:
        return Placement(*self.anchors[number].tolist())

    def visible(self, patch: Patch) -> Bools:
        """Say for the (N, K) places whether a patch of the sheet shows imagery there."""
        alpha = np.asarray(patch.image.getchannel("a"))
        with np.errstate(invalid="ignore"):
            column, row = (self.column - patch.left) / patch.across, (self.row - patch.top) / patch.down
            inside = self.covers & (column >= 0) & (column <= alpha.shape[1]) & (row >= 0) & (row <= alpha.shape[0])
        x = np.minimum(np.where(inside, column, 0).astype(np.int64), alpha.shape[1] - 1)
        y = np.minimum(np.where(inside, row, 0).astype(np.int64), alpha.shape[0] - 1)
        return np.asarray(inside & (alpha[y, x] >= OPAQUE))


def look(
    mosaic: Mosaic, centres: tuple[Floats, Floats], anchors: tuple[Floats, Floats], footprint_m: float
) -> list[Sight]:
    """Find the sheets around positions, in their order; (N,) lat and lon of the positions and of their anchors."""
    lat, lon = centres
    half, found = footprint_m / 2, []
    for number in mosaic.near(lat, lon, reach_deg(lat, half)):
        sheet = mosaic.sheets[number]
        places = sheet.grid.placements(lat, lon, half)
        column, row = _samples(places, footprint_m)
        covers = sheet.covers(column, row)
        if covers.any():
            found.append(Sight(int(number), places, sheet.grid.placements(*anchors, half), column, row, covers))
    return found


def _samples(places: Floats, footprint_m: float) -> tuple[Floats, Floats]:
    """Give column and row, (N, K), of places spread over N tiles; not finite where there is none."""
    along = (np.arange(SAMPLES) / (SAMPLES - 1) - 0.5) * footprint_m
    east, north = (axis.ravel() for axis in np.meshgrid(along, along))
    with np.errstate(invalid="ignore"):
        column, row = (
            places[:, n, None] + places[:, n + 2, None] * east + places[:, n + 4, None] * north for n in (0, 1)
        )
    return column, row


def reach_deg(lat: Floats, metres: float) -> tuple[float, float]:
    """Give degrees of latitude and longitude that are at least so many metres at all of some latitudes."""
    north_m, east_m = metres_per_degree(lat)
    return metres / float(north_m.min()), min(metres / max(float(east_m.min()), 1.0), 180.0)


def share(covers: Bools) -> Floats:
    """Give the share of tiles, (N,), that places spread over them, (N, K), make up."""
    along = np.ones(SAMPLES)
    along[[0, -1]] = 0.5
    weights = np.outer(along, along).ravel()
    found: Floats = covers @ (weights / weights.sum())
    return found


def union_of(sights: Iterable[Sight], shape: tuple[int, int]) -> Bools:
    """Give the places, (N, K), that any of the sheets covers."""
    together = np.zeros(shape, dtype=np.bool_)
    for sight in sights:
        together |= sight.covers
    return together


def most_share(mosaic: Mosaic, sheet: Imagery, footprint_m: float) -> float:
    """Give the share of a tile in the middle of a sheet that imagery without holes fills; 1 unless it is small."""
    lat, lon = (np.array([degrees]) for degrees in sheet.grid.middle)
    together = np.zeros((1, SAMPLES * SAMPLES), dtype=np.bool_)
    for number in mosaic.near(lat, lon, reach_deg(lat, footprint_m / 2)):
        pixels = mosaic.sheets[number].grid
        column, row = _samples(pixels.placements(lat, lon, footprint_m / 2), footprint_m)
        together |= (column >= 0) & (column <= pixels.width) & (row >= 0) & (row <= pixels.height)
    return float(share(together)[0])
