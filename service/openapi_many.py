"""What OpenAPI says of POST /localize/batch and POST /localize/set: several photos in two encodings, and answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode

from service.multipart import DOCUMENT, IMAGE
from service.requests import FORM_OR_JSON, RAW_TYPES
from service.schema import A_CIRCLE_NEEDS_ITS_CENTRE, LocalizeRequest
from service.sets.asked import OF_ALL, RELATIVE, SKIP
from service.sets.examples import BATCH_ANSWER, BATCH_QUESTION, SET_ANSWER, SET_QUESTION
from service.sets.parts import IMAGES, MOST_IMAGES
from service.sets.responses import BatchResponse, LocalizeSetResponse

Json = dict[str, Any]
FORM, JSON = FORM_OR_JSON
MODELS: tuple[tuple[type[BaseModel], JsonSchemaMode], ...] = (
    (BatchResponse, "serialization"),
    (LocalizeSetResponse, "serialization"),
)
BATCH_SUMMARY = "Say where each of up to 16 photos was taken"
SET_SUMMARY = "Say where 2 to 16 photos of one place were taken"
BATCH_DESCRIPTION = (
    "Every photo is answered for itself and takes one place in the queue. A photo at fault, or without a place, is a "
    "problem among the results and never the end of the call."
)
SET_DESCRIPTION = (
    "One answer for photos of one place, in any order and with any headings, with a heading for each photo. A photo "
    "at fault refuses the set unless skip_unusable says otherwise; one of another place is named in its notices."
)
ENCODED: Json = {
    "type": "string",
    "format": "byte",
    "contentEncoding": "base64",
    "description": "The photo's file in base64, standard alphabet, padded.",
}
BINARY: Json = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
TURN: Json = {
    "type": ["number", "null"],
    "minimum": 0,
    "exclusiveMaximum": 360,
    "description": "Heading of the centre column, clockwise from a zero that is the same for all photos and that "
    "nobody has to know. In place of camera.heading_deg.",
}
ONE_HEADING: Json = {
    "anyOf": [
        {"properties": {RELATIVE: {"type": "null"}}},
        {"properties": {"camera": {"properties": {"heading_deg": {"type": "null"}}}}},
    ]
}
SKIPPED: Json = {
    "type": "boolean",
    "default": False,
    "description": "Answer without photos that cannot be used, instead of refusing all.",
}


def batch_body() -> Json:
    """Describe the body of a batch."""
    return _body(
        _fields(), _fields(), 1, BATCH_QUESTION, "What one photo says of itself wins over what is said of all."
    )


def set_body() -> Json:
    """Describe the body of a set."""
    shared = {name: each for name, each in _fields().items() if name in OF_ALL}
    said = {"camera": shared["camera"], RELATIVE: TURN}
    text = f"All but the cameras is said of all photos; {RELATIVE} and camera.heading_deg exclude each other."
    return _body(said, {**shared, SKIP: SKIPPED}, 2, SET_QUESTION, text, A_CIRCLE_NEEDS_ITS_CENTRE)


def _body(said: Json, shared: Json, least: int, example: Json, text: str, rules: Json | None = None) -> Json:
    strict: Json = {"type": "object", "additionalProperties": False}
    one_heading = ONE_HEADING if RELATIVE in said else {}
    count = {"minItems": least, "maxItems": MOST_IMAGES}
    entry = {**strict, "properties": {IMAGE: ENCODED, **said}, "required": [IMAGE], **one_heading}
    entries = {"type": "array", "items": entry, "description": "The photos.", **count}
    plain = {
        "type": "array",
        "items": {**strict, "properties": said, **one_heading},
        "description": "One for each photo, or none.",
    }
    part = {**strict, "properties": {IMAGES: plain, **shared}, **(rules or {})}
    files = {"type": "array", "items": BINARY, "description": "A part a photo, in order.", **count}
    return {
        "required": True,
        "description": f"{least} to {MOST_IMAGES} photos. {text}",
        "content": {
            JSON: {
                "schema": {**strict, "properties": {IMAGES: entries, **shared}, "required": [IMAGES], **(rules or {})},
                "example": example,
            },
            FORM: {
                "schema": {**strict, "properties": {IMAGE: files, DOCUMENT: part}, "required": [IMAGE]},
                "encoding": {DOCUMENT: {"contentType": JSON}, IMAGE: {"contentType": ", ".join(RAW_TYPES)}},
            },
        },
    }


def _fields() -> Json:
    """The fields of POST /localize, each for itself: which need each other is decided once all is put together."""
    schema: Json = LocalizeRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    fields: Json = schema["properties"]
    return fields


def batch_answered() -> Json:
    """Give the content of an answer to a batch."""
    return {JSON: {"schema": {"$ref": "#/components/schemas/BatchResponse"}, "example": BATCH_ANSWER}}


def set_answered() -> Json:
    """Give the content of an answer to a set."""
    return {JSON: {"schema": {"$ref": "#/components/schemas/LocalizeSetResponse"}, "example": SET_ANSWER}}
