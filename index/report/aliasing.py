"""Aliasing: which tile, far away, looks most like this one, whatever way a photo is turned.

A photo of a tile can be no more like it than the tile itself. So what a tile's own description finds among far tiles
is what the best of all photos would be up against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.bundle import Index
from index.nearby import Nearby
from models.columns import mean_cosine_scale, turned
from models.correlation import QUERIES_PER_BLOCK, ROWS_PER_BLOCK, Spectra
from models.geo import distance_m

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]
DIRECTIONS = 4
STEP_REACH = 1.5
"""Positions within this many steps count as beside: across a corner too."""


@dataclass(frozen=True, slots=True)
class Twins:
    """For M tiles the most similar tile that lies far away; similarities are mean cosines of the columns seen."""

    rows: Int64s
    """(M,) rows of the index."""
    twin: Int64s
    """(M,) rows of the index; -1 where no tile lies so far away."""
    similarity: Float32s
    """(M,) with the twin's best cell, at the best heading; NaN without a twin."""
    turn_deg: NDArray[np.float64]
    """(M,) [0, 360), by which the view is turned clockwise to look like the twin."""
    typical: Float32s
    """(M,) mean similarity with the cells of all far tiles, each at its best heading; NaN without any."""
    beside: Float32s
    """(M,) mean similarity with the positions right beside, each at its best heading; NaN where there are none."""
    fov_deg: float
    far_m: float
    """Tiles whose centres lie farther apart than this are compared."""


def find_twins(
    index: Index, rows: Int64s, far_m: float, fov_deg: float = 360.0, on_share: Callable[[float], None] | None = None
) -> Twins:
    """Compare the middle of some tiles with every position of all tiles far away, at every heading.

    Args:
        index: the index; its vectors are gone through once, a block at a time.
        rows: (M,) tiles to look at.
        far_m: distance of centres above which tiles are compared.
        fov_deg: width of the view that is compared; tile after tile it looks north, east, south, west.
        on_share: told the share that is done.
    """
    columns, cells = index.manifest.embedding.columns, index.cell_count
    seen = max(1, round(columns * min(fov_deg, 360.0) / 360.0))
    queries = _views(index, rows, seen)
    found = _Best(len(rows))
    tiles = max(1, ROWS_PER_BLOCK // cells)
    for start in range(0, len(index), tiles):
        stop = min(start + tiles, len(index))
        block = Spectra.of(index.cell_rows[start * cells : stop * cells], columns, cells)
        for first in range(0, len(rows), QUERIES_PER_BLOCK):
            mine = slice(first, first + QUERIES_PER_BLOCK)
            curves = block.curves(queries[mine], index.manifest.embedding.turns)
            peaks = np.concatenate([curve.max(axis=0) for _, curve in curves], axis=1)
            found.update(
                mine, start * cells, peaks, np.repeat(_is_far(index, rows[mine], start, stop, far_m), cells, 1)
            )
        if on_share is not None:
            on_share(stop / len(index))
    scale = np.float32(mean_cosine_scale(seen, columns) ** 2)  # a window of a row is shorter than a photo's unit row
    return Twins(
        rows=rows,
        twin=np.where(found.place < 0, -1, found.place // cells),
        similarity=np.where(found.place < 0, np.float32(np.nan), found.best * scale),
        turn_deg=_turns(index, queries, found.place) * 360.0 / columns,
        typical=found.mean() * scale,
        beside=_beside(index, rows, queries) * scale,
        fov_deg=360.0 * seen / columns,
        far_m=far_m,
    )


class _Best:
    """The best far position of each of M views so far, and the mean of all."""

    def __init__(self, count: int) -> None:
        self.best: Float32s = np.full(count, -np.inf, dtype=np.float32)
        self.place = np.full(count, -1, dtype=np.int64)
        self._sum, self._count = np.zeros(count), np.zeros(count, dtype=np.int64)

    def update(self, mine: slice, start: int, peaks: Float32s, far: NDArray[np.bool_]) -> None:
        """Take note of (B, n) similarities of the views `mine` with the positions from `start` on."""
        self._sum[mine] += (peaks * far).sum(axis=1)
        self._count[mine] += far.sum(axis=1)
        kept = np.where(far, peaks, np.float32(-np.inf))
        place = kept.argmax(axis=1)
        value = kept[np.arange(len(kept)), place]
        better = value > self.best[mine]
        self.best[mine] = np.where(better, value, self.best[mine])
        self.place[mine] = np.where(better, place + start, self.place[mine])

    def mean(self) -> Float32s:
        known = self._count > 0
        return np.where(known, self._sum / np.maximum(self._count, 1), np.nan).astype(np.float32)


def _views(index: Index, rows: Int64s, seen: int) -> Float32s:
    """(M, D): the middle cell of each tile, zero but for `seen` columns that look each way in turn."""
    columns, cells = index.manifest.embedding.columns, index.cell_count
    views = index.cell_rows[rows * cells + cells // 2].astype(np.float32)
    if seen < columns:
        middle = np.arange(len(rows)) % DIRECTIONS * columns // DIRECTIONS
        offset = (np.arange(columns) - middle[:, None] + seen // 2) % columns
        views.reshape(len(rows), columns, -1)[offset >= seen] = 0
    return views


def _is_far(index: Index, rows: Int64s, start: int, stop: int, far_m: float) -> NDArray[np.bool_]:
    """(B, n) whether centres lie farther apart."""
    lat, lon, part = index.tiles.lat, index.tiles.lon, slice(start, stop)
    return np.asarray(distance_m(lat[rows, None], lon[rows, None], lat[part], lon[part]) > far_m)


def _turns(index: Index, queries: Float32s, places: Int64s) -> NDArray[np.float64]:
    """(M,) columns by which each view is turned to fit its place best; 0 without a place."""
    columns = index.manifest.embedding.columns
    turns, tried = np.zeros(len(places)), index.manifest.embedding.turns
    for number in np.flatnonzero(places >= 0):
        row = index.cell_rows[places[number]].astype(np.float32)
        turns[number] = tried[(turned(queries[number], tried, columns) @ row).argmax()]
    return turns


def step_m(index: Index) -> float:
    """Give the metres between positions that count as beside each other."""
    manifest = index.manifest
    if manifest.cells is not None and manifest.cells.count > 1:
        return manifest.cells.spacing_m
    return manifest.stride_m or manifest.footprint_m / 2


def _beside(index: Index, rows: Int64s, queries: Float32s) -> Float32s:
    """(M,) mean inner product with the positions beside, each at its best turn; NaN where there are none."""
    columns, cells = index.manifest.embedding.columns, index.cell_count
    found = np.full(len(rows), np.nan, dtype=np.float32)
    nearby, reach_m = Nearby(index.tiles), STEP_REACH * step_m(index)
    away_m = np.hypot(*index.manifest.cell_offsets_m.T)
    within = np.flatnonzero((away_m > 0) & (away_m <= reach_m))
    for number, row in enumerate(rows.tolist()):
        if cells > 1:
            places = row * cells + within
        else:
            places = nearby.rows(float(index.tiles.lat[row]), float(index.tiles.lon[row]), reach_m)
            places = places[places != row]
        if places.size:
            turns = turned(queries[number], index.manifest.embedding.turns, columns)
            found[number] = (index.cell_rows[places].astype(np.float32) @ turns.T).max(axis=1).mean()
    return found
