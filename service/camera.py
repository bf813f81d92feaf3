"""From a photo's metadata and a request's hints to one camera: the rules for what nobody said."""

from __future__ import annotations

from models.camera import MAX_PERSPECTIVE_FOV_DEG, MIN_FOV_DEG, Camera, Projection
from models.image import Photo
from service.query import CameraHints, Notice

ASSUMED_FOV_DEG = 70.0
FULL_CIRCLE_DEG = 360.0
PANORAMA_RATIO = 2.0


def camera_for(photo: Photo, hints: CameraHints) -> tuple[Camera, tuple[Notice, ...]]:
    """Decide projection and field of view, and say what was assumed.

    The field of view is the request's; else the EXIF focal length's; else 360 for an image at least twice as wide as
    high that says it is a panorama; else 70. An image without a stated projection is a panorama when it says so or
    when its field of view is wider than any lens'.
    """
    projection = hints.projection or _projection(photo, hints)
    fov_deg, notices = _fov(photo, hints, projection)
    camera = Camera(
        projection=projection,
        fov_deg=fov_deg,
        heading_deg=hints.heading_deg,
        heading_accuracy_deg=hints.heading_accuracy_deg,
        pitch_deg=hints.pitch_deg or 0.0,
        roll_deg=hints.roll_deg or 0.0,
    )
    return camera, notices


def _projection(photo: Photo, hints: CameraHints) -> Projection:
    too_wide = hints.fov_deg is not None and hints.fov_deg > MAX_PERSPECTIVE_FOV_DEG
    return "panorama" if too_wide or says_panorama(photo) else "perspective"


def says_panorama(photo: Photo) -> bool:
    return photo.is_panorama and photo.width_px >= PANORAMA_RATIO * photo.height_px


def _fov(photo: Photo, hints: CameraHints, projection: Projection) -> tuple[float, tuple[Notice, ...]]:
    if hints.fov_deg is not None:
        return hints.fov_deg, ()
    if projection == "panorama":
        return FULL_CIRCLE_DEG, ()
    exif = photo.exif_fov_deg if hints.use_focal_length else None
    if exif is not None:
        fov_deg = min(MAX_PERSPECTIVE_FOV_DEG, max(MIN_FOV_DEG, exif))
        return fov_deg, (Notice("fov_from_exif", f"Field of view {fov_deg:.1f}° by the EXIF focal length."),)
    detail = f"Nothing tells the field of view; {ASSUMED_FOV_DEG:g}° was assumed. Send fov_deg for a better answer."
    return ASSUMED_FOV_DEG, (Notice("fov_assumed", detail),)
