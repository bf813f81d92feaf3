"""What OpenAPI says of POST /track: one step in two encodings, and its answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode

from service.multipart import DOCUMENT, IMAGE
from service.requests import FORM_OR_JSON, RAW_TYPES
from service.tracking.examples import ANSWER, FIRST, NEXT
from service.tracking.responses import TrackResponse
from service.tracking.schema import SOMETHING, TrackRequest

Json = dict[str, Any]
FORM, JSON = FORM_OR_JSON
MODELS: tuple[tuple[type[BaseModel], JsonSchemaMode], ...] = (
    (TrackRequest, "validation"),
    (TrackResponse, "serialization"),
)
SUMMARY = "Take one step of a moving camera"
DESCRIPTION = (
    "A photo, a GPS fix, odometry or speed, any of them, and the token that the step before answered. The service "
    "keeps nothing: what is believed travels in the token, which is signed and good for one index and a while, so "
    "any replica that shares the secret takes the next step. A track begins without a token."
)


def request_body() -> Json:
    """Describe the body."""
    binary = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    step: Json = {"$ref": "#/components/schemas/TrackRequest"}
    fields: Json = {"type": "object", "additionalProperties": False}
    with_photo = {"title": "With a photo", "required": [IMAGE, DOCUMENT], "properties": {IMAGE: binary, DOCUMENT: step}}
    alone = {"allOf": [step, {"anyOf": SOMETHING}]}
    without = {"title": "Without", "required": [DOCUMENT], "properties": {DOCUMENT: alone}}
    form = {"anyOf": [fields | with_photo, fields | without]}
    examples = {
        "first": {"summary": "A photo, and nothing known", "value": FIRST},
        "next": {"summary": "Further on: what the wheels say, and a fix", "value": NEXT},
    }
    return {
        "required": True,
        "description": "What is new. An image, fix, odometry or motion is needed; odometry and motion exclude each "
        "other; timestamps never go backwards.",
        "content": {
            JSON: {"schema": _with_image(), "examples": examples},
            FORM: {
                "schema": form,
                "encoding": {DOCUMENT: {"contentType": JSON}, IMAGE: {"contentType": ", ".join(RAW_TYPES)}},
            },
        },
    }


def _with_image() -> Json:
    """The step with the photo in it."""
    schema: Json = TrackRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    encoded = {
        "type": "string",
        "format": "byte",
        "contentEncoding": "base64",
        "description": "The photo's file in base64, standard alphabet, padded.",
    }
    seen: Json = {"properties": {IMAGE: {"type": "string"}}, "required": [IMAGE]}
    return schema | {
        "title": "TrackRequest with image",
        "properties": {IMAGE: encoded, **schema["properties"]},
        "anyOf": [seen, *SOMETHING],
    }


def answered() -> Json:
    """Give the content of an answer."""
    return {JSON: {"schema": {"$ref": "#/components/schemas/TrackResponse"}, "example": ANSWER}}
