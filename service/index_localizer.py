"""The localizer that the service runs: an encoder in front of a gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery
from models.bundle import AnyGroundView, StretchedView
from models.encoder import Encoder
from models.errors import EncoderNonFinite, ParameterError
from models.image import WHOLE_PX, ImageLimits, Photo, decode_photo
from models.preprocess import ground_input
from service.calibrated import Locating
from service.camera import camera_for
from service.localizer import About, Prepared
from service.query import Answer, Notice, Prior, Query, make_prior
from service.ranked import Ranking

Float32s = NDArray[np.float32]
MIN_DECODED_SIDE_PX, DECODED_PER_CANVAS = 512, 1.25
"""A JPEG is decoded no smaller than this, and no smaller than 1.25 canvas widths: a 150° photo needs 1.19 of them."""
HEADING_NOT_SEARCHED = Notice(
    "heading_not_searched",
    "This model searches no heading: the panorama was taken as if north stood in its middle. Send its heading.",
)
EXIF_GPS_IGNORED = Notice(
    "exif_gps_ignored", "The photo carries a GPS position, which was not used. Set use_gps_as_prior to use it."
)
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
        self._encoder, self._gallery, self.usual_prior = encoder, gallery, usual_prior
        self._limits = limits or ImageLimits()
        self._decoded_side_px = decoded_side_px(encoder.manifest.ground)
        calibration, title = encoder.manifest.calibration, encoder.manifest.title
        self._answerer = Ranking(gallery, title) if calibration is None else Locating(gallery, calibration, title)
        self._first_notices = (UNCALIBRATED,) if calibration is None else ()
        self.about = _about(encoder, gallery, name)

    @property
    def usual_fov_deg(self) -> tuple[float, ...]:
        """Fields of view to warm up with: a phone's and a panorama, or the only one that the model takes."""
        view = self._encoder.manifest.ground
        return (view.fov_deg,) if isinstance(view, StretchedView) else (70.0, 360.0)

    def decode(self, data: bytes) -> Photo:
        return decode_photo(data, long_side_px=self._decoded_side_px, limits=self._limits)

    def prepare(self, photo: Photo, query: Query) -> Prepared:
        camera, camera_notices = camera_for(photo, query.camera)
        prior, prior_notices = _prior(photo, query)
        manifest = self._encoder.manifest
        ground = ground_input(photo.pixels, camera, manifest.ground, manifest.embedding)
        assumed = isinstance(manifest.ground, StretchedView) and camera.heading_deg is None and camera.fov_deg >= 360.0
        heading_notices = (HEADING_NOT_SEARCHED,) if assumed else ()
        notices = (*self._first_notices, *camera_notices, *heading_notices, *prior_notices)
        return Prepared(ground, len(ground.firsts) > 1, prior, camera.fov_deg, notices)

    def describe(self, prepared: Prepared) -> Float32s:
        columns: Float32s = self._encoder.ground(prepared.ground.pixels[None])[0]
        if not np.isfinite(columns).all():
            raise EncoderNonFinite(f"{self.about.model} gave values that are not finite for this photo.")
        return columns

    def describe_many(self, prepared: Sequence[Prepared]) -> list[Float32s]:
        if len(prepared) == 1:
            return [self.describe(prepared[0])]
        columns = self._encoder.ground(np.stack([photo.ground.pixels for photo in prepared]))
        if not np.isfinite(columns).all():
            raise EncoderNonFinite(f"{self.about.model} gave values that are not finite for one of these photos.")
        return list(columns)

    def search(self, query: Query, prepared: Prepared, columns: Float32s) -> Answer:
        return replace(self._answerer.answer(query, prepared, columns), index=self.about.index)

    def probe_recall(self) -> float:
        return self._gallery.probe_recall()


def decoded_side_px(view: AnyGroundView) -> int:
    """Give the long side to which a JPEG may be decoded without loss for a network.

    Without antialiasing the pixels that are skipped are a part of the preprocessing, so nothing may be averaged before.
    """
    if isinstance(view, StretchedView):
        if view.resampling == "linear":
            return WHOLE_PX
        return max(MIN_DECODED_SIDE_PX, round(DECODED_PER_CANVAS * view.panorama_width_px))
    return max(MIN_DECODED_SIDE_PX, round(DECODED_PER_CANVAS * view.width_px))


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
    )


def _prior(photo: Photo, query: Query) -> tuple[Prior | None, tuple[Notice, ...]]:
    """The request's prior; else, if wanted, the photo's own position."""
    if query.prior is not None or not query.use_exif_gps:
        ignored = photo.gps is not None
        notices = (EXIF_GPS_IGNORED,) if ignored else ()
        prior_notices = query.prior.notices if query.prior else ()
        return query.prior, (*prior_notices, *notices)
    if photo.gps is not None:
        prior = make_prior(photo.gps.lat, photo.gps.lon, photo.gps.accuracy_m, None, query.radius_m)
        return prior, (Notice("prior_from_exif", "The photo's own GPS position is the prior."), *prior.notices)
    if query.mode == "prior":
        raise ParameterError("use_gps_as_prior", "the photo holds no GPS position; send lat and lon.")
    return None, (Notice("exif_gps_absent", "The photo holds no GPS position; the whole index was searched."),)
