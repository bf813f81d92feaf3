"""Georeferenced imagery cut into overlapping square tiles, true north up, a block of neighbours at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from index.sampling import Patch, Placement, cut_row, cut_square
from index.sources.grid import TileGrid
from index.sources.imagery import Damage, Imagery, ImageryReader
from index.tiles import BadTile, Piece, Tile
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
STRAY_PX = 0.05
"""Pixels of a tile by which its centre may be off when its row is cut as one strip: the curvature of parallels."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One position of the grid that lies on the imagery."""

    id: str
    row: int
    column: int
    """In the grid of tiles."""
    lat: float
    lon: float
    place: Placement
    anchor: Placement
    """Of the position in the middle of its row of the block, whoever else is in it."""
    steps: int
    """Columns east of that."""


@dataclass(frozen=True, slots=True)
class Orthophoto:
    """Imagery and the tiles to cut from it.

    A tile needs imagery on at least `least_share` of what a tile in the middle of it would show, which is all
    of it unless the imagery is smaller than a tile. Positions that hang further over its edge are left out in
    silence; those with more nodata are bad tiles. A damaged piece counts as nodata, and costs the tile nearest to it.
    """

    imagery: Imagery
    grid: TileGrid
    footprint_m: float
    size_px: int
    captured: str | None
    least_share: float = LEAST_SHARE
    credit: str | None = None
    """Whom to credit for these tiles in particular."""

    @property
    def count(self) -> int:
        """Tiles to expect: positions of the grid, times the share of some of them that lies on the imagery."""
        pixels = self.imagery.grid
        row, column = np.meshgrid(_some(self.grid.rows), _some(self.grid.columns), indexing="ij")
        x, y = pixels.pixel(*self.grid.centres(row.ravel(), column.ravel()))
        on = (x >= 0) & (x <= pixels.width) & (y >= 0) & (y <= pixels.height)
        return max(1, round(float(on.mean()) * self.imagery.filled * self.grid.rows * self.grid.columns))

    def tiles(self) -> Iterator[Tile | BadTile]:
        """Cut the tiles, one piece after another."""
        for piece in self.pieces():
            yield from piece.make()

    def pieces(self) -> Iterator[Piece]:
        """Read block after block and give its rows, yet to be cut; the file is open while this runs.

        As many blocks are in memory as pieces of them are still held.
        """
        least = self.least_share * self._most_share()
        with self.imagery.open() as reader:
            for row, column in self._blocks():
                spots = self._spots(row, column, least)
                if spots:
                    yield from self._cut(reader, spots, least)

    def _most_share(self) -> float:
        """Give the share of a tile that imagery without holes fills: less than 1 where it is smaller than a tile."""
        pixels = self.imagery.grid
        lat, lon = pixels.middle
        column, row = self._samples(self._placements(np.array([lat]), np.array([lon])))
        return float(((column >= 0) & (column <= pixels.width) & (row >= 0) & (row <= pixels.height)).mean())

    def _blocks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Rows and columns of the grid, a block of neighbours at a time, so that one read serves all of them."""
        span_m = BLOCK_PX / 2 * self.footprint_m / self.size_px - self.footprint_m
        side = min(BLOCK_TILES, max(1, 1 + math.floor(span_m / self.grid.stride_m)))
        for top, bottom, left, right in self._descend(0, self.grid.rows, 0, self.grid.columns, side):
            rows, columns = np.arange(top, bottom), np.arange(left, right)
            yield np.repeat(rows, len(columns)), np.tile(columns, len(rows))

    def _descend(self, top: int, bottom: int, left: int, right: int, side: int) -> Iterator[tuple[int, int, int, int]]:
        """Halve a part of the grid until it is at most `side` each way, passing over what has no imagery."""
        if not self._touches(top, bottom, left, right):
            return
        high, wide = bottom - top, right - left
        if max(high, wide) <= side:
            yield top, bottom, left, right
        elif high >= wide:
            middle = top + _half(high, side)
            yield from self._descend(top, middle, left, right, side)
            yield from self._descend(middle, bottom, left, right, side)
        else:
            middle = left + _half(wide, side)
            yield from self._descend(top, bottom, left, middle, side)
            yield from self._descend(top, bottom, middle, right, side)

    def _touches(self, top: int, bottom: int, left: int, right: int) -> bool:
        row = np.array([top, top, bottom - 1, bottom - 1])
        column = np.array([left, right - 1, left, right - 1])
        places = self._placements(*self.grid.centres(row, column))
        if not np.isfinite(places).all():
            return True
        reach = np.abs(places[:, 2:]).max() * self.footprint_m
        x, y = places[:, 0], places[:, 1]
        return self.imagery.touches(x.min() - reach, y.min() - reach, x.max() + reach, y.max() + reach)

    def _spots(self, row: NDArray[np.int64], column: NDArray[np.int64], least: float) -> list[Spot]:
        lat, lon = self.grid.centres(row, column)
        places = self._placements(lat, lon)
        middle = np.full_like(column, (column.min() + column.max()) // 2)
        anchors = self._placements(*self.grid.centres(row, middle))
        share = self.imagery.covers(*self._samples(places)).mean(axis=1)
        return [
            Spot(
                f"{self.imagery.id}-r{row[n]:04d}-c{column[n]:04d}",
                int(row[n]),
                int(column[n]),
                float(lat[n]),
                float(lon[n]),
                Placement(*places[n].tolist()),
                Placement(*anchors[n].tolist()),
                int(column[n] - middle[n]),
            )
            for n in np.flatnonzero(share >= least * SAFELY)
        ]

    def _placements(self, lat: Floats, lon: Floats) -> Floats:
        return self.imagery.grid.placements(lat, lon, self.footprint_m / 2)

    def _samples(self, places: Floats) -> tuple[Floats, Floats]:
        """Give column and row, (N, K), of places spread over N tiles; not finite where there is none."""
        along = ((np.arange(SHARE_SAMPLES) + 0.5) / SHARE_SAMPLES - 0.5) * self.footprint_m
        east, north = (axis.ravel() for axis in np.meshgrid(along, along))
        with np.errstate(invalid="ignore"):
            column, row = (
                places[:, n, None] + places[:, n + 2, None] * east + places[:, n + 4, None] * north for n in (0, 1)
            )
        return column, row

    def _cut(self, reader: ImageryReader, spots: Sequence[Spot], least: float) -> Iterator[Piece]:
        window, across, down = self._window(spots)
        try:
            reading = reader.read(window, across, down)
        except TileUnreadable as error:
            if len(spots) == 1:
                bad = BadTile(spots[0].id, error.code, str(error))
                yield Piece(1, lambda: [bad])
                return
            for spot in spots:  # the damage may touch only some of them
                yield from self._cut(reader, [spot], least)
            return
        damage = {self._nearest(piece): piece for piece in reading.damage}
        for _, row in groupby(spots, key=lambda spot: spot.row):
            members = list(row)
            yield Piece(len(members), partial(self._cut_row, reading.patch, members, damage, least))

    def _cut_row(
        self, patch: Patch, spots: Sequence[Spot], damage: Mapping[tuple[int, int], Damage], least: float
    ) -> list[Tile | BadTile]:
        """Cut the tiles of one row of a block: as one strip, but for those that would not lie exactly enough in it."""
        step_px = self.grid.stride_m * self.size_px / self.footprint_m
        whole = abs(step_px - round(step_px)) * BLOCK_TILES < STRAY_PX
        along = [spot for spot in spots if whole and self._strays(spot) < STRAY_PX]
        cut: dict[str, tuple[NDArray[np.uint8], float]] = {}
        if along:
            offsets = [spot.steps * round(step_px) for spot in along]
            squares = cut_row(patch, along[0].anchor, offsets, self.footprint_m, self.size_px)
            cut = dict(zip((spot.id for spot in along), squares, strict=True))
        for spot in spots:
            if spot.id not in cut:
                cut[spot.id] = cut_square(patch, spot.place, self.footprint_m, self.size_px)
        return [self._judge(spot, *cut[spot.id], damage.get((spot.row, spot.column)), least) for spot in spots]

    def _strays(self, spot: Spot) -> float:
        """How far a tile's centre lies from where its row's anchor has it, in pixels of a tile; perhaps NaN."""
        east_m, place, anchor = spot.steps * self.grid.stride_m, spot.place, spot.anchor
        column = anchor.column + anchor.column_east * east_m - place.column
        row = anchor.row + anchor.row_east * east_m - place.row
        return math.hypot(column, row) * place.ground_resolution_m * self.size_px / self.footprint_m

    def _judge(
        self, spot: Spot, pixels: NDArray[np.uint8], share: float, damage: Damage | None, least: float
    ) -> Tile | BadTile:
        if damage is not None:
            return BadTile(spot.id, damage.error.code, f"{damage.name} cannot be used: {damage.error}")
        if share < least:
            return BadTile(spot.id, TileBlank.code, f"Only {share:.0%} of the tile has imagery.")
        return self._tile(spot, pixels)

    def _nearest(self, piece: Damage) -> tuple[int, int]:
        return self.grid.nearest(*self.imagery.grid.position(piece.column, piece.row))

    def _tile(self, spot: Spot, pixels: NDArray[np.uint8]) -> Tile:
        return Tile(
            id=spot.id,
            lat=spot.lat,
            lon=spot.lon,
            pixels=pixels,
            footprint_m=self.footprint_m,
            ground_resolution_m=spot.place.ground_resolution_m,
            captured=self.captured,
            source=self.imagery.file,
            attribution=self.credit,
        )

    def _window(self, spots: Sequence[Spot]) -> tuple[Window, int, int]:
        """Give the pixels that some tiles need, and how many of them across and down make one of the output."""
        places = [spot.place for spot in spots]
        metre = self.footprint_m / self.size_px * NEARLY
        across, down = (
            self.imagery.reduction(max(1, math.floor(finest * metre)))
            for finest in (
                min(math.hypot(p.column_east, p.column_north) for p in places),
                min(math.hypot(p.row_east, p.row_north) for p in places),
            )
        )
        half = self.footprint_m / 2
        wide = max(abs(p.column_east) + abs(p.column_north) for p in places) * half + MARGIN_PX * across
        high = max(abs(p.row_east) + abs(p.row_north) for p in places) * half + MARGIN_PX * down
        columns, rows = [p.column for p in places], [p.row for p in places]
        left, right = _span(min(columns) - wide, max(columns) + wide, across, self.imagery.grid.width)
        top, bottom = _span(min(rows) - high, max(rows) + high, down, self.imagery.grid.height)
        return Window(left, top, right - left, bottom - top), across, down


def _span(low: float, high: float, step: int, length: int) -> tuple[int, int]:
    """Widen a range to whole steps from 0, so that every window averages the same pixels into one, and clip it."""
    end = length - length % step if length >= step else length
    return max(0, math.floor(low / step)) * step, min(math.ceil(high / step) * step, end)


def _half(length: int, side: int) -> int:
    """Give about half of a length, in whole sides."""
    return max(1, math.ceil(length / side) // 2) * side


def _some(length: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, min(length, COUNT_SAMPLES)).astype(np.int64))
