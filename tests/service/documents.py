"""Both OpenAPI documents for tests, and what holds a value against a schema in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from service.openapi import admin_document, public_document

Json = dict[str, Any]
PUBLIC, ADMIN = public_document("1.0"), admin_document("1.0")


def check(value: object, schema: Json, document: Json = PUBLIC) -> None:
    """Raises jsonschema.ValidationError."""
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def operations(document: Json = PUBLIC) -> Iterator[tuple[str, str, Json]]:
    """Give path, method and operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolved(part: Json, document: Json = PUBLIC) -> Json:
    """Follow one `$ref` inside a document."""
    found: Any = document
    if "$ref" not in part:
        return part
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    answer: Json = found
    return answer


def check_answer(response: httpx.Response, path: str, document: Json = PUBLIC) -> None:
    """Hold status, headers, media type and body of an answer against the document."""
    operation = document["paths"][path][response.request.method.lower()]
    described = resolved(operation["responses"][str(response.status_code)], document)
    media_type = response.headers["content-type"].partition(";")[0]
    assert media_type in described["content"], media_type
    for name, reference in described.get("headers", {}).items():
        header = resolved(reference, document)
        assert name in response.headers or not header["required"], name
        if name in response.headers:
            value = response.headers[name]
            check(int(value) if header["schema"]["type"] == "integer" else value, header["schema"], document)
    if media_type.endswith("json"):
        check(response.json(), described["content"][media_type]["schema"], document)
