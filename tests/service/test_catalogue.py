"""The table of codes against the service: each is provoked, answered as the table says, and fits the document."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import index.build  # noqa: F401  all errors have to be known before they are walked
from models.errors import (
    BundleError,
    EncoderNonFinite,
    EncoderUnavailable,
    ImageError,
    ParameterError,
    SkyfixError,
)
from service import errors as http
from service.app import create_app
from service.catalogue import ALL, CATALOGUE, said_by
from service.door.issuing import new_key
from service.index_localizer import IndexLocalizer
from service.problems import HTTP_CODES, INTERNAL, status_of
from service.settings import Settings
from tests.service.conftest import Client
from tests.service.documents import PUBLIC, check_answer
from tests.service.door.conftest import running
from tests.service.test_bad_images import IMAGES
from tests.service.test_problems import Broken, subclasses
from tests.service.world import encode

BY_CODE = {entry.code: entry for entry in CATALOGUE}
GREY = encode(np.full((64, 64, 3), 128, np.uint8))
TYPE = {"Content-Type": "image/png"}
FORM = {"Content-Type": "multipart/form-data; boundary=B"}
JSON = {"Content-Type": "application/json"}
Ask = Callable[[IndexLocalizer, Path], httpx.Response]


def post(content: Any = GREY, headers: dict[str, str] = TYPE, query: str = "", **settings: Any) -> Ask:
    def ask(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
        client = Client(create_app(Settings(**settings), localizer))
        body = content() if callable(content) else content
        return client.request("POST", f"/localize{query}", content=body, headers=headers)

    return ask


def post_fixes(content: Any, media_type: str, query: str = "", **settings: Any) -> Ask:
    def ask(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
        client = Client(create_app(Settings(**settings), localizer))
        return client.request("POST", f"/correct{query}", content=content, headers={"Content-Type": media_type})

    return ask


def post_step(step: dict[str, Any]) -> Ask:
    def ask(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
        moved = {**step, "odometry": {"forward_m": 1.0}}
        return Client(create_app(Settings(), localizer)).request("POST", "/track", json=moved)

    return ask


def image(name: str) -> Ask:
    return post(IMAGES[name][0], {"Content-Type": "image/jpeg"})


def with_key(scope: Any, sent: str, times: int = 1) -> Ask:
    def ask(localizer: IndexLocalizer, folder: Path) -> httpx.Response:
        file = folder / "keys.json"
        key = new_key(file, "fleet", (scope,), datetime.now(UTC))[0]
        client = Client(create_app(Settings(key_file=file, key_requests_per_s=0.01, key_burst=1), localizer))
        headers = {**TYPE, **({sent: f"Bearer {key}"} if sent else {})}
        for _ in range(times):
            answer = client.request("POST", "/localize", content=GREY, headers=headers)
        return answer

    return ask


def broken(error: Exception) -> Ask:
    def ask(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
        failing: Any = Broken(localizer, error)
        return Client(create_app(Settings(), failing)).raw(GREY)

    return ask


def unready(path: str, *, draining: bool = False) -> Ask:
    def ask(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
        app = create_app(Settings(), localizer if draining else None)
        app.state.service.draining = draining
        return Client(app).get(path)

    return ask


def on_the_wire(path: str = "/livez", **headers: str) -> Ask:
    def ask(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
        with running(Settings(), localizer) as service:
            return httpx.get(f"http://127.0.0.1:{service.port}{path}", headers=headers)

    return ask


def full_house(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
    client = Client(create_app(Settings(places=1), localizer))
    with client.app.state.service.pipeline.place():
        return client.raw(GREY)


async def trickle() -> AsyncIterator[bytes]:
    yield b"0"
    await asyncio.sleep(30)


def other_host(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
    return Client(create_app(Settings(), localizer)).get("/info", headers={"Host": "evil.example"})


def as_a_proxy(localizer: IndexLocalizer, folder: Path) -> httpx.Response:  # noqa: ARG001
    with running(Settings(), localizer) as service:
        return httpx.get("http://127.0.0.1:1/livez", proxy=f"http://127.0.0.1:{service.port}")


PROVOKED: dict[str, Ask] = {
    "bad_request": as_a_proxy,
    "host_not_allowed": other_host,
    "malformed_multipart": post(b'--B\r\nContent-Disposition: form-data; name="image"\r\n\r\nx\r\n', FORM),
    "malformed_json": post(b"{", JSON),
    "malformed_track": post_fixes(b"<kml/>", "application/gpx+xml"),
    "too_many_parts": post(b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 17 + b"--B--", FORM),
    "unauthorized": with_key("localize", ""),
    "forbidden": with_key("admin", "Authorization"),
    "unknown_index": post(query="?index=elsewhere"),
    "not_found": lambda localizer, _: Client(create_app(Settings(), localizer)).get("/nowhere"),
    "method_not_allowed": lambda localizer, _: Client(create_app(Settings(), localizer)).request("PUT", "/info"),
    "body_timeout": post(trickle, body_timeout_s=0.05),
    "body_too_large": post(b"0" * 2000, max_body_bytes=1024),
    "uri_too_long": on_the_wire("/livez?" + "x" * 9000),
    "image_type_unsupported": image("text"),
    "unsupported_media_type": post(headers={"Content-Type": "text/plain"}),
    "encoding_unsupported": post(headers={**TYPE, "Content-Encoding": "gzip"}),
    "invalid_parameter": post(query="?top_k=0"),
    "unknown_parameter": post(json.dumps({"image": "", "camera": {"fov_degrees": 70}}), JSON),
    "duplicate_field": post(query="?top_k=1&top_k=2"),
    "track_token_invalid": post_step({"timestamp": "2026-11-21T20:23:10Z", "track_token": "AQIDBA"}),
    "missing_image": post(b"{}", JSON),
    "image_empty": image("empty"),
    "image_undecodable": image("half a JPEG"),
    "image_too_many_pixels": image("PNG of 12000 x 12000"),
    "image_bad_dimensions": image("PNG of 4000 x 40"),
    "image_too_small": image("31 x 31"),
    "image_too_complex": image("JPEG of 101 scans"),
    "image_animated": image("animated WebP"),
    "rate_limited": with_key("localize", "Authorization", times=2),
    "overloaded": full_house,
    "header_too_large": on_the_wire("/livez", **{f"X-{number}": "y" for number in range(120)}),
    "internal": broken(RuntimeError("secret")),
    "encoder_non_finite": broken(EncoderNonFinite("secret")),
    "encoder_unavailable": broken(EncoderUnavailable("secret")),
    "not_ready": unready("/readyz"),
    "draining": unready("/readyz", draining=True),
    "bundle": broken(BundleError("secret")),
    "deadline_exceeded": post(deadline_s=1e-6),
}


def plain(text: str) -> str:
    """Take the numbers out."""
    return re.sub(r"\d[\d.]*", "N", text)


@pytest.mark.parametrize("code", BY_CODE)
def test_a_code_is_said_as_the_table_says(localizer: IndexLocalizer, tmp_path: Path, code: str) -> None:
    entry = BY_CODE[code]
    response = PROVOKED[code](localizer, tmp_path)
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (entry.status, entry.status, code), problem
    if entry.routes:
        assert response.request.url.path in entry.routes
        check_answer(response, response.request.url.path)
    faults = problem.get("errors", [{"pointer": None, "detail": problem["detail"]}])
    assert [(fault["pointer"], plain(fault["detail"])) for fault in faults] == [(entry.pointer, plain(entry.detail))]


def test_the_table_and_the_document_name_the_same() -> None:
    for path, operations in PUBLIC["paths"].items():
        for operation in operations.values():
            assert set(operation["responses"]) == {"200", *map(str, said_by(path))}
    assert len(BY_CODE) == len(CATALOGUE)
    assert all(set(entry.routes) <= set(ALL) for entry in CATALOGUE)


def _codes() -> Iterator[tuple[str, int]]:
    """Codes that a client may meet below 500, and those that are told whatever their status."""
    roots = (ParameterError, ImageError, http.RequestError, http.Refused, http.Unavailable)
    for root in roots:
        for kind in subclasses(root):
            if kind.__module__.startswith(("models.errors", "service.")) and kind.code:
                yield kind.code, status_of(kind)


def test_every_error_that_a_client_may_meet_is_in_the_table() -> None:
    for code, status in [*_codes(), *((code, status) for status, code in HTTP_CODES.items()), (INTERNAL, 500)]:
        assert code in BY_CODE, code
        assert BY_CODE[code].status == status, code


def test_every_code_of_the_table_is_that_of_an_error() -> None:
    known = {kind.code for kind in subclasses(SkyfixError)} | {INTERNAL, *HTTP_CODES.values()}
    assert set(BY_CODE) <= known
