"""Answers of a model without calibration: tiles by similarity, and nothing that would need a probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery
from index.hits import Hits
from models.columns import mean_cosine_scale, shifts
from models.geo import distance_m, wrap_heading
from service.prepared import Prepared
from service.query import Answer, Candidate, Query

Float32s = NDArray[np.float32]


class Ranking:
    """Ranks the tiles of a gallery.

    Args:
        gallery: of tiles.
        model: title of the model, for the answers.
    """

    def __init__(self, gallery: Gallery, model: str) -> None:
        self._gallery, self._about, self._model = gallery, gallery.about, model
        self._margin_m = self._about.reach_m

    def answer(self, query: Query, prepared: Prepared, columns: Float32s) -> Answer:
        """Compare a photo, (w, E), with the tiles that the prior allows, or with all."""
        prior = prepared.prior
        queries = shifts(columns, self._about.embedding.columns, prepared.ground.firsts)
        if prior is None or query.mode == "global":
            hits, scanned = self._gallery.search(queries, query.top_k), self._about.tiles
        else:
            reach_m = prior.radius_m + self._margin_m
            hits, scanned = self._gallery.search_near(queries, prior.lat, prior.lon, reach_m, query.top_k)
        return Answer(
            candidates=self._candidates(hits, prepared),
            mode_used="global" if prior is None or query.mode == "global" else "prior",
            tiles_scanned=scanned,
            index=self._about.title,
            model=self._model,
            notices=prepared.notices,
            status=None if len(hits) else "outside_coverage",
        )

    def _candidates(self, hits: Hits, prepared: Prepared) -> tuple[Candidate, ...]:
        prior, ground, total = prepared.prior, prepared.ground, self._about.embedding.columns
        similarity = np.clip(hits.similarity * mean_cosine_scale(ground.seen, total), -1.0, 1.0)
        headings = wrap_heading(ground.firsts[hits.shift] * 360.0 / total - ground.left_deg)
        lat, lon = self._gallery.cell_lat_lon(hits.rows, hits.cells)
        away_m = distance_m(lat, lon, prior.lat, prior.lon) if prior else None
        return tuple(
            Candidate(
                rank=place + 1,
                lat=float(lat[place]),
                lon=float(lon[place]),
                similarity=float(similarity[place]),
                tile=self._gallery.tile(row),
                heading_deg=float(headings[place]) if prepared.heading_searched else None,
                distance_to_prior_m=None if away_m is None else float(away_m[place]),
                row=row,
                cell=int(hits.cells[place]),
            )
            for place, row in enumerate(hits.rows.tolist())
        )
