"""Deadlines and caps on real sockets: what is slow, endless or malformed is closed, what is honest is answered."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.index_localizer import IndexLocalizer
from tests.service.door.conftest import (
    DEADLINE_S,
    PATIENCE_S,
    Running,
    answer,
    running,
    seconds_until_closed,
    short,
    until_closed,
)

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /localize HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
FORGED = b"X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n"


@pytest.fixture
def patient_service(localizer: IndexLocalizer) -> Iterator[Running]:
    """Deadlines that no test reaches, so that what closes early was closed by a cap."""
    with running(short(header_timeout_s=60, body_timeout_s=60, keep_alive_s=60), localizer) as service:
        yield service


def problem_of(received: bytes) -> tuple[int, str]:
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head.lower()
    return int(head.split()[1]), json.loads(body)["code"]


def check_closed_in_time(peer: socket.socket, started: float) -> None:
    took_s = seconds_until_closed(peer, started)
    assert DEADLINE_S * 0.8 <= took_s <= PATIENCE_S


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", None),
        (b"\r\n", None),
        (b"GET /livez HTT", "header_timeout"),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ", "header_timeout"),
    ],
)
def test_a_head_that_does_not_come(open_service: Running, sent: bytes, code: str | None) -> None:
    started = time.monotonic()
    with open_service.connect() as peer:
        peer.sendall(sent)
        check_closed_in_time(peer, started)
    if code is not None:
        assert open_service.metric("skyfix_rejected_total", reason=code) == 1


@pytest.mark.parametrize("drop", [b"a", b"\r\n"])
def test_a_head_that_drips_is_not_given_more_time(open_service: Running, drop: bytes) -> None:
    start = b"GET /livez HTTP/1.1\r\nX-A: " if drop == b"a" else b""
    check_drip(open_service, start, drop)


def test_a_body_that_drips_is_told_and_closed(open_service: Running) -> None:
    received = check_drip(open_service, POST + b"Content-Length: 100000\r\n\r\n", b"a")
    assert problem_of(received) == (408, "body_timeout")


def test_a_body_that_nobody_wants_is_not_waited_for(open_service: Running) -> None:
    received = check_drip(open_service, GET[:-2] + b"Content-Length: 100000\r\n\r\n", b"a")
    assert received.startswith(b"HTTP/1.1 200")


def check_drip(service: Running, start: bytes, drop: bytes) -> bytes:
    """Send bytes one by one until the other side has had enough, which has to be in time."""
    started, received = time.monotonic(), b""
    with service.connect() as peer:
        peer.sendall(start)
        peer.settimeout(0.05)
        while time.monotonic() - started < PATIENCE_S + 1:
            try:
                peer.sendall(drop)
                chunk = peer.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                break
            received += chunk
            if not chunk:
                time.sleep(0.05)
    assert DEADLINE_S * 0.8 <= time.monotonic() - started <= PATIENCE_S
    return received


def test_no_answer_waits_for_an_acknowledgement(open_service: Running) -> None:
    with open_service.connect() as peer:
        peer.sendall(GET)
        answer(peer)
        (connection,) = open_service.server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_silence_after_an_answer(open_service: Running) -> None:
    with open_service.connect() as peer:
        peer.sendall(GET)
        assert answer(peer).startswith(b"HTTP/1.1 200")
        check_closed_in_time(peer, time.monotonic())


def test_blank_lines_do_not_keep_a_connection_alive(open_service: Running) -> None:
    check_drip(open_service, GET, b"\r\n")


def test_a_connection_in_use_stays(open_service: Running) -> None:
    with open_service.connect() as peer:
        for _ in range(5):
            time.sleep(DEADLINE_S / 3)
            peer.sendall(GET)
            assert answer(peer).startswith(b"HTTP/1.1 200")


def test_pipelined_requests_are_answered_in_order(open_service: Running) -> None:
    with open_service.connect() as peer:
        peer.sendall(GET * 60 + GET.replace(b"livez", b"nowhere") + GET[:-2] + b"Connection: close\r\n\r\n")
        received = until_closed(peer)
    assert received.count(b"HTTP/1.1 200") == 61
    assert received.rindex(b"HTTP/1.1 404") < received.rindex(b"HTTP/1.1 200")


def test_a_reader_that_does_not_read(localizer: IndexLocalizer) -> None:
    settings = short(header_timeout_s=60, body_timeout_s=60, keep_alive_s=60, expose_openapi=True)
    with running(settings, localizer) as service, service.connect() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.sendall(GET.replace(b"/livez", b"/openapi.json") * 900)
        started = time.monotonic()
        peer.recv(1)
        while service.connections:
            assert time.monotonic() - started < 3 * PATIENCE_S
            time.sleep(0.02)
    sent = service.metric("skyfix_http_requests_total", method="GET", route="/openapi.json", status="200")
    assert sent is not None
    assert 1 < sent < 900


@pytest.mark.parametrize("tail", [b"", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [40_000, 2_000_000])
def test_a_head_that_is_too_large(patient_service: Running, size: int, tail: bytes) -> None:
    head = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * size + tail
    with patient_service.connect() as peer:
        try:
            peer.sendall(head)
        except OSError:
            return  # closed before all was taken
        received = until_closed(peer)
    if size < 100_000:
        assert problem_of(received) == (431, "header_too_large")
    assert patient_service.metric("skyfix_rejected_total", reason="header_too_large") == 1


def test_heads_up_to_the_cap_are_fine(patient_service: Running) -> None:
    close = b"Connection: close\r\n\r\n"
    assert patient_service.say(GET[:-2] + b"Cookie: " + b"a" * 30_000 + b"\r\n" + close).startswith(b"HTTP/1.1 200")
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(95))
    assert patient_service.say(GET[:-2] + many + close).startswith(b"HTTP/1.1 200")


MALFORMED = {
    "hundred and one headers": (GET[:-2] + b"A: 1\r\n" * 101 + b"\r\n", 431, "header_too_large"),
    "long URL": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "uri_too_long"),
    "no host": (b"GET /livez HTTP/1.1\r\n\r\n", 400, "host_not_allowed"),
    "no host, HTTP/1.0": (b"GET /livez HTTP/1.0\r\n\r\n", 400, "host_not_allowed"),
    "two hosts": (GET[:-2] + b"Host: localhost\r\n\r\n", 400, "host_not_allowed"),
    "bad host": (b"GET /livez HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "host_not_allowed"),
    "a proxy's request": (b"GET http://localhost/livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "bad_request"),
    "connect": (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "bad_request"),
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad_request"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
    "length is negative": (POST + b"Content-Length: -1\r\n\r\n", 400, "bad_request"),
    "length is no number": (POST + b"Content-Length: abc\r\n\r\n", 400, "bad_request"),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "bad_request"),
    "length and chunks": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_request"),
    "bad chunk size": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "bad_request"),
    "unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n", 400, "bad_request"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_are_told_and_closed(patient_service: Running, name: str) -> None:
    sent, status, code = MALFORMED[name]
    assert problem_of(patient_service.say(sent)) == (status, code)
    assert patient_service.metric("skyfix_rejected_total", reason=code) == 1
    assert patient_service.metric("skyfix_http_requests_total", method="OTHER", route="unmatched", status=str(status))


def test_an_upgrade_is_answered_as_plain_http_and_closed(patient_service: Running) -> None:
    upgrade = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"
    received = patient_service.say(upgrade)
    assert received.count(b"HTTP/1.1") == 1


def test_trailers_do_not_become_headers(localizer: IndexLocalizer, key_file: Path, key: str) -> None:
    with running(short(key_file=key_file), localizer) as service:
        body = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\nAuthorization: Bearer " + key.encode()
        received = service.say(POST + body + b"\r\n\r\n")
    assert problem_of(received) == (401, "unauthorized")


def test_chunk_extensions_without_end(localizer: IndexLocalizer) -> None:
    settings = short(header_timeout_s=60, body_timeout_s=60, keep_alive_s=60, max_body_bytes=10_000)
    with running(settings, localizer) as service, service.connect() as peer:
        peer.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n1;")
        with pytest.raises(OSError, match=r"reset|pipe"):
            peer.sendall(b"a" * 100_000_000)


def test_more_connections_than_allowed(localizer: IndexLocalizer) -> None:
    settings = short(header_timeout_s=60, max_connections=3)
    with running(settings, localizer) as service:
        peers = [service.connect() for _ in range(3)]
        peers[0].sendall(GET)
        assert answer(peers[0]).startswith(b"HTTP/1.1 200")
        assert problem_of(service.say(b"")) == (429, "overloaded")
        for peer in peers:
            peer.close()
        time.sleep(0.1)
        assert service.say(GET[:-2] + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
def test_no_key_is_told_before_any_byte_of_the_body(locked_service: Running, expect: bytes) -> None:
    with locked_service.connect() as peer:
        started = time.monotonic()
        peer.sendall(POST + FORGED + expect + b"Content-Length: 5000000\r\n\r\n")
        received = answer(peer)
        assert problem_of(received) == (401, "unauthorized")
        assert b"100 Continue" not in received
        check_closed_in_time_or_sooner(peer, started)


def check_closed_in_time_or_sooner(peer: socket.socket, started: float) -> None:
    assert seconds_until_closed(peer, started) <= PATIENCE_S


def test_an_upload_that_is_refused_can_still_be_sent_and_the_connection_used_again(locked_service: Running) -> None:
    with locked_service.connect() as peer:
        for _ in range(3):
            peer.sendall(POST + b"Content-Length: 3000000\r\n\r\n" + b"0" * 3_000_000)
            assert problem_of(answer(peer)) == (401, "unauthorized")


def test_a_client_that_closes_after_one_answer_reads_it(locked_service: Running) -> None:
    with locked_service.connect() as peer:
        peer.sendall(POST + b"Connection: close\r\nContent-Length: 3000000\r\n\r\n" + b"0" * 3_000_000)
        assert problem_of(until_closed(peer)) == (401, "unauthorized")


def test_a_key_of_64_kib(locked_service: Running) -> None:
    received = locked_service.say(GET[:-2] + b"Authorization: Bearer " + b"a" * 65536 + b"\r\n\r\n")
    assert problem_of(received) == (431, "header_too_large")


def test_an_answer_says_nothing_of_the_server(open_service: Running) -> None:
    received = open_service.say(GET[:-2] + b"Connection: close\r\n\r\n")
    assert b"\r\nserver:" not in received.lower()
