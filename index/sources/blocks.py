"""One block of positions: what is read for it, from which sheets, and the tiles that are cut from that."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import numpy as np
from PIL import Image
from rasterio.windows import Window

from index.sampling import Patch, Placement, fill, lay_over, sample_row, seen_part
from index.sources.grid import TileGrid
from index.sources.imagery import Damage, Imagery, Reading
from index.sources.mosaic import Mosaic, OpenSheets
from index.sources.raster import Raster
from index.sources.spans import widen
from index.sources.spots import SAMPLES, Sight
from index.tiles import BadTile, Piece, Tile
from models.errors import SourceError, TileBlank, TileUnreadable

MARGIN_PX = 2
NEARLY = 1.02
"""A scale this close below a whole number counts as one: a map projection alone makes 1.9996 of 2."""
STRAY_PX = 0.05
"""Pixels of a tile by which its centre may be off when its row is cut as one strip: the curvature of parallels."""
MOST_STEPS = 16


@dataclass(frozen=True, slots=True)
class Cut:
    """What tiles are like."""

    footprint_m: float
    size_px: int
    captured: str | None = None
    """When None what the imagery says."""
    credited: bool = False
    """Whether tiles name whom to credit for their sheet, as not all are to be credited alike."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one sheet shows of a tile."""

    patch: Patch
    place: Placement
    anchor: Placement
    """Of the position in the middle of its row of the block, whoever else is in it."""


@dataclass(slots=True)
class Spot:
    """One position of the grid that lies on the imagery."""

    number: int
    """In its block."""
    row: int
    column: int
    lat: float
    lon: float
    steps: int
    """Columns east of its row's anchor."""
    layers: list[Layer] = field(default_factory=list)
    """The upper ones first."""
    shown: int = 0
    """Places of the tile that its sheet shows."""
    sheet: int = -1
    """The one that shows most of it."""
    place: Placement | None = None
    """In that."""
    error: TileUnreadable | None = None

    def take(self, sight: Sight, shown: int) -> None:
        """Note that a sheet shows so many places which none above it does."""
        if self.sheet < 0 or shown > self.shown:
            self.sheet, self.shown, self.place = sight.sheet, shown, sight.place(self.number)


class Reader:
    """Reads blocks, one after another."""

    def __init__(self, mosaic: Mosaic, sheets: OpenSheets, grid: TileGrid, cut: Cut, least: float) -> None:
        self._mosaic, self._sheets, self._grid, self._cut, self._least = mosaic, sheets, grid, cut, least

    def cut(self, spots: list[Spot], sights: Sequence[Sight]) -> Iterator[Piece]:
        """Read what some spots of a block need and give its rows, yet to be cut.

        A sheet is read for the spots in which it shows a place that those before it do not, so a pile of pictures of
        one place costs what it takes to cover it.
        """
        damage: dict[tuple[int, int], Damage] = {}
        seen = np.zeros((len(sights[0].places), SAMPLES * SAMPLES), dtype=np.bool_)
        for sight in sights:
            new = sight.covers & ~seen
            wanted = [spot for spot in spots if new[spot.number].any()]
            for some, reading in self._read(sight, wanted):
                visible = new if sight is sights[0] and len(sights) == 1 else new & sight.visible(reading.patch)
                for spot in some:
                    spot.layers.append(Layer(reading.patch, sight.place(spot.number), sight.anchor(spot.number)))
                    spot.take(sight, int(visible[spot.number].sum()))
                    seen[spot.number] |= visible[spot.number]
                damage.update((self._nearest(sight.sheet, piece), piece) for piece in reading.damage)
        for _, row in groupby(spots, key=lambda spot: spot.row):
            members = list(row)
            yield Piece(len(members), partial(self._cut_row, members, damage))

    def _read(self, sight: Sight, spots: Sequence[Spot]) -> Iterator[tuple[Sequence[Spot], Reading]]:
        """Read a sheet for spots: for all of them at once, or each for itself where it is damaged for some."""
        if not spots:
            return
        window, across, down = self._window(sight, spots)
        try:
            yield spots, self._sheets.reader(sight.sheet).read(window, across, down)
        except (TileUnreadable, SourceError) as error:
            if len(spots) > 1 and isinstance(error, TileUnreadable):
                for spot in spots:
                    yield from self._read(sight, [spot])
                return
            for spot in spots:
                spot.take(sight, int(sight.covers[spot.number].sum()))
                spot.error = error if isinstance(error, TileUnreadable) else TileUnreadable(str(error))

    def _window(self, sight: Sight, spots: Sequence[Spot]) -> tuple[Window, int, int]:
        sheet, places = self._mosaic.sheets[sight.sheet], [sight.place(spot.number) for spot in spots]
        return window_around(sheet, places, self._cut.footprint_m, self._cut.size_px)

    def _nearest(self, sheet: int, piece: Damage) -> tuple[int, int]:
        lat, lon = self._mosaic.sheets[sheet].grid.position(piece.column, piece.row)
        return self._grid.nearest(float(lat), float(lon))

    def _cut_row(self, spots: Sequence[Spot], damage: Mapping[tuple[int, int], Damage]) -> list[Tile | BadTile]:
        squares = self._sample(spots)
        return [self._judge(spot, squares[spot.number], damage.get((spot.row, spot.column))) for spot in spots]

    def _sample(self, spots: Sequence[Spot]) -> Mapping[int, list[Image.Image]]:
        """Sample every layer of a row's tiles: as strips, but for those that would not lie exactly enough in one."""
        step_px = self._grid.stride_m * self._cut.size_px / self._cut.footprint_m
        whole = abs(step_px - round(step_px)) * MOST_STEPS < STRAY_PX
        along: dict[int, list[tuple[Spot, Layer]]] = defaultdict(list)
        found: dict[tuple[int, int], Image.Image] = {}
        side = self._cut.footprint_m, self._cut.size_px
        for spot in spots:
            for layer in spot.layers:
                if whole and self._strays(spot, layer) < STRAY_PX:
                    along[id(layer.patch)].append((spot, layer))
                else:
                    found[spot.number, id(layer.patch)] = sample_row(layer.patch, layer.place, [0], *side)[0]
        for patch, members in along.items():
            first, offsets = members[0][1], [spot.steps * round(step_px) for spot, _ in members]
            for (spot, _), square in zip(members, sample_row(first.patch, first.anchor, offsets, *side), strict=True):
                found[spot.number, patch] = square
        return {spot.number: [found[spot.number, id(layer.patch)] for layer in spot.layers] for spot in spots}

    def _strays(self, spot: Spot, layer: Layer) -> float:
        """How far a tile's centre lies from where its row's anchor has it, in pixels of a tile; perhaps NaN."""
        east_m, place, anchor = spot.steps * self._grid.stride_m, layer.place, layer.anchor
        column = anchor.column + anchor.column_east * east_m - place.column
        row = anchor.row + anchor.row_east * east_m - place.row
        return math.hypot(column, row) * place.ground_resolution_m * self._cut.size_px / self._cut.footprint_m

    def _judge(self, spot: Spot, squares: Sequence[Image.Image], damage: Damage | None) -> Tile | BadTile:
        sheet = self._mosaic.sheets[spot.sheet]
        identifier = f"{sheet.id}-{self._grid.name(spot.row, spot.column)}"
        if spot.error is not None:
            return BadTile(identifier, spot.error.code, str(spot.error))
        if damage is not None:
            return BadTile(identifier, damage.error.code, f"{damage.name} cannot be used: {damage.error}")
        together = squares[0]
        for square in squares[1:]:
            together = lay_over(together, square)
        pixels, share = fill(together)
        if share < self._least:
            return BadTile(identifier, TileBlank.code, f"Only {share:.0%} of the tile has imagery.")
        return Tile(
            id=identifier,
            lat=spot.lat,
            lon=spot.lon,
            pixels=pixels,
            footprint_m=self._cut.footprint_m,
            ground_resolution_m=spot.place.ground_resolution_m if spot.place else sheet.ground_resolution_m,
            captured=self._cut.captured or sheet.captured,
            source=sheet.file,
            attribution=self._credit(sheet),
            seen=seen_part(together),
        )

    def _credit(self, sheet: Imagery) -> str | None:
        if isinstance(sheet, Raster) and sheet.credit:
            return sheet.credit
        return sheet.attribution or None if self._cut.credited else None


def window_around(sheet: Imagery, places: Sequence[Placement], side_m: float, size_px: int) -> tuple[Window, int, int]:
    """Give the pixels of a sheet that some squares need, and how many of them across and down make one of the output.

    Args:
        places: the centres of the squares.
        side_m, size_px: side of each on the ground and in the output.
    """
    metre = side_m / size_px * NEARLY
    across, down = (
        sheet.reduction(max(1, math.floor(finest * metre)))
        for finest in (
            min(math.hypot(p.column_east, p.column_north) for p in places),
            min(math.hypot(p.row_east, p.row_north) for p in places),
        )
    )
    half, phase = side_m / 2, sheet.grid.phase(across, down)
    wide = max(abs(p.column_east) + abs(p.column_north) for p in places) * half + MARGIN_PX * across
    high = max(abs(p.row_east) + abs(p.row_north) for p in places) * half + MARGIN_PX * down
    columns, rows = [p.column for p in places], [p.row for p in places]
    left, right = widen(min(columns) - wide, max(columns) + wide, across, phase[0], sheet.grid.width)
    top, bottom = widen(min(rows) - high, max(rows) + high, down, phase[1], sheet.grid.height)
    return Window(left, top, right - left, bottom - top), across, down
