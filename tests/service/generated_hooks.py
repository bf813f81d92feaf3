"""Hooks of schemathesis, in a process of its own: photos where photos go, and fields that need each other.

OpenAPI has no words for two things, so they are said here: some parameters need each other, and not every string of
bytes is a photo. Every photo holds a position and a focal length, so that asking for them is never wrong.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import schemathesis
from hypothesis import strategies
from PIL import ExifTags, Image
from schemathesis import Case, HookContext

from models.camera import MAX_PERSPECTIVE_FOV_DEG
from service.requests import RAW_TYPES

SIZES = ((64, 32), (96, 96), (48, 64))
FORMATS = ("JPEG", "PNG", "WEBP")
FORM = "multipart/form-data"
MANY = ("/localize/batch", "/localize/set")


def _photo(size: tuple[int, int], format_: str) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Skyfix"  # with nothing but sub-tables Pillow takes it for empty in a PNG
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (52.0, 30.0, 1.0),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: (13.0, 24.0, 1.0),
        }
    )
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.FocalLengthIn35mmFilm: 28})
    stream = io.BytesIO()
    Image.new("RGB", size, (90, 140, 200)).save(stream, format_, exif=exif)
    return stream.getvalue()


PHOTOS = strategies.sampled_from([_photo(size, format_) for size in SIZES for format_ in FORMATS])

for media_type in RAW_TYPES:
    schemathesis.openapi.media_type(media_type, PHOTOS)
schemathesis.openapi.format("binary", PHOTOS)
schemathesis.openapi.format("byte", PHOTOS.map(lambda photo: base64.b64encode(photo).decode()))


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:  # noqa: ARG001
    """Leave out what is not as wrong as it seems.

    A list of none or one as a flat field is on the wire nothing, or a field like any other; null in the part of a form
    is good in most places, and said nowhere. A token of a track is a good one only if it was answered before. What is
    said of several photos and of one of them is put together first, and several files of one name are sent as one.
    """
    if case.path in MANY and isinstance(case.body, dict) and _is_put_together(_step(case.body), case.media_type):
        return False
    if isinstance(case.body, dict) and isinstance(_step(case.body).get("track_token"), str):
        return False
    if case.media_type == FORM and isinstance(case.body, dict) and _holds_null(case.body.get("request", {})):
        return False
    return not any(isinstance(value, list | tuple) and len(value) < 2 for value in _flat(case).values())


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:  # noqa: ARG001
    """Complete flat fields that need each other."""
    _complete(_flat(case))
    if case.path == "/coverage" and case.query:
        if "aliasing" in case.query:  # of the whole index
            case.query.pop("lat", None)
            case.query.pop("lon", None)
        _complete(case.query)
    return case


def _step(body: dict[str, Any]) -> dict[str, Any]:
    """Give the part of a form that is JSON, or the whole body."""
    part = body.get("request", body)
    return part if isinstance(part, dict) else {}


def _is_put_together(part: dict[str, Any], media_type: str | None) -> bool:
    images, shared = part.get("images"), part.get("camera")
    if media_type == FORM:
        return True
    said = [each for each in images if isinstance(each, dict)] if isinstance(images, list) else []
    return bool(shared) and any(each.get("camera") or "relative_heading_deg" in each for each in said)


def _flat(case: Case[Any]) -> dict[str, Any]:
    """Give the flat fields of a case, which may be changed; none where it has none."""
    fields = case.query if case.media_type in RAW_TYPES else case.body if case.media_type == FORM else None
    return fields if isinstance(fields, dict) and "request" not in fields else {}


def _holds_null(part: object) -> bool:
    inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return part is None or any(_holds_null(each) for each in inside)


def _complete(fields: dict[str, Any]) -> None:
    if "accuracy_percentile" in fields:
        fields.setdefault("accuracy_m", 30)
    if "heading_accuracy_deg" in fields:
        fields.setdefault("heading_deg", 90)
    if {"lat", "lon", "accuracy_m", "radius_m"} & set(fields) or fields.get("mode") == "prior":
        fields.setdefault("lat", 52.5)
        fields.setdefault("lon", 13.4)
    if fields.get("projection") == "perspective" and _number(fields.get("fov_deg")) > MAX_PERSPECTIVE_FOV_DEG:
        fields["fov_deg"] = MAX_PERSPECTIVE_FOV_DEG


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0
