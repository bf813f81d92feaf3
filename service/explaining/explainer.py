"""What an answer's first candidate rests on: the network's own attention, or else its columns taken apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from index.gallery import Gallery
from models.bundle import GroundView, ModelManifest, StretchedView
from models.camera import Camera
from service.explaining.attention import Attention
from service.explaining.contribution import contribution, taken_apart
from service.explaining.looking import attention
from service.query import Answer, Candidate, Notice, Query
from service.view import View

NOTHING_COMPARED = Notice("attention_unavailable", "No tile was compared, so there is nothing to explain.")
NOT_TOLD = Notice(
    "attention_unavailable",
    "This model describes a photo by one vector and tells nothing of where it looked. Export it again if it is a "
    "transformer; its attention is then a second output.",
)


class Explainer:
    """Explains answers about the tiles of a gallery.

    Args:
        manifest: of the model that described them.
        gallery: of tiles.
    """

    def __init__(self, manifest: ModelManifest, gallery: Gallery) -> None:
        self._manifest, self._gallery = manifest, gallery

    def explained(self, query: Query, view: View, answer: Answer) -> Answer:
        """Add to an answer what its first candidate rests on, or a notice why that cannot be told."""
        if not answer.candidates:
            return replace(answer, notices=(*answer.notices, NOTHING_COMPARED))
        found = self._explain(query, view, answer.candidates[0])
        if found is None:
            return replace(answer, notices=(*answer.notices, NOT_TOLD))
        return replace(answer, attention=found)

    def _explain(self, query: Query, view: View, best: Candidate) -> Attention | None:
        ground, prepared, hints = self._manifest.ground, view.prepared, query.camera
        tilt = hints.pitch_deg or 0.0, hints.roll_deg or 0.0
        camera = Camera(prepared.projection, prepared.fov_deg, hints.heading_deg, None, *tilt)
        if view.attention is not None and isinstance(ground, StretchedView):
            return attention(view.attention, camera, ground, prepared.size_px)
        if isinstance(ground, GroundView) and self._manifest.embedding.columns > 1:
            rows, cells = np.array([best.row]), np.array([best.cell])
            described = self._gallery.described(rows, cells)[0]
            lat, lon = (float(value[0]) for value in self._gallery.cell_lat_lon(rows, cells))
            found = taken_apart(view.columns, described, prepared.ground)
            return contribution(found, camera, ground, prepared.size_px, best.tile.bounds, (lat, lon))
        return None
