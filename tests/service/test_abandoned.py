"""A client that leaves while its photo waits: nothing is done for it, and its place is free at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from service.abandoned import while_there
from service.app import create_app
from service.deadline import Deadline
from service.index_localizer import IndexLocalizer
from service.localizer import Localizer
from service.prepared import Prepared
from service.query import Query
from service.settings import Settings
from service.timeline import Timeline
from tests.service.conftest import Client


class Waiting:
    """A room whose turn never comes."""

    def __init__(self) -> None:
        self.begun, self.left = asyncio.Event(), False

    async def prepare(
        self,
        localizer: Localizer,  # noqa: ARG002
        photo: bytes,  # noqa: ARG002
        query: Query,  # noqa: ARG002
        deadline: Deadline,  # noqa: ARG002
        timeline: Timeline,  # noqa: ARG002
    ) -> Prepared:
        self.begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.left = True
        raise AssertionError

    def close(self) -> None:
        pass


def test_whoever_leaves_frees_the_place(localizer: IndexLocalizer, photo: bytes) -> None:
    room = Waiting()
    app = create_app(Settings(), localizer, open_room=lambda *_: room)
    messages = [{"type": "http.request", "body": photo, "more_body": False}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/localize",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"image/png")],
    }

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await room.begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        raise AssertionError(message)

    asyncio.run(asyncio.wait_for(app(scope, receive, send), 10))
    client = Client(app)
    assert room.left
    assert client.metric("skyfix_queue_depth", queue="localize") == 0
    assert client.metric("skyfix_http_requests_total", method="POST", route="/localize", status="499") == 1


async def never() -> dict[str, Any]:
    await asyncio.sleep(60)
    raise AssertionError


async def gone() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def three() -> int:
    return 3


async def fail() -> int:
    raise ValueError("wrong")


def test_whoever_stays_gets_the_result_or_the_error() -> None:
    assert asyncio.run(while_there(never, three())) == 3
    with pytest.raises(ValueError, match="wrong"):
        asyncio.run(while_there(never, fail()))


def test_whoever_is_gone_gets_nothing() -> None:
    with pytest.raises(ClientDisconnect):
        asyncio.run(while_there(gone, asyncio.sleep(60)))
