"""What an index says about one photo, cell by cell, in metres around a point: the input of the posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery
from index.hits import Background, CellHits, Int64s
from models.calibration.estimate import Ground
from models.calibration.posterior import log_heading_gain
from models.columns import mean_cosine_scale, refine_shift, shifts
from models.geo import enu_m, wrap_heading
from service.prepared import Prepared

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
LISTED = 512
"""Best cells of the whole index that are told apart; the rest are reckoned with together."""
TILES_PER_BLOCK, MOST_NEAR_TILES = 256, 1024
CELLS_PER_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Covered:
    """Tiles by their centres, metres around the origin, and the side of ground that each stands for."""

    x_m: Floats
    y_m: Floats
    side_m: float


@dataclass(frozen=True, slots=True)
class PhotoEvidence:
    """The cells that may be the place, in no order."""

    rows: Int64s
    cells: Int64s
    similarity: Floats
    """(K,) weighted mean cosine of the columns seen, at the best heading."""
    background_mean: float
    background_std: float
    ground: Ground
    lat: float
    lon: float
    """Origin of the ground's frame."""
    tiles_scanned: int
    log_gain: float
    """What the similarities are worth more because not every heading was tried."""
    covered: Covered | None = None
    """Tiles in reach of the prior, where not all of their cells are listed."""


@dataclass(frozen=True, slots=True)
class Queries:
    """A photo laid out at headings."""

    possible: Float32s
    """(S, D) at every heading that is possible."""
    background: Background
    """Of the photo laid out at every heading, as it was in the fit; measured once, however often it is asked about."""


class EvidenceSource:
    """Asks a gallery about photos."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery, about = gallery, gallery.about
        self._columns, self._cells, self._tiles = about.embedding.columns, about.cells, about.tiles
        self._turns, self.spacing_m = about.embedding.turns, about.spacing_m

    def laid_out(self, columns: Float32s, prepared: Prepared) -> Queries:
        """Lay out the columns of a photo, (w, E)."""
        possible = shifts(columns, self._columns, prepared.ground.firsts)
        every = possible if len(possible) == len(self._turns) else shifts(columns, self._columns, self._turns)
        return Queries(possible, self._gallery.background(every))

    def everywhere(self, queries: Queries, prepared: Prepared) -> PhotoEvidence:
        """The best cells of the whole gallery, in metres around the best one: a flat frame is true near its origin."""
        hits = self._gallery.top_cells(queries.possible, LISTED)
        lat, lon = self._gallery.cell_lat_lon(hits.rows[:1], hits.cells[:1])
        return self._of_best(queries, prepared, hits, (float(lat[0]), float(lon[0])), self._tiles)

    def near(
        self, queries: Queries, prepared: Prepared, lat: float, lon: float, reach_m: float
    ) -> PhotoEvidence | None:
        """Every cell of the tiles whose centres lie within a circle; None where there is none.

        In a circle of very many tiles the best of their cells, and where the tiles lie.
        """
        tiles = self._gallery.rows_near(lat, lon, reach_m)
        if not tiles.size:
            return None
        if len(tiles) > MOST_NEAR_TILES:
            east_m, north_m = enu_m(*self._gallery.centres(tiles), lat, lon)
            side_m = self.spacing_m * float(np.sqrt(self._cells))
            hits = self._gallery.top_cells_near(queries.possible, lat, lon, reach_m, LISTED)
            best = self._of_best(queries, prepared, hits, (lat, lon), len(tiles))
            return replace(best, covered=Covered(east_m, north_m, side_m))
        parts = []
        for start in range(0, len(tiles), TILES_PER_BLOCK):
            block = self._gallery.evidence(queries.possible, tiles[start : start + TILES_PER_BLOCK]).similarity
            parts.append(self._of_curves(block.reshape(-1, len(queries.possible)), prepared))
        similarity, heading = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        rows, cells = np.repeat(tiles, self._cells), np.tile(np.arange(self._cells), len(tiles))
        return self._assemble(queries, prepared, rows, cells, (similarity, heading), (lat, lon), len(tiles))

    def at(
        self, queries: Queries, prepared: Prepared, rows: Int64s, cells: Int64s, origin: tuple[float, float]
    ) -> PhotoEvidence:
        """Chosen cells, (K,) rows and cells, in their order, in metres around a WGS84 origin."""
        parts = []
        for start in range(0, len(rows), CELLS_PER_BLOCK):
            block = slice(start, start + CELLS_PER_BLOCK)
            curves = self._gallery.described(rows[block], cells[block]) @ queries.possible.T
            parts.append(self._of_curves(curves, prepared))
        similarity, heading = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        return self._assemble(queries, prepared, rows, cells, (similarity, heading), origin, len(np.unique(rows)))

    def _of_best(
        self, queries: Queries, prepared: Prepared, hits: CellHits, origin: tuple[float, float], scanned: int
    ) -> PhotoEvidence:
        curves = self._gallery.described(hits.rows, hits.cells) @ queries.possible.T
        found = self._of_curves(curves, prepared)
        return self._assemble(queries, prepared, hits.rows, hits.cells, found, origin, scanned)

    def _of_curves(self, curves: Float32s, prepared: Prepared) -> tuple[Floats, Floats]:
        """(K, S) inner products -> (K,) mean cosines and headings at the best shift."""
        ground = prepared.ground
        shift = refine_shift(curves, ground.firsts, self._columns)
        heading = wrap_heading(shift * 360.0 / self._columns - ground.left_deg)
        scale = mean_cosine_scale(ground.seen, self._columns)
        return np.clip(curves.max(axis=1).astype(np.float64) * scale, -1.0, 1.0), heading

    def _assemble(
        self,
        queries: Queries,
        prepared: Prepared,
        rows: Int64s,
        cells: Int64s,
        found: tuple[Floats, Floats],
        origin: tuple[float, float],
        scanned: int,
    ) -> PhotoEvidence:
        scale = mean_cosine_scale(prepared.ground.seen, self._columns)
        background = queries.background
        east_m, north_m = enu_m(*self._gallery.cell_lat_lon(rows, cells), *origin)
        similarity, heading = found
        return PhotoEvidence(
            rows=rows,
            cells=cells,
            similarity=similarity,
            background_mean=background.mean * scale,
            background_std=background.std * scale,
            ground=Ground(
                east_m,
                north_m,
                heading if prepared.heading_searched else None,
                self._tiles * self._cells,
                self.spacing_m,
            ),
            lat=origin[0],
            lon=origin[1],
            tiles_scanned=scanned,
            log_gain=log_heading_gain(self._columns_tried(queries), self._columns),
        )

    def _columns_tried(self, queries: Queries) -> float:
        return len(queries.possible) * self._columns / len(self._turns)
