"""The load generator of the benchmarks counts what a server really answered, on connections that stay or end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from benchmarks.peers.load import closed, make_request, opened

PHOTO = bytes(range(256)) * 400


class Answers(BaseHTTPRequestHandler):
    """Refuses every third photo and ends that connection; keeps what it was sent."""

    protocol_version = "HTTP/1.1"
    numbers = count(1)
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        refused = next(self.numbers) % 3 == 0
        self.send_response(429 if refused else 200)
        self.send_header("Content-Length", "2")
        if refused:
            self.send_header("Retry-After", "1")
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Answers.bodies = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_clients_count_answers_and_refusals(port: int) -> None:
    run = closed(port, [make_request("/localize", PHOTO, "raw", "fov_deg=70")], clients=3, seconds=0.3, warm_s=0.0)
    refused = run.refused()
    assert run.good()
    assert len(refused) == pytest.approx(len(run.replies) / 3, abs=2)
    assert all(reply.retry_after for reply in refused)
    assert run.failed == 0
    assert set(Answers.bodies) == {PHOTO}


def test_arrivals_come_at_the_rate_that_was_asked_for(port: int) -> None:
    opened(port, [make_request("/localize", PHOTO, "multipart")], per_s=50, seconds=0.4, warm_s=0.0)
    assert len(Answers.bodies) == 20
    assert all(PHOTO in body for body in Answers.bodies)
