"""What one call asks, whatever it was written in: fixes, photos by their places, and what goes for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.correct.schema import MOST_FIXES, MOST_PHOTOS, PART, FixRequest, MountedCamera, Settled
from service.errors import InvalidParameters
from service.fleet.fix import Fix, FleetNotice
from service.query import Query
from service.requests import from_base64


@dataclass(frozen=True, slots=True)
class Question:
    """One call, read and checked.

    Attributes:
        photos: files by the index of their fix.
        notices: about how it was read.
    """

    fixes: tuple[FixRequest, ...]
    settled: Settled = field(default_factory=Settled)
    photos: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    notices: tuple[FleetNotice, ...] = ()

    def query(self, index: int) -> Query:
        """Say how the photo of a fix is to be looked at."""
        return query_of(self.fixes[index], self.settled.camera)


def query_of(fix: FixRequest, camera: MountedCamera) -> Query:
    """Say how a photo is to be looked at: by its own camera or that of the call. Where, is the fix's business."""
    return Query(camera=(fix.camera or camera).hints(fix.heading_deg))


def fix_of(fix: FixRequest, index: int) -> Fix:
    """Give a fix as the reckoning knows it."""
    return Fix(
        index=index,
        device_id=fix.device_id or "",
        timestamp=fix.moment,
        lat=fix.lat,
        lon=fix.lon,
        accuracy_m=fix.accuracy_m,
        accuracy_percentile=fix.accuracy_percentile,
        heading_deg=fix.heading_deg,
        speed_mps=fix.speed_mps,
        photo_time=fix.image_moment,
    )


def check_count(fixes: Sequence[object], photos: int) -> None:
    """Raises InvalidParameters: none, or more than a call takes."""
    if not fixes:
        raise InvalidParameters([("fixes", "has to hold one fix at least.")])
    if len(fixes) > MOST_FIXES:
        raise InvalidParameters([("fixes", f"has at most {MOST_FIXES} items.")])
    if photos > MOST_PHOTOS:
        raise InvalidParameters([("fixes", f"has at most {MOST_PHOTOS} photos.")])


def photos_of(fixes: Sequence[FixRequest], parts: Mapping[str, bytes] | None) -> dict[int, bytes]:
    """Give the photos of fixes, from base64 or out of the parts of a form.

    Args:
        parts: by name; None where there is no form.

    Raises:
        InvalidParameters: at the fix whose image is no base64, names no part, or names one that another has; at the
            whole for a part that no fix names.
    """
    check_count(fixes, sum(fix.image is not None for fix in fixes))
    photos: dict[int, bytes] = {}
    named: dict[str, int] = {}
    for index, fix in enumerate(fixes):
        if fix.image is None:
            if fix.image_timestamp is not None or fix.camera is not None:
                raise InvalidParameters([(f"fixes.{index}.image", "is needed with image_timestamp and camera.")])
            continue
        pointer = f"fixes.{index}.image"
        if not fix.image.startswith(PART):
            photos[index] = from_base64(fix.image, pointer)
            continue
        name = fix.image.removeprefix(PART)
        if parts is None:
            raise InvalidParameters([(pointer, "names a part, but this is no form. Send the file in base64.")])
        if name not in parts:
            raise InvalidParameters([(pointer, "names no part of the form that is a file.")])
        if name in named:
            raise InvalidParameters([(pointer, f"names the same part as fixes.{named[name]}.image.")])
        named[name], photos[index] = index, parts[name]
    if parts and len(named) < len(parts):
        raise InvalidParameters([("", 'a file of the form is named by no fix, as in "image": "part:img0".')])
    return photos
