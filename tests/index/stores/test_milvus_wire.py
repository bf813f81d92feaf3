from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from milvus_lite.adapter.grpc.server import start_server_in_thread

from index.stores.breaker import Breaker
from index.stores.milvus import open_milvus
from index.stores.milvus_push import push
from index.stores.milvus_wire import Wire, without_secrets
from models.errors import BackendRefused, BackendUnavailable, UsageError
from service.problems import status_of
from tests.index.made import unit_rows
from tests.index.stores.lite import DEADLINE_S, SMALL, small_index
from tests.index.stores.peers import Greeting, garbage, nobody, peer, reset, silence

SHORT_S = 0.4
LONG_BEYOND_S = 10.0
"""Far beyond any deadline here, and far below the pauses that pymilvus would make by itself."""


def _collections(client: Any, limit_s: float) -> list[str]:
    return list(client.list_collections(timeout=limit_s))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """milvus-lite on a port, as a server is reached in production."""
    running, database, port = start_server_in_thread(str(tmp_path / "held"))
    yield f"http://127.0.0.1:{port}"
    running.stop(grace=0).wait()
    database.close()


@pytest.mark.parametrize("greeting", [silence, reset, garbage])
def test_peers_that_are_no_milvus_are_given_up_in_time(greeting: Greeting) -> None:
    with peer(greeting) as uri:
        start, wire = monotonic(), Wire(uri, deadline_s=SHORT_S)
        with pytest.raises(BackendUnavailable, match="Milvus at http://127") as caught:
            wire.call("a test", _collections)
        assert monotonic() - start < LONG_BEYOND_S
        wire.close()
    assert caught.value.code == "backend_unavailable"
    assert status_of(type(caught.value)) == 503


def test_a_port_without_a_listener_is_refused_and_the_breaker_opens(caplog: pytest.LogCaptureFixture) -> None:
    wire, asked = Wire(nobody(), deadline_s=SHORT_S), 0

    def ask(_client: Any, _limit_s: float) -> None:
        nonlocal asked
        asked += 1

    with caplog.at_level(logging.DEBUG, "pymilvus"):
        for _ in range(3):
            with pytest.raises(BackendUnavailable, match=r"gave no answer|did not answer"):
                wire.call("a test", ask)
        with pytest.raises(BackendUnavailable, match="failed several times in a row; a test is not tried for another"):
            wire.call("a test", ask)
    wire.close()
    assert asked == 0


def test_an_index_cannot_be_opened_where_there_is_no_milvus() -> None:
    with peer(silence) as uri, pytest.raises(BackendUnavailable):
        open_milvus(small_index(), uri, deadline_s=SHORT_S)


def test_a_server_that_goes_away_fails_searches_until_it_is_back(tmp_path: Path) -> None:
    running, database, port = start_server_in_thread(str(tmp_path / "held"))
    index, filling = small_index(), Wire(f"http://127.0.0.1:{port}", deadline_s=DEADLINE_S)
    push(index, filling)
    filling.close()
    wire = Wire(filling.where, deadline_s=2.0, breaker=Breaker(failures=1, rest_s=0.2))
    store = open_milvus(index, wire.where, wire=wire)
    query = unit_rows(1, SMALL.size, seed=5)
    expected = store.best_tiles(query, 5).rows.tolist()
    running.stop(grace=0).wait()
    database.close()
    for message in ("no answer|did not answer", "not tried"):
        with pytest.raises(BackendUnavailable, match=message):
            store.best_tiles(query, 5)
    running, database, _ = start_server_in_thread(str(tmp_path / "held"), port=port)
    found = _eventually(lambda: store.best_tiles(query, 5).rows.tolist())
    wire.close()
    running.stop(grace=0).wait()
    database.close()
    assert found == expected


def _eventually(ask: Any) -> Any:
    end = monotonic() + DEADLINE_S
    while True:
        try:
            return ask()
        except BackendUnavailable:
            if monotonic() > end:
                raise


def test_what_a_server_refuses_is_said_and_does_not_open_the_breaker(server: str) -> None:
    wire = Wire(server, deadline_s=DEADLINE_S)
    for _ in range(5):
        with pytest.raises(BackendRefused, match=r"refused a test: .*none_such"):
            wire.call("a test", lambda client, limit_s: client.describe_collection("none_such", timeout=limit_s))
    assert wire.call("a test", _collections) == []
    wire.close()


def test_many_threads_wait_no_longer_than_one() -> None:
    with peer(silence) as uri, ThreadPoolExecutor(32) as pool:
        wire, start = Wire(uri, deadline_s=SHORT_S), monotonic()
        calls = [pool.submit(wire.call, "a test", _collections) for _ in range(32)]
        assert all(isinstance(call.exception(), BackendUnavailable) for call in calls)
        assert monotonic() - start < LONG_BEYOND_S
        wire.close()


@pytest.mark.parametrize("uri", ["", "localhost:19530", "ftp://host", "/some/folder", "http://"])
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="no Milvus server"):
        Wire(uri)


def test_secrets_are_left_out_of_messages() -> None:
    assert without_secrets("no http://root:Milvus@db:19530 there") == "no http://db:19530 there"
    assert Wire("http://root:Milvus@db:19530").where == "http://db:19530"
