"""Where an index has imagery: outlines for a map, and what is there at one place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from index.gallery import Gallery, TileFacts
from index.tiles import Bounds
from models.geo import Floats, distance_m, enu_m, offset

MOST_SQUARES = 20_000
"""Of an outline; of larger indexes squares are coarser."""
FEW, GAPLESS = 16, 2.0
"""Grids of tiles lie askew to the outline's: its squares are so many times as wide, that none of them stays empty."""
SAMPLED = 64
"""Tiles that are asked when they were captured and how fine they are."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a whole index covers."""

    boxes: tuple[Bounds, ...]
    """Rectangles along the meridians that together hold every tile's own ground, and little else."""
    area_km2: float
    """Of the ground that the tiles stand for."""
    captured: tuple[str, ...]
    """Dates of the imagery among some tiles, rising."""
    resolution_m: float | None
    """Median over some tiles of metres a pixel."""


class Coverage:
    """Says what a gallery covers; reckoned when it is first asked for."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._outline: Outline | None = None

    def outline(self) -> Outline:
        """Draw it; of a region of many indexes by the bounds of each, without opening them."""
        if self._outline is None:
            members = self._gallery.members_bounds()
            self._outline = Outline(members, self._area_km2, (), None) if members else self._drawn()
        return self._outline

    @property
    def _area_km2(self) -> float:
        about = self._gallery.about
        return about.tiles * about.cells * about.spacing_m**2 / 1e6

    def at(self, lat: float, lon: float) -> TileFacts | None:
        """Give the tile that describes a WGS84 place and shows it, of several the one with the nearest centre."""
        about = self._gallery.about
        rows = self._gallery.rows_near(lat, lon, about.reach_m)
        if not rows.size:
            return None
        lats, lons = self._gallery.centres(rows)
        for row in rows[np.argsort(distance_m(lats, lons, lat, lon), kind="stable")].tolist():
            facts = self._gallery.tile(row)
            if holds(facts.bounds, lat, lon):
                return facts
        return None

    def _drawn(self) -> Outline:
        about = self._gallery.about
        lats, lons = self._gallery.centres(np.arange(about.tiles))
        sampled = np.unique(np.linspace(0, about.tiles - 1, SAMPLED).astype(np.int64))
        some = [self._gallery.tile(row) for row in sampled.tolist()]
        resolutions = [facts.resolution_m for facts in some if facts.resolution_m is not None]
        return Outline(
            boxes=tuple(clipped(box, about.bounds) for box in boxes(lats, lons, about.described_m)),
            area_km2=self._area_km2,
            captured=tuple(sorted({facts.captured for facts in some if facts.captured})),
            resolution_m=float(np.median(resolutions)) if resolutions else None,
        )


def clipped(box: Bounds, to: Bounds) -> Bounds:
    """Cut off what a box has beyond the index's bounds; across the antimeridian it is left as it is."""
    if to.west > to.east or box.west > box.east:
        return box
    return Bounds(max(box.west, to.west), max(box.south, to.south), min(box.east, to.east), min(box.north, to.north))


def holds(bounds: Bounds, lat: float, lon: float) -> bool:
    """Does a place lie in a box? A box whose west is east of its east crosses the antimeridian."""
    west, south, east, north = bounds
    between = west <= lon <= east if west <= east else lon >= west or lon <= east
    return between and south <= lat <= north


def boxes(lats: Floats, lons: Floats, side_m: float) -> list[Bounds]:
    """Lay squares of ground around centres together to few rectangles.

    Args:
        lats, lons: (N,) WGS84 degrees, N at least 1.
        side_m: of each square. Where there are very many the grid that they are laid on is coarser.
    """
    lat0, lon0 = float(np.median(lats)), float(lons[0])
    east_m, north_m = enu_m(lats, lons, lat0, lon0)
    grid_m = side_m if len(lats) < FEW else GAPLESS * side_m
    while True:
        columns, rows = (np.floor(along / grid_m + 0.5).astype(np.int64) for along in (east_m, north_m))
        squares = np.unique(np.stack([rows, columns], axis=1), axis=0)
        if len(squares) <= MOST_SQUARES:
            break
        grid_m *= 2.0
    return [_box(rectangle, grid_m, lat0, lon0) for rectangle in _rectangles(squares.tolist())]


Rectangle = tuple[int, int, int, int]
"""First and last column, first and last row."""


def _rectangles(squares: list[list[int]]) -> list[Rectangle]:
    """Join squares, sorted by row and column, to runs along rows, and equal runs of rows that follow each other."""
    done: list[Rectangle] = []
    growing: dict[tuple[int, int], tuple[int, int]] = {}
    for row, members in groupby(squares, key=lambda square: square[0]):
        here = dict.fromkeys(_runs([column for _, column in members]), row)
        for run, (first, last) in list(growing.items()):
            if run not in here or last != row - 1:
                done.append((*run, first, last))
                del growing[run]
        for run in here:
            growing[run] = (growing[run][0] if run in growing else row, row)
    return done + [(*run, first, last) for run, (first, last) in growing.items()]


def _runs(columns: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for column in columns:
        if runs and column == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], column)
        else:
            runs.append((column, column))
    return runs


def _box(rectangle: Rectangle, side_m: float, lat0: float, lon0: float) -> Bounds:
    left, right, bottom, top = rectangle
    east_m = np.array([left - 0.5, right + 0.5]) * side_m
    north_m = np.array([bottom - 0.5, top + 0.5]) * side_m
    lats, lons = offset(lat0, lon0, east_m, north_m)
    return Bounds(float(lons[0]), float(lats[0]), float(lons[1]), float(lats[1]))
