"""What schemathesis is given: one document for each way to ask, as query parameters go with raw bodies only."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from service.openapi import public_document, without_null
from service.requests import RAW_TYPES

Json = dict[str, Any]
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
    _simplify_fleets(document)
    operation = document["paths"]["/localize"]["post"]
    operation["requestBody"]["content"] = content
    if not query:
        operation["parameters"] = [each for each in operation["parameters"] if each["in"] != "query"]
        document["paths"] = {"/localize": document["paths"]["/localize"]}
    return document


def _simplify_fleets(document: Json) -> None:
    """Leave of /correct the JSON, with photos in base64: the other encodings are beyond the generator."""
    operation = document["paths"]["/correct"]["post"]
    content = operation["requestBody"]["content"]
    operation["requestBody"]["content"] = {"application/json": content["application/json"]}
    operation["parameters"] = [each for each in operation["parameters"] if each["in"] != "query"]
    fix = document["components"]["schemas"]["FixRequest"]["properties"]
    fix["image"] = {"type": "string", "format": "byte"}


def _simple(schemas: Json) -> Json:
    """The nested request without fields that need others, and without null; a hook leaves null out too.

    Beside bytes schemathesis does not check itself: of several types it takes one that is broken for all of them.
    """
    groups = {}
    for name in ("prior", "camera", "exif"):
        schema = schemas[f"{name.capitalize()}Request"]
        kept = {field: without_null(each) for field, each in schema["properties"].items() if field in SIMPLE}
        groups[name] = {**{key: each for key, each in schema.items() if key not in RULES}, "properties": kept}
    return {"type": "object", "additionalProperties": False, "properties": groups}
