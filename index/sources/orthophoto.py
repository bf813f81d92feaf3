"""Georeferenced imagery cut into overlapping square tiles, true north up, a block of neighbours at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from index.sources.blocks import Cut, Reader, Spot
from index.sources.grid import ZONE_DEG, TileGrid
from index.sources.mosaic import PLASTIC, Mosaic
from index.sources.spots import SAMPLES, Sight, look, most_share, reach_deg, share, union_of
from index.tiles import BadTile, Piece, Tile
from models.geo import Floats, wrap_lon

BLOCK_TILES = 16
BLOCK_PX = 2048
SAFELY = 1.06
"""A position must lie this much better on the imagery than a tile needs, so that the edge alone never makes it bad."""
COUNT_SAMPLES, MOST_LOOKED_AT = 64, 64
MOST_COUNTED, MOST_BLOCKS, BLOCKS_COUNTED = 100_000, 1500, 48
SHEETS_TRIED, MOST_PLACES = 8, 1000
GOLDEN = 0.6180339887498949
"""Its multiples fill a line evenly, however many there are."""
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Orthophoto:
    """Imagery and the tiles to cut from it, in one zone of the grid.

    A tile needs imagery on at least `least_share` of what a tile in the middle of it would show, which is all
    of it unless the imagery is smaller than a tile. Positions that hang further over its edge are left out in
    silence; those with more nodata are bad tiles. A damaged piece counts as nodata, and costs the tile nearest to it.
    """

    mosaic: Mosaic
    grid: TileGrid
    cut: Cut
    least_share: float

    @property
    def count(self) -> int:
        """Tiles to expect: of little imagery what some blocks hold, or all; of much an estimate by its area."""
        few = len(self.mosaic.sheets) <= MOST_LOOKED_AT
        rough = self._count_by_places() if few else self._count_by_area()
        blocks = list(islice(self._blocks(), MOST_BLOCKS + 1)) if rough <= MOST_COUNTED else []
        if not 0 < len(blocks) <= MOST_BLOCKS:
            return max(1, round(rough))
        chosen = blocks[:: -(-len(blocks) // BLOCKS_COUNTED)]
        share = sum(len(self._spots(*block)[0]) for block in chosen) / sum(len(block[0]) for block in chosen)
        return max(1, round(share * sum(len(block[0]) for block in blocks)))

    def _count_by_places(self) -> float:
        """Positions of the grid, times the share of some of them that lies on the imagery."""
        grid = self.grid
        row, column = (axis.ravel() for axis in np.meshgrid(_some(grid.top, grid.bottom), _some(grid.left, grid.right)))
        inside = grid.has(row, column)
        lat, lon = grid.centres(row[inside], column[inside])
        on = np.zeros(len(lat), dtype=np.bool_)
        for sheet in self.mosaic.sheets:
            x, y = sheet.grid.pixel(lat, lon)
            on |= (x >= 0) & (x <= sheet.grid.width) & (y >= 0) & (y <= sheet.grid.height)
        left, right = grid.ends(np.arange(grid.top, grid.bottom))
        filled = min(sheet.filled for sheet in self.mosaic.sheets)
        return float(on.sum()) / max(1, len(on)) * filled * float((right - left).sum())

    def _count_by_area(self) -> float:
        middle = self.mosaic.boxes[:, 0] + self.mosaic.boxes[:, 2] / 2
        here = np.abs(wrap_lon(middle - self.grid.middle_lon)) <= ZONE_DEG / 2
        sheets = [self.mosaic.sheets[number] for number in np.flatnonzero(here)]
        area = sum(sheet.grid.width * sheet.grid.height * sheet.ground_resolution_m**2 for sheet in sheets)
        return area * self.mosaic.area_share() / self.grid.stride_m**2

    def tiles(self) -> Iterator[Tile | BadTile]:
        """Cut the tiles, one piece after another."""
        for piece in self.pieces():
            yield from piece.make()

    def pieces(self) -> Iterator[Piece]:
        """Read block after block and give its rows, yet to be cut; some files are open while this runs.

        As many blocks are in memory as pieces of them are still held.
        """
        with self.mosaic.open() as sheets:
            reader = Reader(self.mosaic, sheets, self.grid, self.cut, self._least)
            for row, column, anchor in self._blocks():
                yield from self._block(reader, row, column, anchor)

    def spread(self) -> Iterator[Tile | BadTile]:
        """Cut blocks from all over the imagery, in an order that leaves no part of it for the end."""
        tried, side = set(), self._side()
        with self.mosaic.open() as sheets:
            reader = Reader(self.mosaic, sheets, self.grid, self.cut, self._least)
            for n in range(1, MOST_PLACES):
                at = self._somewhere(n)
                block = None if at is None else (at[0] // side, at[1] // side)
                if block is None or block in tried:
                    continue
                tried.add(block)
                for piece in self._block(reader, *self._positions(*block, side)):
                    yield from piece.make()

    def _somewhere(self, n: int) -> tuple[int, int] | None:
        """Give the position nearest to the n-th of places that are spread evenly; None if that is elsewhere."""
        sheet = self.mosaic.sheets[int(n * GOLDEN % 1.0 * len(self.mosaic.sheets))]
        place = sheet.somewhere(n * PLASTIC % 1.0, n * PLASTIC**2 % 1.0)
        lat, lon = (float(degrees) for degrees in sheet.grid.position(*place))
        here = abs(float(wrap_lon(lon - self.grid.middle_lon))) <= ZONE_DEG / 2
        return self.grid.nearest(lat, lon) if here else None

    @cached_property
    def _least(self) -> float:
        tried = self.mosaic.sheets[:: max(1, len(self.mosaic.sheets) // SHEETS_TRIED)]
        return self.least_share * max(most_share(self.mosaic, sheet, self.cut.footprint_m) for sheet in tried)

    def _block(self, reader: Reader, row: Ints, column: Ints, anchor: Ints) -> Iterator[Piece]:
        spots, sights = self._spots(row, column, anchor)
        if spots:
            yield from reader.cut(spots, sights)

    def _spots(self, row: Ints, column: Ints, anchor: Ints) -> tuple[list[Spot], list[Sight]]:
        """Find the positions of a block that lie on imagery, and the sheets that show it."""
        inside = self.grid.has(row, column)
        row, column, anchor = row[inside], column[inside], anchor[inside]
        if not len(row):
            return [], []
        centres = lat, lon = self.grid.centres(row, column)
        sights = look(self.mosaic, centres, self.grid.centres(row, anchor), self.cut.footprint_m)
        enough = share(union_of(sights, (len(row), SAMPLES * SAMPLES))) >= self._least * SAFELY
        spots = [
            Spot(n, int(row[n]), int(column[n]), float(lat[n]), float(lon[n]), int(column[n] - anchor[n]))
            for n in np.flatnonzero(enough).tolist()
        ]
        return spots, sights

    def _blocks(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Rows and columns of the grid, and the column a row is anchored to, a block of neighbours at a time.

        One read serves a block. Blocks begin at whole numbers of them, whatever part of the grid there is, so that a
        tile's pixels do not depend on where the imagery ends.
        """
        grid, side = self.grid, self._side()
        top, bottom, left, right = (
            math.floor(grid.top / side), math.ceil(grid.bottom / side),
            math.floor(grid.left / side), math.ceil(grid.right / side),
        )  # fmt: skip
        for block in self._descend(top, bottom, left, right, side):
            yield self._positions(*block, side)

    def _positions(self, block_row: int, block_column: int, side: int) -> tuple[Ints, Ints, Ints]:
        grid, top, left = self.grid, block_row * side, block_column * side
        rows = np.arange(max(top, grid.top), min(top + side, grid.bottom))
        columns = np.arange(max(left, grid.left), min(left + side, grid.right))
        anchor = np.full(len(rows) * len(columns), left + side // 2)
        return np.repeat(rows, len(columns)), np.tile(columns, len(rows)), anchor

    def _side(self) -> int:
        span_m = BLOCK_PX / 2 * self.cut.footprint_m / self.cut.size_px - self.cut.footprint_m
        return min(BLOCK_TILES, max(1, 1 + math.floor(span_m / self.grid.stride_m)))

    def _descend(self, top: int, bottom: int, left: int, right: int, side: int) -> Iterator[tuple[int, int]]:
        """Halve a rectangle of blocks until single ones are left, passing over what has no imagery."""
        if not self._touches(top * side, bottom * side, left * side, right * side):
            return
        high, wide = bottom - top, right - left
        if high == wide == 1:
            yield top, left
        elif high >= wide:
            middle = top + high // 2
            yield from self._descend(top, middle, left, right, side)
            yield from self._descend(middle, bottom, left, right, side)
        else:
            middle = left + wide // 2
            yield from self._descend(top, bottom, left, middle, side)
            yield from self._descend(top, bottom, middle, right, side)

    def _touches(self, top: int, bottom: int, left: int, right: int) -> bool:
        top, bottom = max(top, self.grid.top), min(bottom, self.grid.bottom)
        left, right = max(left, self.grid.left), min(right, self.grid.right)
        widest = min(max(0, top), bottom - 1)
        row = np.repeat([top, widest, bottom - 1], 2)
        lat, lon = self.grid.centres(row, np.tile([left, right - 1], 3))
        near = self.mosaic.near(lat, lon, reach_deg(lat, self.cut.footprint_m))
        return any(self._sheet_touches(int(number), lat, lon) for number in near)

    def _sheet_touches(self, number: int, lat: Floats, lon: Floats) -> bool:
        sheet, side_m = self.mosaic.sheets[number], self.cut.footprint_m
        places = sheet.grid.placements(lat, lon, side_m / 2)
        if not np.isfinite(places).all():
            return True
        reach = np.abs(places[:, 2:]).max() * side_m
        x, y = places[:, 0], places[:, 1]
        return sheet.touches(x.min() - reach, y.min() - reach, x.max() + reach, y.max() + reach)


def _some(start: int, stop: int) -> Ints:
    return np.unique(np.linspace(start, stop - 1, min(stop - start, COUNT_SAMPLES)).astype(np.int64))
