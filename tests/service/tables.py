"""The tables of docs/api.md, from the OpenAPI document and the table of codes; a test holds the page to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from service.app import ACCESS
from service.catalogue import ALL, CATALOGUE
from service.parameters import FLAT
from tests.service.documents import ADMIN, PUBLIC, operations, resolved

Json = dict[str, Any]
LOCALIZE: Json = PUBLIC["paths"]["/localize"]["post"]


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def table(*head: str, rows: Iterator[str]) -> str:
    return "\n".join([row(*head), f"|{'---|' * len(head)}", *rows])


def routes() -> str:
    def rows() -> Iterator[str]:
        for document in (PUBLIC, ADMIN):
            for path, method, operation in operations(document):
                key = "admin address" if document is ADMIN else f"scope `{ACCESS[path]}`" if ACCESS[path] else "no key"
                yield row(f"{method.upper()} {path}", key, operation["summary"])

    return table("call", "who", "what", rows=rows())


def fields() -> str:
    """Flat name, path in JSON, values, meaning."""
    said = {parameter["name"]: parameter for parameter in LOCALIZE["parameters"]}

    def rows() -> Iterator[str]:
        for name, path in FLAT.items():
            parameter = said[name]
            yield row(f"`{name}`", f"`{'.'.join(path)}`", values(parameter["schema"]), parameter.get("description", ""))

    return table("flat", "in JSON", "values", "what", rows=rows())


def values(schema: Json) -> str:
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if "maxLength" in schema:
        return f"at most {schema['maxLength']} characters"
    if schema.get("type") == "boolean":
        return f"true, false; {str(schema['default']).lower()} by default"
    low = f"from {schema['minimum']:g}" if "minimum" in schema else f"above {schema['exclusiveMinimum']:g}"
    high = f"to {schema['maximum']:g}" if "maximum" in schema else f"below {schema['exclusiveMaximum']:g}"
    whole = "whole, " if schema["type"] == "integer" else ""
    return f"{whole}{low} {high}"


def answer() -> str:
    def rows(schema: Json, before: str = "") -> Iterator[str]:
        for name, part in schema["properties"].items():
            items = part.get("items", {})
            inner = resolved(items if "$ref" in items else part)
            always = "" if name in schema.get("required", ()) else "maybe"
            kind = "" if "properties" in inner else part.get("const") or ", ".join(part.get("enum", ())) or part["type"]
            yield row(
                f"`{before}{name}`", always, kind, part.get("description", inner.get("description", "")).split("\n")[0]
            )
            if "properties" in inner:
                yield from rows(inner, f"{before}{name}{'[]' if inner is not resolved(part) else ''}.")

    return table("field", "", "kind", "what", rows=rows(PUBLIC["components"]["schemas"]["LocalizeResponse"]))


def problems() -> str:
    def rows() -> Iterator[str]:
        for entry in sorted(CATALOGUE, key=lambda entry: entry.status):
            where = "everywhere" if entry.routes == ALL else ", ".join(entry.routes) or "no route"
            yield row(str(entry.status), f"`{entry.code}`", entry.meaning, where)

    return table("status", "code", "what", "where", rows=rows())


TABLES = {"routes": routes(), "fields": fields(), "answer": answer(), "problems": problems()}
