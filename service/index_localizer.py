"""The localizer that the service runs: an encoder in front of a gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from index.coverage import Coverage
from index.gallery import Gallery
from models.bundle import StretchedView
from models.camera import MAX_PERSPECTIVE_FOV_DEG, Camera
from models.encoder import Attending, Encoder
from models.errors import EncoderError, EncoderNonFinite
from models.image import ImageLimits, Photo
from models.preprocess import ground_input
from service.calibrated import Locating
from service.explaining.explainer import Explainer
from service.localizer import About, Prepared
from service.query import Answer, Notice, Prior, Query
from service.ranked import Ranking
from service.recipe import Recipe
from service.view import View

Float32s = NDArray[np.float32]
GREY = np.full((256, 512, 3), 128, dtype=np.uint8)
UNCALIBRATED = Notice(
    "uncalibrated",
    "Candidates are ranked by similarity; this model has no calibration, so there is no probability and no radius.",
)


class IndexLocalizer:
    """An encoder in front of a gallery.

    Args:
        encoder: the model that described its tiles.
        gallery: an index (`index.search.Searcher`), or several.
        limits: bounds on photos.
        usual_prior: where to warm up, in a gallery that is not to be opened whole for that.
        name: what answers call the index, instead of its own name.
    """

    def __init__(
        self,
        encoder: Encoder,
        gallery: Gallery,
        limits: ImageLimits | None = None,
        usual_prior: Prior | None = None,
        name: str = "",
    ) -> None:
        self._encoder, self.gallery, self.usual_prior = encoder, gallery, usual_prior
        calibration, title = encoder.manifest.calibration, encoder.manifest.title
        locating = None if calibration is None else Locating(gallery, calibration, title)
        self._answerer = locating or Ranking(gallery, title)
        self._explainer = Explainer(encoder, gallery)
        self.coverage = Coverage(gallery)
        self.likelihoods = None if locating is None else locating.source
        first_notices = (UNCALIBRATED,) if calibration is None else ()
        view, embedding = encoder.manifest.ground, encoder.manifest.embedding
        self.recipe = Recipe(view, embedding, limits or ImageLimits(), first_notices)
        self.about = _about(encoder, gallery, name)
        self.failures_in_a_row = 0

    @property
    def usual_fov_deg(self) -> tuple[float, ...]:
        """Fields of view to warm up with: a phone's and a panorama, or the only one that the model takes."""
        view = self._encoder.manifest.ground
        return (view.fov_deg,) if isinstance(view, StretchedView) else (70.0, 360.0)

    def decode(self, data: bytes) -> Photo:
        return self.recipe.decode(data)

    def prepare(self, photo: Photo, query: Query) -> Prepared:
        return self.recipe.prepare(photo, query)

    def describe(self, prepared: Prepared) -> Float32s:
        columns: Float32s = self._described(prepared.ground.pixels[None])[0]
        return columns

    def describe_many(self, prepared: Sequence[Prepared]) -> list[Float32s]:
        if len(prepared) == 1:
            return [self.describe(prepared[0])]
        return list(self._described(np.stack([photo.ground.pixels for photo in prepared])))

    def describe_attended(self, prepared: Sequence[Prepared]) -> list[tuple[Float32s, Float32s | None]]:
        pixels = np.stack([photo.ground.pixels for photo in prepared])
        columns, maps = self._run(pixels, attended=True)
        return list(zip(columns, [None] * len(columns) if maps is None else maps, strict=True))

    def _described(self, pixels: Float32s) -> Float32s:
        return self._run(pixels)[0]

    def _run(self, pixels: Float32s, *, attended: bool = False) -> tuple[Float32s, Float32s | None]:
        """(N, 3, H, W) -> (N, w, E), and maps (N, h, w) if they are wanted and there are some; counts what fails.

        Runs beside each other may miscount, which only delays.
        """
        encoder, maps = self._encoder, None
        try:
            if attended and isinstance(encoder, Attending) and encoder.attends("ground"):
                columns, maps = encoder.ground_attended(pixels)
            else:
                columns = encoder.ground(pixels)
            if not np.isfinite(columns).all():
                raise EncoderNonFinite(f"{self.about.model} gave values that are not finite for {len(pixels)} photos.")
        except EncoderError:
            self.failures_in_a_row += 1
            raise
        self.failures_in_a_row = 0
        return columns, maps

    def search(self, query: Query, prepared: Prepared, columns: Float32s) -> Answer:
        return replace(self._answerer.answer(query, prepared, columns), index=self.about.index)

    def explained(self, query: Query, view: View, answer: Answer) -> Answer:
        return self._explainer.explained(query, view, answer)

    def map_tile(self, zoom: int, x: int, y: int) -> bytes | None:
        return self.gallery.map_tile(zoom, x, y)

    def probe_recall(self) -> float:
        if self.failures_in_a_row:
            fov_deg, view = self.usual_fov_deg[0], self._encoder.manifest.ground
            camera = Camera("perspective" if fov_deg <= MAX_PERSPECTIVE_FOV_DEG else "panorama", fov_deg)
            self._described(ground_input(GREY, camera, view, self._encoder.manifest.embedding).pixels[None])
        return self.gallery.probe_recall()


def _about(encoder: Encoder, gallery: Gallery, name: str) -> About:
    model, tiles = encoder.manifest, gallery.about
    own, at, generation = tiles.title.partition("@")
    return About(
        model=model.title,
        model_label=model.label,
        model_licence=model.licence,
        model_attribution=model.attribution,
        model_precision=model.precision,
        model_ledger=model.ledger,
        provider=encoder.provider,
        index=f"{name or own}{at}{generation}",
        index_tiles=tiles.tiles,
        index_bounds=tiles.bounds,
        index_attribution=tiles.attribution,
        index_licence=tiles.licence,
        index_bytes=tiles.stored_bytes,
        index_created=tiles.created,
        index_imagery=tiles.imagery,
    )
