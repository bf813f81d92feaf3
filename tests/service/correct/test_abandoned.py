"""A client that leaves while photos of its fixes wait: nothing more is done, and its places are free at once."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client
from tests.service.correct.conftest import fix
from tests.service.test_abandoned import Waiting
from tests.service.world import encode, panorama

PHOTO = base64.b64encode(encode(panorama(7))).decode()
FIX = json.dumps(fix(7, image=PHOTO))


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", f'{{"fixes": [{FIX}, {FIX}]}}'.encode()),
        ("application/x-ndjson", f"{FIX}\n{FIX}\n".encode()),
    ],
)
def test_whoever_leaves_frees_the_places(calibrated: IndexLocalizer, media_type: str, body: bytes) -> None:
    room = Waiting()
    app = create_app(Settings(), calibrated, open_room=lambda *_: room)
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/correct",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", media_type.encode())],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await room.begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(app(scope, receive, send), 10))
    client = Client(app)
    assert room.left
    assert not any(message.get("body") for message in sent)
    assert client.metric("skyfix_queue_depth", queue="localize") == 0
    assert client.metric("skyfix_http_requests_total", method="POST", route="/correct", status="499") == 1
