"""The tables of docs/correct.md, from the OpenAPI document; a test holds the page to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from service.correct.settled import FLAT
from tests.service.documents import PUBLIC, resolved
from tests.service.tables import row, table

Json = dict[str, Any]
SCHEMAS: Json = PUBLIC["components"]["schemas"]


def _first(choices: list[Json]) -> Json:
    return next(choice for choice in choices if choice != {"type": "null"})


def _range(schema: Json) -> str:
    if "enum" in schema:
        return ", ".join(str(each) for each in schema["enum"] if each is not None)
    if schema.get("type") == "boolean":
        return f"true, false; {str(schema['default']).lower()} by default" if "default" in schema else "true, false"
    if schema.get("format") == "date-time":
        return "RFC 3339"
    if schema.get("type") in ("number", "integer"):
        low = f"from {schema['minimum']:g}" if "minimum" in schema else ""
        low = f"above {schema['exclusiveMinimum']:g}" if "exclusiveMinimum" in schema else low
        high = f"to {schema['maximum']:g}" if "maximum" in schema else ""
        high = f"below {schema['exclusiveMaximum']:g}" if "exclusiveMaximum" in schema else high
        return f"{low} {high}".strip() or "number"
    return ""


def _asked(schema: Json, before: str, flat: bool) -> Iterator[str]:
    by_path = {".".join(path): name for name, path in FLAT.items()}
    for name, part in resolved(schema)["properties"].items():
        given = _first(part["anyOf"]) if "anyOf" in part else part
        inner = resolved(given.get("items", given))
        text = part.get("description") or inner.get("description", "").split("\n")[0]
        path = f"{before}{name}"
        cells = [f"`{path}`", _range({**part, **given}) if "properties" not in inner else "", text]
        yield row(*cells, *([f"`{by_path[path]}`" if path in by_path else ""] if flat else []))
        if "properties" in inner and name not in ("fixes",):
            yield from _asked(inner, f"{path}.", flat) if flat else ()


def fixes() -> str:
    return table("of a fix", "values", "what", rows=_asked(SCHEMAS["FixRequest"], "", False))


def call() -> str:
    return table("of a call", "values", "what", "in the URL", rows=_asked(SCHEMAS["CorrectRequest"], "", True))


def _answered(schema: Json, before: str = "") -> Iterator[str]:
    for name, part in schema["properties"].items():
        items = part.get("items", {})
        inner = resolved(items if "$ref" in items else part)
        always = "" if name in schema.get("required", ()) else "*maybe*"
        yield row(f"`{before}{name}`", always, part.get("description", inner.get("description", "")).split("\n")[0])
        if "properties" in inner:
            yield from _answered(inner, f"{before}{name}{'[]' if inner is not resolved(part) else ''}.")


def answer() -> str:
    return table("field", "", "what", rows=_answered(SCHEMAS["CorrectResponse"]))


TABLES = {"fixes": fixes(), "call": call(), "answer": answer()}
