"""Regions made by code: tiles of known rows and places, published as one index or as many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.assembly import Assembly
from index.hilbert import hilbert_order
from index.manifest import IndexManifest
from index.publish import lock_root, next_generation, point_to, publish
from index.table import make_table
from index.tiles import Bounds, square, union
from models.bundle import Embedding
from models.cells import Cells
from models.geo import offset
from tests.index.made import unit_rows

FOOTPRINT_M, STRIDE_M = 64.0, 32.0
CELLS = Cells(per_side=3, spacing_m=10.0)
COLUMNS, CHANNELS = 8, 4


@dataclass(frozen=True)
class Tiles:
    """Tiles of a grid, row 0 in the south-west; N of them."""

    ids: Sequence[str]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    vectors: NDArray[np.float16]
    """(N, C, D), or (N, D)."""

    def only(self, numbers: NDArray[np.int64]) -> Tiles:
        return Tiles([self.ids[n] for n in numbers], self.lat[numbers], self.lon[numbers], self.vectors[numbers])


def grid(
    side: int, lat: float = 50.0, lon: float = 10.0, cells: Cells | None = CELLS, seed: int = 0, ids: str = "t{}"
) -> Tiles:
    """A square of side * side tiles."""
    row, column = np.divmod(np.arange(side * side), side)
    lats, lons = offset(lat, lon, column * STRIDE_M, row * STRIDE_M)
    size, per_tile = COLUMNS * CHANNELS, 1 if cells is None else cells.count
    rows = _columns_of_one_norm(unit_rows(side * side * per_tile, size, seed))
    shape = (side * side, size) if cells is None else (side * side, per_tile, size)
    names = [ids.format(n) for n in range(side * side)]
    return Tiles(names, lats, lons, rows.reshape(shape).astype(np.float16))


def _columns_of_one_norm(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    apart = rows.reshape(len(rows), COLUMNS, CHANNELS)
    found: NDArray[np.float32] = apart / np.linalg.norm(apart, axis=2, keepdims=True) / np.float32(np.sqrt(COLUMNS))
    return found.reshape(len(rows), -1)


def quarters(side: int, parts: int = 2) -> list[NDArray[np.int64]]:
    """Numbers of the tiles of a grid in parts * parts squares."""
    row, column = np.divmod(np.arange(side * side), side)
    part = row * parts // side * parts + column * parts // side
    return [np.flatnonzero(part == number) for number in range(parts * parts)]


def write_index(
    root: Path,
    tiles: Tiles,
    cells: Cells | None = CELLS,
    stride_m: float | None = STRIDE_M,
    attribution: str = "Nobody",
    model: str = "0",
    created: str = "2026-01-01T00:00:00Z",
) -> Path:
    """Publish tiles as the next generation of an index folder; give the folder."""
    order = hilbert_order(tiles.lat, tiles.lon)
    ordered, count = tiles.only(order), len(order)
    resolution = np.full(count, 0.5)
    table = make_table(ordered.ids, ordered.lat, ordered.lon, FOOTPRINT_M, resolution, [None] * count, ["made"] * count)
    boxes = square(ordered.lat, ordered.lon, FOOTPRINT_M)
    with lock_root(root):
        manifest = IndexManifest(
            name=root.name,
            generation=next_generation(root),
            created=created,
            model_sha256=model * 64,
            model_title="none@1",
            model_label="",
            preprocessing_sha256="0" * 64,
            embedding=Embedding(columns=COLUMNS, channels=CHANNELS),
            cells=cells,
            count=count,
            footprint_m=FOOTPRINT_M,
            stride_m=stride_m,
            ground_resolution_m=0.5,
            bounds=union(Bounds(*(float(side[n]) for side in boxes)) for n in range(count)),
            source="made",
            attribution=attribution,
        )
        assembly = Assembly(
            table, [None] * count, [ordered.vectors], np.zeros(count, np.int64), np.arange(count, dtype=np.int64)
        )
        point_to(root, publish(root, manifest, assembly, []).name)
    return root
