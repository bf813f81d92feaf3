"""How a photo is made ready for one model, as a small value that can be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass

from models.bundle import AnyGroundView, Embedding, StretchedView
from models.errors import ParameterError
from models.image import WHOLE_PX, ImageLimits, Photo, decode_photo
from models.preprocess import ground_input
from service.camera import camera_for
from service.prepared import Prepared
from service.query import Notice, Prior, Query, make_prior

MIN_DECODED_SIDE_PX, DECODED_PER_CANVAS = 512, 1.25
"""A JPEG is decoded no smaller than this, and no smaller than 1.25 canvas widths: a 150° photo needs 1.19 of them."""
HEADING_NOT_SEARCHED = Notice(
    "heading_not_searched",
    "This model searches no heading: the panorama was taken as if north stood in its middle. Send its heading.",
)
EXIF_GPS_IGNORED = Notice(
    "exif_gps_ignored", "The photo carries a GPS position, which was not used. Set use_gps_as_prior to use it."
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model's input and the bounds on photos."""

    view: AnyGroundView
    embedding: Embedding
    limits: ImageLimits
    first_notices: tuple[Notice, ...] = ()

    def decode(self, data: bytes) -> Photo:
        """Raises ImageError."""
        return decode_photo(data, long_side_px=decoded_side_px(self.view), limits=self.limits, shrink=True)

    def prepare(self, photo: Photo, query: Query) -> Prepared:
        """Raises ParameterError."""
        camera, camera_notices = camera_for(photo, query.camera)
        prior, prior_notices = _prior(photo, query)
        ground = ground_input(photo.pixels, camera, self.view, self.embedding)
        assumed = isinstance(self.view, StretchedView) and camera.heading_deg is None and camera.fov_deg >= 360.0
        heading_notices = (HEADING_NOT_SEARCHED,) if assumed else ()
        notices = (*self.first_notices, *camera_notices, *heading_notices, *prior_notices)
        size_px = photo.width_px, photo.height_px
        searched = len(ground.firsts) > 1
        return Prepared(ground, searched, prior, camera.fov_deg, notices, size_px, camera.projection)


def decoded_side_px(view: AnyGroundView) -> int:
    """Give the long side to which a JPEG may be decoded without loss for a network.

    Without antialiasing the pixels that are skipped are a part of the preprocessing, so nothing may be averaged before.
    """
    if isinstance(view, StretchedView):
        if view.resampling == "linear":
            return WHOLE_PX
        return max(MIN_DECODED_SIDE_PX, round(DECODED_PER_CANVAS * view.panorama_width_px))
    return max(MIN_DECODED_SIDE_PX, round(DECODED_PER_CANVAS * view.width_px))


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
