"""One georeferenced raster cut into overlapping square tiles, true north up, a block of neighbours at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from index.sampling import Placement, cut_square
from index.sources.grid import TileGrid
from index.sources.raster import Raster, open_dataset
from index.tiles import BadTile, Tile
from models.errors import TileBlank, TileUnreadable
from models.geo import Floats

BLOCK_TILES = 16
BLOCK_PX = 2048
MARGIN_PX = 2
SHARE_SAMPLES = 16
LEAST_SHARE, LEAST_SHARE_OF_CELLS = 0.5, 0.2
"""Of a tile's imagery: cells near the edge of the imagery belong to tiles that mostly hang over it."""
SAFELY = 1.06
"""A position must lie this much better on the raster than a tile needs, so that the edge alone never makes it bad."""
NEARLY = 1.02
"""A scale this close below a whole number counts as one: a map projection alone makes 1.9996 of 2."""
COUNT_SAMPLES = 64


@dataclass(frozen=True, slots=True)
class Spot:
    """One position of the grid that lies on the raster."""

    id: str
    lat: float
    lon: float
    place: Placement


@dataclass(frozen=True, slots=True)
class Orthophoto:
    """A raster and the tiles to cut from it.

    A tile needs imagery on at least `least_share` of what a tile in the middle of the raster would show, which is all
    of it unless the raster is smaller than a tile. Positions that hang further over the raster's edge are left out in
    silence; those with more nodata are bad tiles.
    """

    raster: Raster
    grid: TileGrid
    ground_resolution_m: float
    footprint_m: float
    size_px: int
    captured: str | None
    least_share: float = LEAST_SHARE

    @property
    def count(self) -> int:
        """Tiles to expect: positions of the grid, times the share of some of them that lies on the raster."""
        row, column = np.meshgrid(_some(self.grid.rows), _some(self.grid.columns), indexing="ij")
        x, y = self.raster.pixel(*self.grid.centres(row.ravel(), column.ravel()))
        on = (x >= 0) & (x <= self.raster.width) & (y >= 0) & (y <= self.raster.height)
        return max(1, round(float(on.mean()) * self.grid.rows * self.grid.columns))

    def tiles(self) -> Iterator[Tile | BadTile]:
        """Cut the tiles; the file is open while this runs, and never more than a block of it in memory."""
        lat, lon = self.raster.middle
        whole = self._share_on_raster(self._placements(np.array([lat]), np.array([lon])))[0]
        least = self.least_share * float(whole)
        with open_dataset(self.raster.path) as dataset:
            for row, column in self._blocks():
                spots = self._spots(row, column, least)
                if spots:
                    yield from self._cut(dataset, spots, least)

    def _blocks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Rows and columns of the grid, a block of neighbours at a time, so that one read serves all of them."""
        span_m = BLOCK_PX / 2 * self.footprint_m / self.size_px - self.footprint_m
        side = min(BLOCK_TILES, max(1, 1 + math.floor(span_m / self.grid.stride_m)))
        for top in range(0, self.grid.rows, side):
            for left in range(0, self.grid.columns, side):
                rows = np.arange(top, min(top + side, self.grid.rows))
                columns = np.arange(left, min(left + side, self.grid.columns))
                yield np.repeat(rows, len(columns)), np.tile(columns, len(rows))

    def _spots(self, row: NDArray[np.int64], column: NDArray[np.int64], least: float) -> list[Spot]:
        lat, lon = self.grid.centres(row, column)
        places = self._placements(lat, lon)
        name = self.raster.path.stem
        return [
            Spot(f"{name}-r{row[n]:04d}-c{column[n]:04d}", float(lat[n]), float(lon[n]), Placement(*places[n].tolist()))
            for n in np.flatnonzero(self._share_on_raster(places) >= least * SAFELY)
        ]

    def _placements(self, lat: Floats, lon: Floats) -> Floats:
        return self.raster.placements(lat, lon, self.footprint_m / 2)

    def _share_on_raster(self, places: Floats) -> Floats:
        """Give the share of each tile, (N,), that lies within the raster's edges; 0 where there is no place for it."""
        along = ((np.arange(SHARE_SAMPLES) + 0.5) / SHARE_SAMPLES - 0.5) * self.footprint_m
        east, north = (axis.ravel() for axis in np.meshgrid(along, along))
        with np.errstate(invalid="ignore"):
            column, row = (
                places[:, n, None] + places[:, n + 2, None] * east + places[:, n + 4, None] * north for n in (0, 1)
            )
        inside = (column >= 0) & (column <= self.raster.width) & (row >= 0) & (row <= self.raster.height)
        share: Floats = inside.mean(axis=1)
        return share

    def _cut(self, dataset: DatasetReader, spots: Sequence[Spot], least: float) -> Iterator[Tile | BadTile]:
        window, across, down = self._window(spots)
        try:
            patch = self.raster.read(dataset, window, across, down)
        except RasterioError as error:
            if len(spots) == 1:
                yield BadTile(spots[0].id, TileUnreadable.code, f"{self.raster.path.name} is damaged there: {error}")
                return
            for spot in spots:  # the damage may touch only some of them
                yield from self._cut(dataset, [spot], least)
            return
        for spot in spots:
            pixels, share = cut_square(patch, spot.place, self.footprint_m, self.size_px)
            if share < least:
                yield BadTile(spot.id, TileBlank.code, f"Only {share:.0%} of the tile has imagery.")
            else:
                yield self._tile(spot, pixels)

    def _tile(self, spot: Spot, pixels: NDArray[np.uint8]) -> Tile:
        return Tile(
            id=spot.id,
            lat=spot.lat,
            lon=spot.lon,
            pixels=pixels,
            footprint_m=self.footprint_m,
            ground_resolution_m=self.ground_resolution_m,
            captured=self.captured,
            source=self.raster.path.name,
        )

    def _window(self, spots: Sequence[Spot]) -> tuple[Window, int, int]:
        """Give the pixels that some tiles need, and how many of them across and down make one of the output."""
        places = [spot.place for spot in spots]
        metre = self.footprint_m / self.size_px * NEARLY
        across = max(1, math.floor(min(math.hypot(p.column_east, p.column_north) for p in places) * metre))
        down = max(1, math.floor(min(math.hypot(p.row_east, p.row_north) for p in places) * metre))
        half = self.footprint_m / 2
        wide = max(abs(p.column_east) + abs(p.column_north) for p in places) * half + MARGIN_PX * across
        high = max(abs(p.row_east) + abs(p.row_north) for p in places) * half + MARGIN_PX * down
        columns, rows = [p.column for p in places], [p.row for p in places]
        left, right = _span(min(columns) - wide, max(columns) + wide, across, self.raster.width)
        top, bottom = _span(min(rows) - high, max(rows) + high, down, self.raster.height)
        return Window(left, top, right - left, bottom - top), across, down


def _span(low: float, high: float, step: int, length: int) -> tuple[int, int]:
    """Widen a range to whole steps from 0, so that every window averages the same pixels into one, and clip it."""
    end = length - length % step if length >= step else length
    return max(0, math.floor(low / step)) * step, min(math.ceil(high / step) * step, end)


def _some(length: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, min(length, COUNT_SAMPLES)).astype(np.int64))
