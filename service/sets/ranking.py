"""Sets of a model without calibration: tiles by the mean similarity of the photos, and no probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery
from index.hits import Int64s
from models.geo import distance_m
from service.evidence import EvidenceSource, PhotoEvidence, Queries
from service.query import Answer, Candidate, Mode, Notice, Prior
from service.sets.fusion import summed
from service.sets.locating import PhotoSaid, SetAnswer
from service.sets.members import Member

Floats = NDArray[np.float64]


class SetRanking:
    """Ranks the tiles of a gallery for sets of photos.

    Args:
        gallery: of tiles.
        index, model: titles, for the answers.
    """

    def __init__(self, gallery: Gallery, index: str, model: str) -> None:
        self._gallery, self._index, self._model = gallery, index, model
        self._source = EvidenceSource(gallery)
        self._margin_m = gallery.about.reach_m

    def answer(
        self, photos: Sequence[Member], prior: Prior | None, mode: Mode, top_k: int, notices: tuple[Notice, ...] = ()
    ) -> SetAnswer:
        """Rank tiles, each by the cell that the photos together like best. Args as of `SetLocating.answer`."""
        asked = None if mode == "global" else prior
        parts = self._everywhere(photos) if asked is None else self._near(photos, asked)
        if parts:
            similarity = summed([part.similarity for part in parts]) / len(parts)
            best = _best_of_tiles(parts[0].rows, similarity)[:top_k]
        else:
            similarity, best = np.empty(0), np.empty(0, np.int64)
        answer = Answer(
            candidates=tuple(
                self._candidate(rank, parts[0], int(cell), float(similarity[cell]), prior)
                for rank, cell in enumerate(best, start=1)
            ),
            mode_used="global" if asked is None else "prior",
            tiles_scanned=parts[0].tiles_scanned if parts else 0,
            index=self._index,
            model=self._model,
            notices=notices,
            status=None if parts else "outside_coverage",
        )
        return SetAnswer(answer, _said(photos, parts, int(best[0])) if parts else {})

    def _near(self, photos: Sequence[Member], prior: Prior) -> list[PhotoEvidence]:
        reach_m = prior.radius_m + self._margin_m
        found = [
            self._source.near(queries, each.view.prepared, prior.lat, prior.lon, reach_m)
            for each, queries in self._laid_out(photos)
        ]
        parts = [part for part in found if part is not None]
        return self._joined(photos, parts) if any(part.covered is not None for part in parts) else parts

    def _everywhere(self, photos: Sequence[Member]) -> list[PhotoEvidence]:
        found = [self._source.everywhere(queries, each.view.prepared) for each, queries in self._laid_out(photos)]
        return self._joined(photos, found)

    def _joined(self, photos: Sequence[Member], parts: Sequence[PhotoEvidence]) -> list[PhotoEvidence]:
        """Compare every photo with the cells that any of them listed."""
        cells, first = self._gallery.about.cells, parts[0]
        keys = np.unique(np.concatenate([part.rows * cells + part.cells for part in parts]))
        rows, numbers = np.divmod(keys, cells)
        return [
            replace(
                self._source.at(queries, each.view.prepared, rows, numbers, (first.lat, first.lon)),
                tiles_scanned=first.tiles_scanned,
            )
            for each, queries in self._laid_out(photos)
        ]

    def _laid_out(self, photos: Sequence[Member]) -> list[tuple[Member, Queries]]:
        return [(each, self._source.laid_out(each.view.columns, each.view.prepared)) for each in photos]

    def _candidate(
        self, rank: int, part: PhotoEvidence, cell: int, similarity: float, prior: Prior | None
    ) -> Candidate:
        lats, lons = self._gallery.cell_lat_lon(part.rows[cell : cell + 1], part.cells[cell : cell + 1])
        lat, lon = float(lats[0]), float(lons[0])
        return Candidate(
            rank=rank,
            lat=lat,
            lon=lon,
            similarity=similarity,
            tile=self._gallery.tile(int(part.rows[cell])),
            distance_to_prior_m=float(distance_m(lat, lon, prior.lat, prior.lon)) if prior else None,
        )


def _best_of_tiles(rows: Int64s, similarity: Floats) -> Int64s:
    """Numbers of the best cell of each tile, the best tile first; the first of equal ones."""
    order = np.argsort(-similarity, kind="stable")
    _, first = np.unique(rows[order], return_index=True)
    return order[np.sort(first)]


def _said(photos: Sequence[Member], parts: Sequence[PhotoEvidence], best: int) -> dict[int, PhotoSaid]:
    said = {}
    for photo, part in zip(photos, parts, strict=True):
        heading = part.ground.heading_deg
        for number, turn_deg in zip(photo.photos, photo.turns_deg, strict=True):
            said[number] = PhotoSaid(None if heading is None else float((heading[best] + turn_deg) % 360.0))
    return said
