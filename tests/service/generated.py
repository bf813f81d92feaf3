"""What schemathesis is given: the document an encoding, and hooks that put photos where it says that one goes.

OpenAPI has no words for three things, so they are said here: query parameters go with raw bodies only, some parameters
need each other, and not every string of bytes is a photo. Every photo holds a position and a focal length, so that
asking for them is never wrong.
"""

from __future__ import annotations

import base64
import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import strategies
from PIL import ExifTags, Image
from schemathesis import Case, HookContext

from models.camera import MAX_PERSPECTIVE_FOV_DEG
from service.openapi import public_document
from service.requests import RAW_TYPES

Json = dict[str, Any]
SIZES = ((64, 32), (96, 96), (48, 64))
FORMATS = ("JPEG", "PNG", "WEBP")
FORM = "multipart/form-data"
RULES = ("allOf", "anyOf", "dependentRequired")
SIMPLE = {"lat", "lon", "accuracy_m", "fov_deg", "heading_deg", "pitch_deg", "roll_deg", "use_gps_as_prior"}
"""Fields that need no other one beyond what `required` says."""


def documents() -> Iterator[tuple[str, Json]]:
    """Give a name and a document for each way to ask; only the first one has the other routes."""
    whole: Json = json.loads(json.dumps(public_document("1.0")))
    content = whole["paths"]["/localize"]["post"]["requestBody"]["content"]
    flat, nested = content[FORM]["schema"]["anyOf"]
    yield "raw", _with({name: content[name] for name in RAW_TYPES}, whole, query=True)
    yield "json", _with({"application/json": content["application/json"]}, whole)
    without_rules = {name: part for name, part in flat.items() if name not in RULES}
    yield "flat form", _with({FORM: {**content[FORM], "schema": without_rules}}, whole)
    document = _simple(whole["components"]["schemas"])
    one_part = {**nested, "properties": {**nested["properties"], "request": document}}
    yield "form with one part", _with({FORM: {**content[FORM], "schema": one_part}}, whole)


def _with(content: Json, whole: Json, *, query: bool = False) -> Json:
    document = copy.deepcopy(whole)
    operation = document["paths"]["/localize"]["post"]
    operation["requestBody"]["content"] = content
    if not query:
        operation["parameters"] = [each for each in operation["parameters"] if each["in"] != "query"]
        document["paths"] = {"/localize": document["paths"]["/localize"]}
    return document


def _simple(schemas: Json) -> Json:
    """The nested request without fields that need others: beside bytes, schemathesis does not check itself."""
    groups = {}
    for name in ("prior", "camera", "exif"):
        schema = schemas[f"{name.capitalize()}Request"]
        kept = {field: each for field, each in schema["properties"].items() if field in SIMPLE}
        groups[name] = {**{key: each for key, each in schema.items() if key not in RULES}, "properties": kept}
    return {"type": "object", "additionalProperties": False, "properties": groups}


def _photo(size: tuple[int, int], format_: str) -> bytes:
    exif = Image.Exif()
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
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:  # noqa: ARG001
    """Complete flat fields that need each other."""
    fields = case.query if case.media_type in RAW_TYPES else case.body if case.media_type == FORM else None
    if isinstance(fields, dict) and "request" not in fields:
        _complete(fields)
    return case


def _complete(fields: Json) -> None:
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
