"""Who gets in, by keys and limits, without a socket: nobody's body is read before the door has decided."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.errors import UsageError
from service.app import ACCESS, create_app
from service.door.issuing import new_key, revoke_key
from service.door.keys import Scope
from service.errors import KeyFileInvalid
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client, check_problem

FORGED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "X-Forwarded-Host")
CLOSED = [("POST", "/localize"), ("GET", "/info"), ("GET", "/localize"), ("OPTIONS", "/localize")]


def client_of(localizer: IndexLocalizer, **settings: Any) -> Client:
    return Client(create_app(Settings(**settings), localizer))


@pytest.fixture
def locked(localizer: IndexLocalizer, key_file: Path, key: str) -> Client:  # noqa: ARG001
    return client_of(localizer, key_file=key_file, failed_auth_per_minute=100_000)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def unread() -> AsyncIterator[bytes]:
    raise AssertionError("the body was read")
    yield b""


def add(path: Path, name: str, *scopes: Scope) -> str:
    return new_key(path, name, scopes or ("localize",), datetime.now(UTC))[0]


def bad_credentials(key: str, path: Path) -> Iterator[list[tuple[str | bytes, str | bytes]]]:
    now = datetime.now(UTC)
    revoked, row = new_key(path, "gone", ("localize",), now)
    revoke_key(path, row.id, now)
    expired, _ = new_key(path, "old", ("localize",), now - timedelta(days=3), timedelta(days=1))
    yield []
    for wrong in ("", " ", key[:-1], key + "A", key + "=", key.swapcase(), key[7:], "x" * 65536, revoked, expired):
        yield [("Authorization", f"Bearer {wrong}")]
        yield [("X-API-Key", wrong)]
    yield [("Authorization", f"Bearer  {key}")]
    yield [("Authorization", f"Bearer {key} ")]
    yield [("Authorization", f"Basic {key}")]
    yield [("Authorization", key)]
    yield [("Authorization", f"Bearer {key}, Bearer {key}")]
    yield [("Authorization", f"Bearer {key}")] * 2
    yield [("Authorization", f"Bearer {key}"), ("X-API-Key", key)]
    yield [(b"Authorization", f"Bearer {key}ä".encode())]
    yield [(b"X-API-Key", b"\xff\xfe")]
    yield [("Cookie", f"key={key}")]


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_nobody_without_a_key(localizer: IndexLocalizer, key_file: Path, key: str, method: str, path: str) -> None:
    attempts = list(bad_credentials(key, key_file))
    client = client_of(localizer, key_file=key_file, failed_auth_per_minute=100_000)
    for headers in attempts:
        response = client.request(method, path, headers=headers, content=unread())
        check_problem(response, 401, "unauthorized")
        assert response.headers["www-authenticate"].startswith('Bearer realm="skyfix"')
        assert key not in response.text
    response = client.request(method, f"{path}?key={key}&access_token={key}&api_key={key}", content=unread())
    check_problem(response, 401, "unauthorized")


@pytest.mark.parametrize("headers", ["Authorization", "X-API-Key"])
def test_a_key_opens(locked: Client, key: str, photo: bytes, headers: str) -> None:
    given = bearer(key) if headers == "Authorization" else {headers: key}
    assert locked.get("/info", headers=given).status_code == 200
    answer = locked.request("POST", "/localize", content=photo, headers={**given, "Content-Type": "image/png"})
    assert answer.status_code == 200
    assert locked.get("/info", headers={"authorization": f"bEARER {key}"}).status_code == 200


def test_a_key_of_another_scope_is_told_so(locked: Client, key_file: Path) -> None:
    other = add(key_file, "batches", "batch", "admin")
    locked.app.state.service.reload_keys()
    response = locked.request("POST", "/localize", headers=bearer(other), content=unread())
    check_problem(response, 403, "forbidden")
    assert 'scope="localize"' in response.headers["www-authenticate"]


def test_only_probes_are_open(locked: Client) -> None:
    assert {path for path, scope in ACCESS.items() if scope is None} == {"/livez", "/readyz"}
    for path in ("/livez", "/readyz"):
        assert locked.get(path, headers={"Host": "10.1.2.3:8080"}).status_code == 200


def test_every_route_is_in_the_table_and_one_that_is_not_is_closed(
    localizer: IndexLocalizer, key_file: Path, key: str
) -> None:
    app = create_app(Settings(key_file=key_file, expose_openapi=True), localizer)
    assert {getattr(route, "path", None) for route in app.router.routes} == set(ACCESS)

    @app.get("/forgotten")
    async def forgotten() -> None:
        raise AssertionError("reached")

    client = Client(app)
    check_problem(client.get("/forgotten"), 401, "unauthorized")
    check_problem(client.get("/forgotten", headers=bearer(key)), 403, "forbidden")
    check_problem(client.get("/openapi.json"), 401, "unauthorized")
    assert client.get("/openapi.json", headers=bearer(key)).status_code == 200


def test_paths_with_nothing_behind_them_are_404_for_all(locked: Client, key: str) -> None:
    for path in (
        "/metrics",
        "/docs",
        "/admin/reload",
        "/localize/",
        "http://localhost//localize",
        "/%2e%2e/localize",
        "/localize%00",
    ):
        check_problem(locked.get(path), 404, "not_found")
        check_problem(locked.get(path, headers=bearer(key)), 404, "not_found")


def test_decision_goes_by_the_path_and_not_by_what_host_makes_of_the_url(
    locked: Client, localizer: IndexLocalizer, key_file: Path
) -> None:
    anywhere = client_of(localizer, key_file=key_file, allowed_hosts="*")
    for client in (locked, anywhere):
        for host in ("localhost/livez?", "localhost/livez#", "localhost:80/livez?x="):
            check_problem(client.get("/info", headers={"Host": host}), 400, "host_not_allowed")
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Forwarded-Prefix"):
        check_problem(locked.get("/info", headers={name: "/livez"}), 401, "unauthorized")


def test_other_hosts_are_refused_before_keys_are_looked_at(locked: Client, key: str) -> None:
    response = locked.get("/info", headers={**bearer(key), "Host": "evil.example"})
    check_problem(response, 400, "host_not_allowed")
    assert "evil" not in response.text


def test_a_thousand_random_keys(locked: Client, key: str) -> None:
    async def storm(http: httpx.AsyncClient) -> set[int]:
        keys = ["skyfix_" + secrets.token_urlsafe(32) for _ in range(1000)]
        return {(await http.get("/info", headers=bearer(wrong))).status_code for wrong in keys}

    assert locked.run(storm) == {401}
    assert locked.metric("skyfix_rejected_total", reason="unauthorized") == 1000
    assert locked.get("/info", headers=bearer(key)).status_code == 200


def test_a_peer_that_tries_keys_is_slowed_down_whatever_it_forges(
    localizer: IndexLocalizer, key_file: Path, key: str
) -> None:
    client = client_of(localizer, key_file=key_file, failed_auth_per_minute=10)
    statuses = []
    for number in range(60):
        forged = dict.fromkeys(FORGED, f"10.0.0.{number}")
        statuses.append(client.get("/info", headers={**bearer("x" * 43), **forged}))
    assert [response.status_code for response in statuses].count(401) in (10, 11, 12)
    assert statuses[-1].status_code == 429
    assert 1 <= int(statuses[-1].headers["retry-after"]) <= 6
    check_problem(statuses[-1], 429, "rate_limited")
    assert client.get("/info", headers=bearer(key)).status_code == 200
    assert client.get("/info").status_code == 401


def test_rate_limit_of_a_holder_and_no_one_else(localizer: IndexLocalizer, key_file: Path, key: str) -> None:
    second, other = add(key_file, "fleet"), add(key_file, "other")
    client = client_of(localizer, key_file=key_file, key_requests_per_s=0.01, key_burst=5)

    async def ask(http: httpx.AsyncClient) -> list[httpx.Response]:
        mine = [key, second] * 10
        return [
            await http.get("/info", headers={**bearer(k), "X-Forwarded-For": f"10.0.0.{i}"}) for i, k in enumerate(mine)
        ]

    answers: list[httpx.Response] = client.run(ask)
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 15
    check_problem(answers[-1], 429, "rate_limited")
    assert int(answers[-1].headers["retry-after"]) > 60
    assert [client.get("/info", headers=bearer(other)).status_code for _ in range(5)] == [200] * 5


def test_bytes_of_a_holder(localizer: IndexLocalizer, key_file: Path, key: str, photo: bytes) -> None:
    client = client_of(
        localizer, key_file=key_file, key_bytes_per_minute=len(photo) + 1024, max_body_bytes=len(photo) + 1024
    )
    headers = {**bearer(key), "Content-Type": "image/png"}
    first, second = (client.request("POST", "/localize", content=photo, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 429)
    assert client.get("/info", headers=bearer(key)).status_code == 200


def test_requests_at_once_of_a_holder(localizer: IndexLocalizer, key_file: Path, key: str) -> None:
    other = add(key_file, "other")
    client = client_of(localizer, key_file=key_file, key_in_flight=2)
    gate = asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        await gate.wait()
        yield b"no photo"

    async def crowd(http: httpx.AsyncClient) -> list[int]:
        typed = {"Content-Type": "image/png"}
        inside = [
            asyncio.create_task(http.post("/localize", content=held(), headers={**bearer(key), **typed}))
            for _ in range(2)
        ]
        while client.metric("skyfix_queue_depth", queue="localize") != 2:
            await asyncio.sleep(0.01)
        refused = await http.get("/info", headers=bearer(key))
        beside = await http.get("/info", headers=bearer(other))
        gate.set()
        await asyncio.gather(*inside)
        return [refused.status_code, beside.status_code, (await http.get("/info", headers=bearer(key))).status_code]

    assert client.run(crowd) == [429, 200, 200]


def test_rotation_while_running(locked: Client, key_file: Path, key: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "skyfix")
    new = add(key_file, "fleet")
    assert locked.get("/info", headers=bearer(new)).status_code == 401
    locked.app.state.service.reload_keys()
    assert [locked.get("/info", headers=bearer(each)).status_code for each in (key, new)] == [200, 200]
    key_file.write_text("{")
    locked.app.state.service.reload_keys()
    assert [locked.get("/info", headers=bearer(each)).status_code for each in (key, new)] == [200, 200]
    key_file.unlink()
    locked.app.state.service.reload_keys()
    assert locked.get("/info", headers=bearer(new)).status_code == 200
    assert locked.metric("skyfix_key_file_reloads_total", result="taken") == 1
    assert locked.metric("skyfix_key_file_reloads_total", result="refused") == 2
    assert key not in caplog.text
    assert new not in caplog.text


def test_revoked_keys_are_out_after_a_reload(locked: Client, key_file: Path, key: str) -> None:
    revoke_key(key_file, locked.app.state.service.guard._keyring.rows[0].id, datetime.now(UTC))
    locked.app.state.service.reload_keys()
    check_problem(locked.get("/info", headers=bearer(key)), 401, "unauthorized")


def test_series_do_not_grow_with_what_clients_send(locked: Client) -> None:
    def series() -> int:
        return sum(len(family.samples) for family in locked.app.state.service.metrics.registry.collect())

    async def storm(http: httpx.AsyncClient, count: int) -> None:
        for number in range(count):
            word = secrets.token_hex(8)
            await http.request(f"M{word}", f"/{word}", headers={**bearer(word * 2), "User-Agent": word})
            await http.get("/info", headers={"X-API-Key": word * 2, "Host": "localhost" if number % 2 else word})

    locked.run(lambda http: storm(http, 2))
    before = series()
    locked.run(lambda http: storm(http, 500))
    assert series() == before <= 1200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "skyfix.example"])
def test_beyond_loopback_keys_or_a_plain_word_are_needed(
    host: str,
    localizer: IndexLocalizer,
    key_file: Path,
    key: str,  # noqa: ARG001
) -> None:
    with pytest.raises(UsageError, match="insecure-no-auth"):
        create_app(Settings(host=host), localizer)
    create_app(Settings(host=host, insecure_no_auth=True), localizer)
    create_app(Settings(host=host, key_file=key_file), localizer)
    with pytest.raises(UsageError, match="contradict"):
        create_app(Settings(host=host, key_file=key_file, insecure_no_auth=True), localizer)


def test_a_bad_key_file_stops_the_start(tmp_path: Path, localizer: IndexLocalizer) -> None:
    with pytest.raises(KeyFileInvalid):
        create_app(Settings(key_file=tmp_path / "none"), localizer)


def test_nothing_is_said_to_other_origins(client: Client, photo: bytes) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    preflight = client.request("OPTIONS", "/localize", headers=headers)
    assert preflight.status_code == 405
    answer = client.request("POST", "/localize", content=photo, headers={**headers, "Content-Type": "image/png"})
    assert not [name for name in {**preflight.headers, **answer.headers} if name.startswith("access-control")]
