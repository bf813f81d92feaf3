"""What OpenAPI says of POST /correct: one question in five encodings, and its answers."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode

from service.correct.examples import ANSWER, QUESTION, STREAM, STREAMED
from service.correct.geojson import CorrectedCollection, corrected_collection
from service.correct.reading import FIXES, FORM, FORMAT, FORMATS, GPX, JSON, NDJSON
from service.correct.responses import CorrectResponse
from service.correct.schema import CorrectRequest, MountedCamera, Settled, schema_of
from service.correct.settled import FLAT
from service.correct.times import read_timestamp
from service.geojson import MEDIA_TYPE as GEOJSON
from service.openapi_localize import IMAGE_EXAMPLE

Json = dict[str, Any]
MODELS: tuple[tuple[type[BaseModel], JsonSchemaMode], ...] = (
    (CorrectRequest, "validation"),
    (CorrectResponse, "serialization"),
    (CorrectedCollection, "serialization"),
)
SUMMARY = "Correct fixes of a fleet by photos, one for one"
DESCRIPTION = (
    "Up to 1,000 fixes and 32 photos, of any devices and in any order. A fix that no photo supports comes back as it "
    "was sent. A photo at fault is a notice for its fix and never the end of the call. Query parameters go with "
    "formats that have no place for such things, and with NDJSON."
)
TRACK_EXAMPLE: Json = {
    "type": "Feature",
    "geometry": {"type": "LineString", "coordinates": [[13.3777, 52.5163], [13.3778, 52.5164]]},
    "properties": {"name": "van-17", "coordTimes": ["2026-11-21T20:23:10Z", "2026-11-21T20:23:11Z"]},
}
GPX_EXAMPLE = (
    '<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><name>van-17</name><trkseg>'
    '<trkpt lat="52.5163" lon="13.3777"><time>2026-11-21T20:23:10Z</time></trkpt>'
    '<trkpt lat="52.5164" lon="13.3778"><time>2026-11-21T20:23:11Z</time></trkpt></trkseg></trk></gpx>'
)


def request_body() -> Json:
    """Describe the body."""
    fixes: Json = {"$ref": "#/components/schemas/CorrectRequest"}
    binary = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    form = {
        "type": "object",
        "required": [FIXES],
        "properties": {FIXES: fixes},
        "additionalProperties": binary,
        "description": f"The part `{FIXES}` with the fixes, and a file for each photo, under the name that its fix "
        "gives as part:NAME; with a foreign format under fix0, fix1 and so on.",
    }
    return {
        "required": True,
        "description": "Fixes, their photos in base64 or as parts of a form, and what goes for all of them.",
        "content": {
            JSON: {"schema": fixes, "example": in_base64()},
            FORM: {
                "schema": form,
                "encoding": {FIXES: {"contentType": JSON}},
                "example": {FIXES: QUESTION},
            },
            NDJSON: {
                "schema": {"type": "string", "description": "A fix a line, as in `fixes`, with photos in base64."},
                "example": lines(STREAM),
            },
            GEOJSON: {
                "schema": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}},
                "example": TRACK_EXAMPLE,
            },
            GPX: {"schema": {"type": "string"}, "example": GPX_EXAMPLE},
        },
    }


def in_base64() -> Json:
    """The example with a photo in it, so that it can be sent as it is."""
    first, *others = QUESTION["fixes"]
    return {**QUESTION, "fixes": [{**first, "image": IMAGE_EXAMPLE}, *others]}


def lines(objects: list[Json]) -> str:
    """Write NDJSON."""
    return "".join(json.dumps(each) + "\n" for each in objects)


def query_parameters() -> list[Json]:
    """Describe the query parameters."""
    written = {"type": "string", "enum": list(FORMATS)}
    text = "What JSON, or the part fixes of a form, is written in; skyfix by default."
    found = [{"name": FORMAT, "in": "query", "schema": written, "description": text}]
    groups = {"search": {"index": ({"type": "string", "maxLength": 200}, "Name of the index.")}}
    for name, path in FLAT.items():
        if path[0] in groups:
            schema, text = groups[path[0]][name]
        else:
            model: type[BaseModel] = MountedCamera if path[0] == "camera" else Settled
            schema, text = _plain(model, name)
        found.append({"name": name, "in": "query", "schema": schema, "description": text})
    return found


def _plain(model: type[BaseModel], name: str) -> tuple[Json, str]:
    schema = schema_of(model)["properties"][name]
    given = [choice for choice in schema.get("anyOf", [schema]) if choice != {"type": "null"}]
    hidden = ("description", "default", "title", "anyOf")
    return {key: each for key, each in {**schema, **given[0]}.items() if key not in hidden}, schema["description"]


def answered() -> Json:
    """Give the content of an answer."""
    answer = CorrectResponse.model_validate(ANSWER)
    told = ((fix.index, read_timestamp(fix.original.timestamp or "")) for fix in answer.corrected)
    order = {index: moment.timestamp() for index, moment in told if moment is not None}
    drawn = corrected_collection(answer, order).model_dump(mode="json", exclude_none=True)
    return {
        JSON: {"schema": {"$ref": "#/components/schemas/CorrectResponse"}, "example": ANSWER},
        GEOJSON: {"schema": {"$ref": "#/components/schemas/CorrectedCollection"}, "example": drawn},
        NDJSON: {
            "schema": {
                "type": "string",
                "description": "A line for each line: an object with `corrected` or `problem`; at the end one with "
                "`summary`.",
            },
            "example": lines(STREAMED),
        },
    }
