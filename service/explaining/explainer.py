"""What an answer's first candidate rests on: the network's own attention, or else its columns taken apart."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from index.gallery import Gallery
from models.bundle import GroundView
from models.camera import Camera
from models.columns import mean_cosine_scale, shifts
from models.encoder import Attending, Encoder
from models.errors import BundleError, EncoderError
from models.geo import Floats
from models.preprocess import aerial_input
from service.explaining.attention import Attention
from service.explaining.contribution import contribution, middle_and_side_m, taken_apart
from service.explaining.imagery import IndexImagery
from service.explaining.looking import over_photo, over_tile
from service.query import Answer, Candidate, Notice, Query
from service.view import View

logger = logging.getLogger("skyfix")
NOTHING_COMPARED = Notice("attention_unavailable", "No tile was compared, so there is nothing to explain.")
NOT_TOLD = Notice(
    "attention_unavailable",
    "This model describes a photo by one vector and tells nothing of where it looked. Export it again if it is a "
    "transformer; its attention is then a second output.",
)


class Explainer:
    """Explains answers about the tiles of a gallery.

    Args:
        encoder: the model that described them.
        gallery: of tiles.
    """

    def __init__(self, encoder: Encoder, gallery: Gallery) -> None:
        self._encoder, self._manifest, self._gallery = encoder, encoder.manifest, gallery

    def explained(self, query: Query, view: View, answer: Answer) -> Answer:
        """Add to an answer what its first candidate rests on, or a notice why that cannot be told."""
        if not answer.candidates:
            return replace(answer, notices=(*answer.notices, NOTHING_COMPARED))
        found = self._explain(query, view, answer)
        if found is None:
            return replace(answer, notices=(*answer.notices, NOT_TOLD))
        return replace(answer, attention=found)

    def _explain(self, query: Query, view: View, answer: Answer) -> Attention | None:
        best = answer.candidates[0]
        ground, prepared, hints = self._manifest.ground, view.prepared, query.camera
        tilt = hints.pitch_deg or 0.0, hints.roll_deg or 0.0
        camera = Camera(prepared.projection, prepared.fov_deg, hints.heading_deg, None, *tilt)
        if view.attention is not None:
            photo = over_photo(view.attention, camera, ground, prepared.size_px, prepared.ground.left_deg)
            return Attention("attention", photo, self._tile_attention(best))
        if isinstance(ground, GroundView) and self._manifest.embedding.columns > 1:
            rows, cells = np.array([best.row]), np.array([best.cell])
            described = self._gallery.described(rows, cells)[0]
            lat, lon = (float(value[0]) for value in self._gallery.cell_lat_lon(rows, cells))
            at_large = self._at_large(view) if answer.at_large is None else answer.at_large
            found = taken_apart(view.columns, described, prepared.ground, at_large, (lat, lon))
            return contribution(found, camera, ground, prepared.size_px, best.tile.bounds)
        return None

    def _at_large(self, view: View) -> float:
        layout = self._manifest.embedding
        products = self._gallery.background(shifts(view.columns, layout.columns, layout.turns))
        return float(products.mean) * mean_cosine_scale(len(view.columns), layout.columns)

    def _tile_attention(self, best: Candidate) -> Floats | None:
        """Show the tile to the network again, from the pictures that the index keeps; None where it keeps none.

        They are map tiles, compressed and no finer than the network needs: near what was indexed, and not the same.
        """
        encoder, view = self._encoder, self._manifest.aerial
        if not isinstance(encoder, Attending):
            return None
        lat, lon, side_m = middle_and_side_m(best.tile.bounds)
        size_px = view.size_px
        seen = IndexImagery(self._gallery).seen(lat, lon, (size_px, size_px), side_m / size_px)
        if seen is None:
            return None
        try:
            found = encoder.aerial_attention(aerial_input(np.asarray(seen.convert("RGB")), view)[None])
        except (EncoderError, BundleError) as error:  # the answer stands without it
            logger.warning("the attention of a tile cannot be told: %s", error)
            return None
        return None if found is None else over_tile(found[0], size_px)
