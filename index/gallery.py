"""What a service asks photos of: the tiles of one index, or of many behind a router."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from index.aliasing_file import AliasingMap
from index.areas import Area
from index.bundle import Index
from index.hits import Background, CellHits, Evidence, Float32s, Hits, Int64s
from index.manifest import Imagery, IndexManifest
from index.tiles import Bounds
from models.bundle import Embedding
from models.geo import Floats, distance_m

NEIGHBOUR_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class About:
    """What a gallery is."""

    title: str
    tiles: int
    """N."""
    cells: int
    """C: positions described in each tile."""
    embedding: Embedding
    footprint_m: float
    """Side of a tile's square of ground; the largest, where they differ."""
    spacing_m: float
    """Side of the square of ground that each cell stands for."""
    middle: tuple[float, float]
    """WGS84 lat and lon of somewhere in the middle."""
    bounds: Bounds
    attribution: str
    licence: str
    stored_bytes: int
    created: datetime
    """Of the newest part."""
    imagery: Imagery | None = None
    """Zooms of its map tiles."""

    @property
    def described_m(self) -> float:
        """Side of the square of ground that the cells of a tile share out."""
        return self.spacing_m * math.sqrt(self.cells)

    @property
    def reach_m(self) -> float:
        """How far from the centre of its tile a place lies at most.

        To the corner of the ground that the cells share out; where only the centre is described, of all that the tile
        shows.
        """
        return (self.footprint_m if self.cells == 1 else self.described_m) / math.sqrt(2)


@dataclass(frozen=True, slots=True)
class TileFacts:
    """What is known of one tile."""

    id: str
    bounds: Bounds
    captured: str | None
    attribution: str | None
    resolution_m: float | None = None
    """Metres a pixel of its source."""


class Gallery(Protocol):
    """Tiles to be searched; row r is tile r of `about.tiles`, cell c of it row r * C + c of the descriptions.

    Queries are (S, D) float32, as in `index.stores.store`. Raises are those of `index.search.Searcher`.
    """

    @property
    def about(self) -> About: ...

    def search(self, queries: Float32s, k: int) -> Hits:
        """Find the k best tiles."""

    def search_near(self, queries: Float32s, lat: float, lon: float, radius_m: float, k: int) -> tuple[Hits, int]:
        """Find the k best tiles whose centres lie within a circle, and say how many those are."""

    def search_in(self, queries: Float32s, area: Area, k: int) -> tuple[Hits, int]:
        """Find the k best tiles whose centres lie in an area, and say how many those are."""

    def top_cells(self, queries: Float32s, k: int) -> CellHits:
        """Find the k best cells."""

    def top_cells_near(self, queries: Float32s, lat: float, lon: float, radius_m: float, k: int) -> CellHits:
        """Find the k best cells of the tiles whose centres lie within a circle."""

    def evidence(self, queries: Float32s, rows: Int64s) -> Evidence:
        """Compare every cell of chosen tiles with every query."""

    def background(self, queries: Float32s) -> Background:
        """Say how similar the description is to places at large."""

    def rows_near(self, lat: float, lon: float, radius_m: float) -> Int64s:
        """Give the rows, rising, of the tiles whose centres lie within a circle."""

    def described(self, rows: Int64s, cells: Int64s) -> Float32s:
        """Give the descriptions (K, D) of cells."""

    def centres(self, rows: Int64s) -> tuple[Floats, Floats]:
        """Give lat and lon of the centres of tiles."""

    def cell_lat_lon(self, rows: Int64s, cells: Int64s) -> tuple[Floats, Floats]:
        """Give lat and lon of cells; rows and cells broadcast."""

    def tile(self, row: int) -> TileFacts: ...

    def members_bounds(self) -> tuple[Bounds, ...]:
        """Bounds of the parts that are not open all the time; empty where every tile is at hand."""

    def map_tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """Give a map tile of the imagery as WebP, 256 px, of the web map's grid; None where there is none."""

    def aliasing(self) -> AliasingMap | None:
        """Give where places look alike; None where no map of that was kept."""

    def probe_recall(self) -> float:
        """Give the share of what its probes must find that the search finds now; 1 is well."""


def about_index(index: Index) -> About:
    """Say what one index is."""
    manifest = index.manifest
    return About(
        title=manifest.title,
        tiles=len(index),
        cells=index.cell_count,
        embedding=manifest.embedding,
        footprint_m=manifest.footprint_m,
        spacing_m=cell_spacing_m(index),
        middle=(float(np.median(index.tiles.lat)), float(np.median(index.tiles.lon))),
        bounds=manifest.bounds,
        attribution=manifest.attribution,
        licence=manifest.licence,
        stored_bytes=stored_bytes(index.folder),
        created=datetime.fromisoformat(manifest.created),
        imagery=manifest.imagery,
    )


def stored_bytes(folder: Path) -> int:
    """What a bundle takes on the disk; 0 where it was never written."""
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


def cell_spacing_m(index: Index) -> float:
    """Side of the square of ground that each cell stands for."""
    return spacing_by_tiles(index.manifest, index.tiles.lat, index.tiles.lon)


def spacing_by_tiles(manifest: IndexManifest, lat: Floats, lon: Floats) -> float:
    """Side of the square of ground that each cell of an index stands for, given the centres (N,) of its tiles.

    Tiles of a grid share out a stride; listed tiles the way to the nearest other one, but no more than they show.
    """
    side_m = manifest.stride_m
    if side_m is None:
        chosen = np.unique(np.linspace(0, len(lat) - 1, NEIGHBOUR_SAMPLE).astype(np.int64))
        nearest = []
        for row in chosen:
            away = distance_m(lat[row], lon[row], lat, lon)
            away[row] = np.inf
            nearest.append(float(away.min()))
        side_m = max(1.0, float(np.median(nearest)))
    return min(side_m, manifest.footprint_m) / float(np.sqrt(manifest.cell_count))
