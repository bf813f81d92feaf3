"""What OpenAPI says of a question to POST /localize: three encodings of one request, and its headers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from service.deadline import HEADER as DEADLINE
from service.deadline import MOST_MS
from service.examples import EXAMPLES
from service.multipart import DOCUMENT, IMAGE
from service.parameters import FLAT, GROUPS, LISTS
from service.requests import RAW_TYPES
from service.schema import PERSPECTIVE_IS_NARROW, LocalizeRequest

Json = dict[str, Any]

IMAGE_EXAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAADAAAAAgCAAAAABxv6TAAAAAHElEQVR42mNsYCANMDGMahjVMKph"
    "VMOohhGgAQDZzQDAKfXpCgAAAABJRU5ErkJggg=="
)
"""A grey PNG of 48 x 32 pixels, so that the examples can be sent as they are."""
REQUEST = {"$ref": "#/components/schemas/LocalizeRequest"}
RULES = (
    "accuracy_percentile needs accuracy_m; heading_accuracy_deg needs heading_deg; lat and lon need each other, and "
    "mode=prior and radius_m need both, or use_gps_as_prior and a photo that holds a position; a perspective photo has "
    "at most 150 degrees."
)

FLAT_RULES: Json = {
    "dependentRequired": {
        "lat": ["lon"],
        "lon": ["lat"],
        "accuracy_m": ["lat", "lon"],
        "accuracy_percentile": ["accuracy_m"],
        "heading_accuracy_deg": ["heading_deg"],
    },
    "allOf": [
        PERSPECTIVE_IS_NARROW,
        {
            "anyOf": [
                {"properties": {"mode": {"enum": ["auto", "global"]}, "radius_m": False}},
                {"required": ["lat", "lon"]},
                {"properties": {"use_gps_as_prior": {"const": True}}, "required": ["use_gps_as_prior"]},
            ]
        },
    ],
}
"""The same in flat fields, which are absent or have a value."""


def request_body() -> Json:
    """Describe the body of POST /localize."""
    binary = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    return {
        "required": True,
        "description": f"The photo, and what is known of it. {RULES}",
        "content": {
            **{media_type: {"schema": binary} for media_type in RAW_TYPES},
            "multipart/form-data": _form(binary),
            "application/json": {"schema": _with_image(), "examples": _json_examples()},
        },
    }


def query_parameters() -> list[Json]:
    """Describe the query parameters, which go with raw image bodies."""
    return [
        {"name": name, "in": "query", "schema": schema, **({"description": text} if text else {})}
        for name, (schema, text) in _flat_schemas().items()
    ]


def header_parameters() -> list[Json]:
    """Describe the headers that a request may have beside its key."""
    return [
        {
            "name": DEADLINE,
            "in": "header",
            "schema": {"type": "integer", "minimum": 1, "maximum": MOST_MS},
            "description": "How long the client waits, in milliseconds. Work that is not begun by then never is: 504.",
            "example": 5000,
        },
        {
            "name": "x-request-id",
            "in": "header",
            "schema": {"type": "string"},
            "description": "Kept if it is 1 to 64 letters, digits, `.`, `_` and `-`; else one is made.",
            "example": "van-17.4711",
        },
        {
            "name": "traceparent",
            "in": "header",
            "schema": {"type": "string"},
            "description": "W3C trace context, taken up where traces are on.",
            "example": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
    ]


def _form(binary: Json) -> Json:
    flat = {name: schema | ({"description": text} if text else {}) for name, (schema, text) in _flat_schemas().items()}
    fields = {"type": "object", "additionalProperties": False, "required": [IMAGE]}
    flat_form = {**fields, "title": "Flat fields", "properties": {IMAGE: binary, **flat}, **FLAT_RULES}
    nested_form = {**fields, "title": "One JSON part", "properties": {IMAGE: binary, DOCUMENT: REQUEST}}
    return {
        "schema": {"anyOf": [flat_form, nested_form], "description": f"Flat fields, or one JSON part `{DOCUMENT}`."},
        "encoding": {DOCUMENT: {"contentType": "application/json"}, IMAGE: {"contentType": ", ".join(RAW_TYPES)}},
    }


def _with_image() -> Json:
    """The nested request with the photo in it."""
    schema: Json = LocalizeRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    encoded = {
        "type": "string",
        "format": "byte",
        "contentEncoding": "base64",
        "description": "The photo's file in base64, standard alphabet, padded.",
    }
    schema.pop("$defs")
    return schema | {
        "title": "LocalizeRequest with image",
        "required": [IMAGE],
        "properties": {IMAGE: encoded, **schema["properties"]},
    }


def _json_examples() -> Json:
    return {
        name: {"summary": example.summary, "value": {IMAGE: IMAGE_EXAMPLE, **example.request}}
        for name, example in EXAMPLES.items()
    }


def _flat_schemas() -> dict[str, tuple[Json, str]]:
    """Schema and description of every flat field; none of them can be null, as text has no null."""
    models: tuple[type[BaseModel], ...] = (LocalizeRequest, *GROUPS.values())
    found: dict[str, tuple[Json, str]] = {}
    for model in models:
        for name, schema in model.model_json_schema()["properties"].items():
            if name in FLAT:
                given = [choice for choice in schema.get("anyOf", [schema]) if choice != {"type": "null"}]
                text = schema.get("description", "")
                hidden = ("description", "default", "title", "anyOf")
                plain = {key: value for key, value in {**schema, **given[0]}.items() if key not in hidden}
                if name in LISTS:  # words parted by commas
                    found[name] = ({"type": "string", "enum": list(LISTS[name])}, text)
                    continue
                default = schema.get("default")
                found[name] = (plain if default is None else {**plain, "default": default}, text)
    return {name: found[name] for name in FLAT}
