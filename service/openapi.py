"""What OpenAPI says of POST /localize: three encodings of one request, and its answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from service.multipart import DOCUMENT, IMAGE
from service.parameters import FLAT, GROUPS
from service.problems import MEDIA_TYPE, Problem
from service.requests import RAW_TYPES
from service.responses import LocalizeResponse
from service.schema import LocalizeRequest

Json = dict[str, Any]

REQUEST_EXAMPLE: Json = {
    "top_k": 5,
    "prior": {"lat": 52.5163, "lon": 13.3777, "accuracy_m": 60, "accuracy_percentile": 95},
    "search": {"mode": "auto"},
    "camera": {"fov_deg": 68, "projection": "perspective", "heading_deg": 210, "heading_accuracy_deg": 40},
    "exif": {"use_gps_as_prior": False, "use_focal_length": True},
}
RESPONSE_EXAMPLE: Json = {
    "request_id": "5f0c2f1d9f5e4a0c8f1f6f1f1b7c9a10",
    "status": "localized",
    "position": {
        "lat": 52.5165122,
        "lon": 13.3781907,
        "radius_m_68": 13.2,
        "radius_m_95": 21.4,
        "covariance_enu_m2": [62.1, -8.0, -8.0, 88.7],
    },
    "heading": {"deg": 202.5, "accuracy_deg_68": 11.0},
    "confidence": 0.87,
    "confidence_definition": "P(error <= 25 m)",
    "probability_outside_index": 0.04,
    "candidates": [
        {
            "rank": 1,
            "lat": 52.5165122,
            "lon": 13.3781907,
            "similarity": 0.712,
            "probability": 0.81,
            "heading_deg": 202.5,
            "distance_to_prior_m": 40.7,
            "tile": {
                "id": "r12-c7",
                "bounds": [13.377718, 52.516224, 13.378663, 52.516800],
                "captured": "2025-06",
                "attribution": "City of Berlin",
            },
        }
    ],
    "search": {"mode_used": "prior", "tiles_scanned": 214, "index": "berlin@3", "model": "sample-city@2"},
    "notices": [{"code": "exif_gps_ignored", "detail": "The photo carries a GPS position, which was not used."}],
    "timings_ms": {
        "receive": 3.1,
        "decode": 11.9,
        "preprocess": 2.0,
        "queue": 0.2,
        "inference": 6.4,
        "search": 0.4,
        "posterior": 0.3,
    },
}
PROBLEM_EXAMPLE: Json = {
    "type": "urn:skyfix:problem:image_undecodable",
    "title": "Image undecodable",
    "status": 422,
    "code": "image_undecodable",
    "detail": "The JPEG image is damaged or incomplete. Send the original file.",
    "request_id": "5f0c2f1d9f5e4a0c8f1f6f1f1b7c9a10",
}
PROBLEM_STATUSES = (400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503)


def _properties(model: type[BaseModel]) -> Json:
    """Schemas of the fields that hold plain values."""
    properties: Json = model.model_json_schema()["properties"]
    return {name: schema for name, schema in properties.items() if name not in GROUPS}


def _flat_schemas() -> Json:
    schemas = {"top_k": _properties(LocalizeRequest)["top_k"]}
    for model in GROUPS.values():
        schemas |= _properties(model)
    return {name: schemas[name] for name in FLAT}


def _document_schema() -> Json:
    groups = {
        name: {
            "type": "object",
            "additionalProperties": False,
            "properties": _properties(model),
            "required": [field for field, info in model.model_fields.items() if info.is_required()],
        }
        for name, model in GROUPS.items()
    }
    properties = {"top_k": _properties(LocalizeRequest)["top_k"], **groups}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def request_body() -> Json:
    """Describe the body of POST /localize."""
    binary = {"type": "string", "format": "binary"}
    document = _document_schema()
    form = {
        "type": "object",
        "additionalProperties": False,
        "required": [IMAGE],
        "properties": {IMAGE: binary, DOCUMENT: document, **_flat_schemas()},
        "description": f"Flat fields, or one JSON part `{DOCUMENT}` instead of them.",
    }
    encoded = {"type": "string", "contentEncoding": "base64"}
    as_json = {**document, "required": [IMAGE], "properties": {IMAGE: encoded, **document["properties"]}}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form, "encoding": {DOCUMENT: {"contentType": "application/json"}}},
            **{media_type: {"schema": binary} for media_type in RAW_TYPES},
            "application/json": {"schema": as_json, "example": {IMAGE: "/9j/4AAQSkZJRg==", **REQUEST_EXAMPLE}},
        },
    }


def query_parameters() -> list[Json]:
    """Describe the query parameters, which go with raw image bodies."""
    return [{"name": name, "in": "query", "schema": schema} for name, schema in _flat_schemas().items()]


def responses() -> dict[int | str, Json]:
    """Describe the answers of POST /localize."""
    problems: Json = {"model": Problem, "content": {MEDIA_TYPE: {"example": PROBLEM_EXAMPLE}}}
    answer = {"model": LocalizeResponse, "content": {"application/json": {"example": RESPONSE_EXAMPLE}}}
    return {200: answer, **{status: dict(problems) for status in PROBLEM_STATUSES}}
