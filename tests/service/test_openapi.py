"""The OpenAPI documents: every route is in them, every schema is one, every example is true."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator, ValidationError
from starlette.routing import Route

from models.errors import ChecksumMismatch
from service.admin import create_admin_app
from service.app import ACCESS, create_app
from service.cli import main
from service.door.hosts import HostGuard
from service.errors import UnknownIndex
from service.examples import EXAMPLES
from service.index_localizer import IndexLocalizer
from service.keeper import Outcome
from service.metrics import Metrics
from service.openapi import admin_document, public_document
from service.openapi_localize import IMAGE_EXAMPLE
from service.parameters import FLAT
from service.requests import RAW_TYPES
from service.responses import LocalizeResponse
from service.routes.map_tiles import MAP
from service.routes.page import OPEN_PAGES
from service.schema import LocalizeRequest
from service.settings import Settings
from tests.service.conftest import Client
from tests.service.documents import ADMIN, PUBLIC, check, check_answer, operations, resolved

Json = dict[str, Any]
LOCALIZE: Json = PUBLIC["paths"]["/localize"]["post"]
FOR_PEOPLE = {*OPEN_PAGES, MAP}


@pytest.fixture(scope="module")
def shown(localizer: IndexLocalizer) -> Client:
    return Client(create_app(Settings(expose_openapi=True), localizer))


async def reload(name: str | None) -> list[Outcome]:
    """Take the first of two indexes, refuse the second."""
    if name not in (None, "first", "second"):
        raise UnknownIndex("No index of this name is served here.")
    outcomes = [Outcome("first", "first@2"), Outcome("second", error=ChecksumMismatch("vectors.npy is damaged."))]
    return [outcome for outcome in outcomes if name in (None, outcome.name)]


def _walk(part: object, at: str = "#") -> Iterator[tuple[str, Json]]:
    if isinstance(part, dict):
        yield at, part
        for name, each in part.items():
            yield from _walk(each, f"{at}/{name}")
    elif isinstance(part, list):
        for number, each in enumerate(part):
            yield from _walk(each, f"{at}/{number}")


def test_every_route_is_in_the_document_and_nothing_else(shown: Client) -> None:
    served = {
        (route.path, method.lower())
        for route in shown.app.routes
        if isinstance(route, Route | APIRoute) and route.path not in FOR_PEOPLE
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(path, method) for path, method, _ in operations()} == served
    assert {path for path, _ in served} == set(ACCESS) - FOR_PEOPLE
    admin = create_admin_app(Metrics("1"), reload)
    served = {
        (route.path, method.lower())
        for route in admin.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(path, method) for path, method, _ in operations(ADMIN)} == served


@pytest.mark.parametrize(
    ("method", "path", "query", "status"),
    [
        ("GET", "/metrics", {}, 200),
        ("POST", "/admin/reload", {"index": "first"}, 200),
        ("POST", "/admin/reload", {"index": "second"}, 409),
        ("POST", "/admin/reload", {}, 409),
        ("POST", "/admin/reload", {"index": "third"}, 404),
    ],
)
def test_the_admin_address_answers_as_it_says(method: str, path: str, query: dict[str, str], status: int) -> None:
    admin = Client(create_admin_app(Metrics("1"), reload))  # type: ignore[arg-type]
    answer = admin.request(method, path, params=query)
    assert answer.status_code == status
    check_answer(answer, path, ADMIN)
    refused = Client(HostGuard(admin.app, frozenset({"127.0.0.1"}))).request(method, path)  # type: ignore[arg-type]
    assert refused.status_code == 400
    check_answer(refused, path, ADMIN)


def test_the_public_states_answer_as_they_say(client: Client) -> None:
    for path in ("/livez", "/readyz", "/info", "/coverage"):
        check_answer(client.get(path), path)


def test_it_is_served_where_the_settings_say_so(client: Client, shown: Client) -> None:
    assert client.get("/openapi.json").status_code == 404
    answer = shown.get("/openapi.json")
    check_answer(answer, "/openapi.json")
    assert answer.json() == json.loads(
        json.dumps(public_document(answer.json()["info"]["version"], asks_for_keys=False))
    )


@pytest.mark.parametrize(("options", "make"), [([], public_document), (["--admin"], admin_document)])
def test_the_command_prints_it(options: list[str], make: Any) -> None:
    printed = json.loads(CliRunner().invoke(main, ["openapi", *options]).stdout)
    assert printed == json.loads(json.dumps(make(printed["info"]["version"])))


@pytest.mark.parametrize("document", [PUBLIC, ADMIN], ids=["public", "admin"])
def test_references_lead_somewhere_and_schemas_are_schemas(document: Json) -> None:
    for at, part in _walk({**document, "paths": document["paths"]}):
        if "$ref" in part:
            assert resolved(part, document), at
        if at.endswith("/schema"):
            Draft202012Validator.check_schema(part)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)


def _examples(document: Json) -> Iterator[tuple[str, object, Json]]:
    for at, part in _walk(document["paths"]):
        if "schema" in part:
            given = {"": part["example"]} if "example" in part else {}
            given |= {name: each["value"] for name, each in part.get("examples", {}).items()}
            for name, value in given.items():
                yield f"{at} {name}", value, part["schema"]


SHOWN = [(at, value, schema, doc) for doc in (PUBLIC, ADMIN) for at, value, schema in _examples(doc)]


@pytest.mark.parametrize(("at", "value", "schema", "document"), SHOWN, ids=[at[-60:] for at, *_ in SHOWN])
def test_an_example_is_valid(at: str, value: object, schema: Json, document: Json) -> None:  # noqa: ARG001
    check(value, schema, document)


def test_there_is_an_example_for_every_answer_and_every_status() -> None:
    assert len(SHOWN) > 80
    for path, _, operation in operations():
        for status, answer in operation["responses"].items():
            for media_type, content in answer["content"].items():
                assert "example" in content or "examples" in content or path == "/openapi.json", (
                    path,
                    status,
                    media_type,
                )
    assert set(EXAMPLES) == {"localized", "ambiguous", "no_match", "outside_coverage"}
    for status, example in EXAMPLES.items():
        assert (
            LocalizeResponse.model_validate(example.answer).model_dump(exclude_none=True, mode="json") == example.answer
        )
        assert example.answer["status"] == status


def test_the_schema_has_teeth() -> None:
    answer = EXAMPLES["localized"].answer
    schema = LOCALIZE["responses"]["200"]["content"]["application/json"]["schema"]
    for broken in (
        {**answer, "confidence": 1.5},
        {**answer, "status": "found"},
        {**answer, "heading": None},
        {name: value for name, value in answer.items() if name != "candidates"},
    ):
        with pytest.raises(ValidationError):
            check(broken, schema)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_request_that_is_shown_is_answered(client: Client, name: str) -> None:
    as_json = LOCALIZE["requestBody"]["content"]["application/json"]["examples"][name]["value"]
    answers = [client.request("POST", "/localize", json=as_json)]
    image = base64.b64decode(IMAGE_EXAMPLE)
    document = json.dumps(EXAMPLES[name].request)
    answers.append(client.form(image, request=document))
    flat = LocalizeRequest.model_validate(EXAMPLES[name].request).model_dump(exclude_unset=True)
    fields = {key: value for group in flat.values() if isinstance(group, dict) for key, value in group.items()}
    answers.append(client.form(image, **fields, top_k=flat.get("top_k", 5)))
    answers.append(client.raw(image, **fields, top_k=flat.get("top_k", 5)))
    for answer in answers:
        assert answer.status_code == 200, answer.text
        check_answer(answer, "/localize")
    assert len({json.dumps(answer.json()["candidates"]) for answer in answers}) == 1


def test_parameters_are_the_flat_fields_and_the_headers() -> None:
    by_place: dict[str, set[str]] = {}
    for parameter in LOCALIZE["parameters"]:
        by_place.setdefault(parameter["in"], set()).add(parameter["name"])
        assert "null" not in json.dumps(parameter["schema"])
    assert by_place == {"query": set(FLAT), "header": {"x-request-timeout-ms", "x-request-id", "traceparent"}}
    assert set(LOCALIZE["requestBody"]["content"]) == {"multipart/form-data", "application/json", *RAW_TYPES}


BOTH = [
    ({"camera": {"heading_accuracy_deg": 5}}, False),
    ({"camera": {"heading_accuracy_deg": 5, "heading_deg": None}}, False),
    ({"camera": {"heading_accuracy_deg": 5, "heading_deg": 0}}, True),
    ({"camera": {"heading_accuracy_deg": None}}, True),
    ({"camera": {"heading_deg": 360}}, False),
    ({"camera": {"fov_deg": 151, "projection": "perspective"}}, False),
    ({"camera": {"fov_deg": 150, "projection": "perspective"}}, True),
    ({"camera": {"fov_deg": None, "projection": "perspective"}}, True),
    ({"camera": {"fov_deg": 200}}, True),
    ({"prior": {"lat": 1, "lon": 2, "accuracy_percentile": 95}}, False),
    ({"prior": {"lat": 1, "lon": 2, "accuracy_percentile": 95, "accuracy_m": 3}}, True),
    ({"prior": {"lat": 1, "lon": 2, "accuracy_percentile": None}}, True),
    ({"prior": {"lat": 1}}, False),
    ({"prior": None, "search": {"radius_m": None}}, True),
    ({"search": {"radius_m": 100}}, False),
    ({"search": {"mode": "prior"}}, False),
    ({"search": {"mode": "prior"}, "exif": {"use_gps_as_prior": True}}, True),
    ({"search": {"mode": "prior"}, "exif": {"use_gps_as_prior": False}}, False),
    ({"search": {"mode": "prior"}, "prior": None}, False),
    ({"search": {"radius_m": 9.5}, "prior": {"lat": 1, "lon": 2}}, True),
    ({"search": None}, False),
    ({"top_k": None}, True),
    ({"top_k": 5.0}, True),
    ({"top_k": 5.5}, False),
    ({"top_k": 51}, False),
    ({"top_k": "5"}, False),
    ({"top_k": True}, False),
    ({"topk": 5}, False),
    ({"camera": {"fov": 5}}, False),
    ({"search": {"index": "x" * 201}}, False),
]


@pytest.mark.parametrize(("request_", "good"), BOTH, ids=[json.dumps(request)[:60] for request, _ in BOTH])
def test_schema_and_service_take_the_same_requests(request_: Json, good: bool) -> None:
    for takes in (
        lambda: check(request_, {"$ref": "#/components/schemas/LocalizeRequest"}),
        lambda: LocalizeRequest.model_validate(request_),
    ):
        try:
            takes()
        except (ValueError, ValidationError):
            assert not good
        else:
            assert good
