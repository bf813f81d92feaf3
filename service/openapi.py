"""The OpenAPI 3.1 documents of both addresses, from the models, the table of codes and real examples."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from service import openapi_correct, openapi_many, openapi_track
from service.alikeness import CoverageDrawn
from service.catalogue import (
    BATCH,
    CORRECT,
    COVERAGE,
    DOCUMENT,
    INFO,
    LIVEZ,
    LOCALIZE,
    READYZ,
    SET,
    TRACK,
    Entry,
    said_by,
)
from service.coverage import CoverageAnswer, CoverageCollection
from service.examples import EXAMPLES, Example
from service.examples import INFO as INFO_EXAMPLE
from service.geojson import MEDIA_TYPE as GEOJSON
from service.geojson import FeatureCollection, feature_collection
from service.geopose.accepted import MEDIA_TYPE as GEOPOSE
from service.geopose.answer import Known, geopose
from service.geopose.shapes import GeoPoseBasicQuaternion, GeoPoseBasicYpr
from service.info import InfoResponse
from service.openapi_coverage import coverage_content, coverage_parameters
from service.openapi_localize import header_parameters, query_parameters, request_body
from service.problems import MEDIA_TYPE as PROBLEM_TYPE
from service.problems import Fault, NotReadyProblem, Problem, problem_of
from service.responses import AliveResponse, LocalizeResponse, ReadyResponse, ReloadRefused, ReloadResponse
from service.schema import LocalizeRequest

Json = dict[str, Any]

JSON_TYPE = "application/json"
SCHEMA_PATH = "#/components/schemas/{model}"
KEYS: list[Json] = [{"bearer": []}, {"apiKey": []}]
REQUEST_ID_EXAMPLE = "5f0c2f1d9f5e4a0c8f1f6f1f1b7c9a10"
READY_EXAMPLE: Json = {
    "status": "ready",
    "index": "sample-city@1",
    "indexes": [{"name": "sample-city", "status": "ready", "index": "sample-city@1"}],
    "providers": ["CPUExecutionProvider"],
    "degraded": False,
}
INFO_TEXT = {
    "description": "Where was this photo taken? Ranked WGS84 positions by comparison with aerial imagery. Flat fields "
    "are lat, lon; metres; degrees clockwise from true north in [0, 360). Answers may gain fields.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
MODELS: tuple[tuple[type[BaseModel], JsonSchemaMode], ...] = (
    (LocalizeRequest, "validation"),
    (LocalizeResponse, "serialization"),
    (FeatureCollection, "serialization"),
    (GeoPoseBasicYpr, "serialization"),
    (GeoPoseBasicQuaternion, "serialization"),
    *openapi_many.MODELS,
    *openapi_correct.MODELS,
    *openapi_track.MODELS,
    (CoverageAnswer, "serialization"),
    (CoverageCollection, "serialization"),
    (CoverageDrawn, "serialization"),
    (InfoResponse, "serialization"),
    (AliveResponse, "serialization"),
    (ReadyResponse, "serialization"),
    (Problem, "serialization"),
    (NotReadyProblem, "serialization"),
)
ADMIN_MODELS: tuple[tuple[type[BaseModel], JsonSchemaMode], ...] = (
    (ReloadResponse, "serialization"),
    (ReloadRefused, "serialization"),
)


def public_document(version: str, *, asks_for_keys: bool = True) -> Json:
    """Describe the public address.

    Args:
        version: of this program.
        asks_for_keys: False where the service was started without a key file; a key is optional then.
    """
    security = KEYS if asks_for_keys else [*KEYS, {}]
    localize = {
        "operationId": "localize",
        "summary": "Say where a photo was taken",
        "description": f"{LocalizeResponse.__doc__} Query parameters go with a raw image body only.",
        "security": security,
        "parameters": [*query_parameters(), *header_parameters()],
        "requestBody": request_body(),
        "responses": _responses(LOCALIZE, _localized()),
    }
    batch = {
        "operationId": "localizeBatch",
        "summary": openapi_many.BATCH_SUMMARY,
        "description": openapi_many.BATCH_DESCRIPTION,
        "security": security,
        "parameters": header_parameters(),
        "requestBody": openapi_many.batch_body(),
        "responses": _responses(BATCH, _timed("What came of each photo.", openapi_many.batch_answered())),
    }
    together = {
        "operationId": "localizeSet",
        "summary": openapi_many.SET_SUMMARY,
        "description": openapi_many.SET_DESCRIPTION,
        "security": security,
        "parameters": header_parameters(),
        "requestBody": openapi_many.set_body(),
        "responses": _responses(SET, _timed("One answer for all photos.", openapi_many.set_answered())),
    }
    correct = {
        "operationId": "correct",
        "summary": openapi_correct.SUMMARY,
        "description": openapi_correct.DESCRIPTION,
        "security": security,
        "parameters": [*openapi_correct.query_parameters(), *header_parameters()],
        "requestBody": openapi_correct.request_body(),
        "responses": _responses(CORRECT, _timed("Each fix, one for one.", openapi_correct.answered())),
    }
    track = {
        "operationId": "track",
        "summary": openapi_track.SUMMARY,
        "description": openapi_track.DESCRIPTION,
        "security": security,
        "parameters": header_parameters(),
        "requestBody": openapi_track.request_body(),
        "responses": _responses(TRACK, _timed("What is believed now.", openapi_track.answered())),
    }
    info = _get("info", "Model, index, provider and limits", INFO, _json(InfoResponse, INFO_EXAMPLE))
    coverage = _get("coverage", "Where there is imagery", COVERAGE, coverage_content())
    document = _get(
        "openapi", "This document, where it is served", DOCUMENT, {JSON_TYPE: {"schema": {"type": "object"}}}
    )
    paths = {
        LOCALIZE: {"post": localize},
        BATCH: {"post": batch},
        SET: {"post": together},
        CORRECT: {"post": correct},
        TRACK: {"post": track},
        COVERAGE: {"get": coverage | {"parameters": coverage_parameters(), "security": security}},
        INFO: {"get": info | {"security": security}},
        LIVEZ: {"get": _get("livez", "The process answers", LIVEZ, _json(AliveResponse, {"status": "alive"}))},
        READYZ: {
            "get": _get(
                "readyz",
                "Photos are answered, or why not (503)",
                READYZ,
                _json(ReadyResponse, READY_EXAMPLE),
            )
        },
        DOCUMENT: {"get": document | {"security": security}},
    }
    components = {"schemas": _schemas(MODELS), "headers": _headers(), "securitySchemes": _security_schemes()}
    return {"openapi": "3.1.0", "info": {"title": "Skyfix", "version": version, **INFO_TEXT}, "paths": paths} | {
        "components": components
    }


def admin_document(version: str) -> Json:
    """Describe the admin address, which asks nobody for anything and is not to be reached by everybody."""
    metrics = {
        "operationId": "metrics",
        "summary": "Metrics for Prometheus; OpenMetrics, with exemplars, for who accepts it",
        "responses": {
            "200": {
                "description": "All series.",
                "content": {
                    "text/plain": {"schema": {"type": "string"}},
                    "application/openmetrics-text": {"schema": {"type": "string"}},
                },
            },
            "400": {"$ref": "#/components/responses/HostRefused"},
        },
    }
    taken = {"name": "sample-city", "result": "taken", "index": "sample-city@2"}
    refused = {"name": "sample-city", "result": "refused", "code": "checksum_mismatch", "detail": "It is damaged."}
    unknown = {"result": "refused", "code": "unknown_index", "detail": "No index of this name is served here."}
    reload = {
        "operationId": "reload",
        "summary": "Load models and indexes anew beside the old ones, then swap",
        "parameters": [
            {
                "name": "index",
                "in": "query",
                "schema": {"type": "string"},
                "description": "Name of the only one to load; every one without it.",
            }
        ],
        "responses": {
            "200": _answer("Taken.", _json(ReloadResponse, {**taken, "indexes": [taken]})),
            "404": _answer("No such index.", _json(ReloadRefused, {**unknown, "indexes": []})),
            "409": _answer("One was refused and answers on.", _json(ReloadRefused, {**refused, "indexes": [refused]})),
            "400": {"$ref": "#/components/responses/HostRefused"},
        },
    }
    host_refused = {
        "description": "Not a Host of this address.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Skyfix, admin address", "version": version, **INFO_TEXT},
        "paths": {"/metrics": {"get": metrics}, "/admin/reload": {"post": reload}},
        "components": {"schemas": _schemas(ADMIN_MODELS), "responses": {"HostRefused": host_refused}},
    }


def _get(name: str, summary: str, route: str, content: Json) -> Json:
    return {"operationId": name, "summary": summary, "responses": _responses(route, _answer(f"{summary}.", content))}


def _json(model: type[BaseModel], example: Json) -> Json:
    return {JSON_TYPE: {"schema": {"$ref": SCHEMA_PATH.format(model=model.__name__)}, "example": example}}


def _answer(description: str, content: Json, **headers: Json) -> Json:
    return {"description": description, "content": content} | ({"headers": headers} if headers else {})


def _timed(description: str, content: Json) -> Json:
    """An answer whose stages are told in a header, unless it comes in lines."""
    timing = {**_headers()["ServerTiming"], "required": False}
    return _answer(description, content, **{"Server-Timing": timing})


def _localized() -> Json:
    answers = {name: {"summary": example.summary, "value": example.answer} for name, example in EXAMPLES.items()}
    drawn = {
        name: {
            "summary": example.summary,
            "value": feature_collection(LocalizeResponse.model_validate(example.answer)).model_dump(
                mode="json", exclude_none=True
            ),
        }
        for name, example in EXAMPLES.items()
    }
    poses = [{"$ref": SCHEMA_PATH.format(model=model.__name__)} for model in (GeoPoseBasicYpr, GeoPoseBasicQuaternion)]
    posed = {name: {"summary": example.summary, "value": _posed(example)} for name, example in EXAMPLES.items()}
    content = {
        JSON_TYPE: {"schema": {"$ref": SCHEMA_PATH.format(model="LocalizeResponse")}, "examples": answers},
        GEOJSON: {"schema": {"$ref": SCHEMA_PATH.format(model="FeatureCollection")}, "examples": drawn},
        GEOPOSE: {"schema": {"anyOf": poses}, "examples": posed},
    }
    return _answer(
        "An honest answer, which may be that there is none.", content, **{"Server-Timing": _header("ServerTiming")}
    )


def _posed(example: Example) -> Json:
    """An example as GeoPose of a service without heights."""
    camera = LocalizeRequest.model_validate(example.request).to_query(1).camera
    pose = geopose(LocalizeResponse.model_validate(example.answer), Known(camera), "basic-ypr")
    return pose.model_dump(mode="json")


def _responses(route: str, answer: Json) -> Json:
    """The answer and every problem of a route; request id and trace context go with all of them."""
    always = {"X-Request-Id": _header("RequestId"), "traceparent": _header("TraceParent")}
    found = {"200": answer} | {str(status): _problem(status, entries) for status, entries in said_by(route).items()}
    return {status: each | {"headers": {**always, **each.get("headers", {})}} for status, each in found.items()}


def _problem(status: int, entries: list[Entry]) -> Json:
    codes: Json = {"type": "string", "enum": [entry.code for entry in entries]}
    if status >= 500:
        codes = {"type": "string", "examples": codes["enum"]}
    schema = {
        "allOf": [
            {"$ref": SCHEMA_PATH.format(model="NotReadyProblem" if status == 503 else "Problem")},
            {"properties": {"status": {"const": status}, "code": codes}},
        ]
    }
    examples = {entry.code: {"summary": entry.meaning, "value": _example(entry)} for entry in entries}
    headers = {name: _header(reference) for name, reference in SENT_WITH.get(status, {}).items()}
    text = "; ".join(f"`{entry.code}`: {entry.meaning}" for entry in entries)
    return _answer(f"{text}.", {PROBLEM_TYPE: {"schema": schema, "examples": examples}}, **headers)


def _example(entry: Entry) -> Json:
    if entry.pointer is None:
        return problem_of(entry.status, entry.code, entry.detail, REQUEST_ID_EXAMPLE)
    said = ": ".join(part for part in (entry.pointer, entry.detail) if part)
    faults = [Fault(pointer=entry.pointer, detail=entry.detail)]
    return problem_of(entry.status, entry.code, said, REQUEST_ID_EXAMPLE, faults)


SENT_WITH = {
    401: {"WWW-Authenticate": "Challenge"},
    403: {"WWW-Authenticate": "Challenge"},
    429: {"Retry-After": "RetryAfter"},
    503: {"Retry-After": "RetryAfter"},
}


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


def _headers() -> Json:
    def header(description: str, schema: Json, *, required: bool = True) -> Json:
        return {"description": description, "required": required, "schema": schema}

    return {
        "RequestId": header("Names the request in the log.", {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}),
        "TraceParent": header("W3C trace context, where traces are on.", {"type": "string"}, required=False),
        "ServerTiming": header("Milliseconds by stage, as in decode;dur=11.90.", {"type": "string"}),
        "RetryAfter": header("Seconds to wait before asking again.", {"type": "integer", "minimum": 1}),
        "Challenge": header("What kind of key is asked for.", {"type": "string"}),
    }


def _security_schemes() -> Json:
    return {
        "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer KEY"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }


def _schemas(models: tuple[tuple[type[BaseModel], JsonSchemaMode], ...]) -> Json:
    _, document = models_json_schema(models, ref_template=SCHEMA_PATH)
    defined = document["$defs"]
    as_they_are = ("Request", "GeoPose")  # where null is a value
    return {
        name: each if name.endswith(as_they_are) or name.startswith(as_they_are) else _as_answered(each)
        for name, each in defined.items()
    }


def _as_answered(schema: Json) -> Json:
    """Say that a constant is always there, whatever its default, and that nothing is ever null."""
    constants = [name for name, each in schema.get("properties", {}).items() if {"const", "default"} <= set(each)]
    required = list(dict.fromkeys([*constants, *schema.get("required", [])]))
    answered: Json = without_null({**schema, "required": required})
    return answered


def without_null(schema: Any) -> Any:
    """Take null out of what may be absent: a field that is not known is left out of an answer, never null."""
    if isinstance(schema, list):
        return [without_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: without_null(each) for name, each in schema.items() if not (name == "default" and each is None)}
    choices = kept.get("anyOf", ())
    given = [choice for choice in choices if choice != {"type": "null"}]
    if len(given) == len(choices):
        return kept
    rest = {name: each for name, each in kept.items() if name != "anyOf"}
    return {**given[0], **rest} if len(given) == 1 else {**rest, "anyOf": given}
