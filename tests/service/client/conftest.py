"""A running service, a small real server that answers what a script says, and both clients behind one face."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from service.client import AsyncClient, Client, Retries
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.door.conftest import Running, running

QUICK = Retries(most=3, first_s=0.01, longest_s=0.02)
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def served(localizer: IndexLocalizer) -> Iterator[Running]:
    with running(Settings(), localizer) as service:
        yield service


@dataclass(frozen=True)
class Said:
    """One scripted reply; `hang_up` closes the connection instead, `pause_s` comes before each byte of the body."""

    status: int = 200
    body: bytes = b'{"status": "ready", "index": "fake@1"}'
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    hang_up: bool = False
    pause_s: float = 0.0


def problem(status: int, code: str, **headers: str) -> Said:
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": "no", "request_id": "r1"}
    return Said(status, json.dumps(body).encode(), {"Content-Type": "application/problem+json", **headers})


@dataclass
class Fake:
    """Says its replies in order, the last one for ever, and keeps what it was asked."""

    url: str
    replies: list[Said]
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def next(self) -> Said:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def fake(*replies: Said) -> Iterator[Fake]:
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            known.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            reply = known.next()
            if reply.hang_up:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            for number in range(len(reply.body)) if reply.pause_s else ():
                if over.wait(reply.pause_s):
                    return
                self.wfile.write(reply.body[number : number + 1])
            if not reply.pause_s:
                self.wfile.write(reply.body)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that leaves early is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        known = Fake(f"http://127.0.0.1:{server.server_port}", list(replies))
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            yield known
        finally:
            over.set()
            server.shutdown()
            thread.join()


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Call a method of either client: `ask(url, "localize", photo, key=..., top_k=1)`."""

    def sync(url: str, method: str, *arguments: Any, options: dict[str, Any] | None = None, **named: Any) -> Any:
        with Client(url, **{"retries": QUICK, **(options or {})}) as client:
            return getattr(client, method)(*arguments, **named)

    def in_loop(url: str, method: str, *arguments: Any, options: dict[str, Any] | None = None, **named: Any) -> Any:
        async def inside() -> Any:
            async with AsyncClient(url, **{"retries": QUICK, **(options or {})}) as client:
                return await getattr(client, method)(*arguments, **named)

        return asyncio.run(inside())

    return sync if request.param == "sync" else in_loop
