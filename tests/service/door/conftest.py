"""A key file, a clock that stands still, and a real uvicorn on loopback whose deadlines are short."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.door.issuing import new_key
from service.index_localizer import IndexLocalizer
from service.instance import Service
from service.server import Server, make_server
from service.settings import Settings

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DEADLINE_S, PATIENCE_S = 0.3, 2.3
"""A deadline of the tests, and how long after its start a connection may live: the deadline and two seconds."""


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def key(key_file: Path) -> str:
    """A key of the holder `fleet` for photos."""
    return new_key(key_file, "fleet", ("localize",), datetime.now(UTC))[0]


@dataclass
class Running:
    """A service on a port of loopback."""

    service: Service
    server: Server
    port: int

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def say(self, data: bytes) -> bytes:
        """Send bytes; give all that comes until the other side closes, or nothing more comes for a while."""
        with self.connect() as peer:
            peer.sendall(data)
            return until_closed(peer)

    def metric(self, name: str, **labels: str) -> float | None:
        found: float | None = self.service.metrics.registry.get_sample_value(name, labels)
        return found


def until_closed(peer: socket.socket) -> bytes:
    """Read to the end of the connection.

    Raises:
        TimeoutError: it stays open.
    """
    received = b""
    try:
        while chunk := peer.recv(1 << 16):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def answer(peer: socket.socket) -> bytes:
    """Read one answer with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = peer.recv(1 << 16)
        assert chunk, received
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(
        next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    )
    while len(body) < length:
        body += peer.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def seconds_until_closed(peer: socket.socket, started: float) -> float:
    until_closed(peer)
    return time.monotonic() - started


@contextmanager
def running(settings: Settings, localizer: IndexLocalizer) -> Iterator[Running]:
    app = create_app(settings, localizer)
    server = make_server(app, app.state.service)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield Running(app.state.service, server, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


def short(**more: Any) -> Settings:
    deadlines = {"header_timeout_s": DEADLINE_S, "body_timeout_s": DEADLINE_S, "keep_alive_s": DEADLINE_S}
    return Settings(**{**deadlines, "write_timeout_s": DEADLINE_S, **more})


@pytest.fixture
def open_service(localizer: IndexLocalizer) -> Iterator[Running]:
    """Asks nobody for a key."""
    with running(short(), localizer) as service:
        yield service


@pytest.fixture
def locked_service(localizer: IndexLocalizer, key_file: Path, key: str) -> Iterator[Running]:  # noqa: ARG001
    with running(short(key_file=key_file), localizer) as service:
        yield service
