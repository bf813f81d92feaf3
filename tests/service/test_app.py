"""Liveness, readiness, info, request ids, metrics and places: all but the answers themselves."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from index.bundle import Index
from index.search import Searcher
from models.encoder import FakeEncoder
from models.errors import EncoderNonFinite
from service.admin import create_admin_app
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.instance import Service
from service.keeper import Outcome
from service.localizer import Prepared
from service.metrics import Metrics
from service.settings import Settings
from tests.service.conftest import Client
from tests.service.world import TILE_COUNT


class Gated(IndexLocalizer):
    """Holds every photo at the network until the gate opens."""

    def __init__(self, index: Index) -> None:
        super().__init__(FakeEncoder(), Searcher(index))
        self.gate = threading.Event()

    def describe(self, prepared: Prepared) -> NDArray[np.float32]:
        self.gate.wait(10)
        return super().describe(prepared)


def test_alive_before_ready(localizer: IndexLocalizer, photo: bytes) -> None:
    app = create_app(Settings())
    client, service = Client(app), app.state.service
    assert client.get("/livez").status_code == 200
    for response in (client.get("/readyz"), client.get("/info"), client.raw(photo)):
        assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        assert response.headers["retry-after"] == "1"
        assert "loaded" in response.json()["detail"]
    assert client.metric("skyfix_ready", component="index") == 0
    service.install(localizer)
    assert client.get("/readyz").json() == {
        "status": "ready",
        "index": "painted@1",
        "indexes": [{"name": "painted", "status": "ready", "index": "painted@1"}],
        "degraded": False,
        "providers": ["CPUExecutionProvider"],
    }
    assert client.metric("skyfix_ready", component="index") == 1


def test_info_names_what_answers(client: Client) -> None:
    info = client.get("/info").json()
    assert info["model"]["label"] == "Mean colours, not a trained model."
    assert (info["model"]["name"], info["model"]["provider"]) == ("mean-colour@1", "CPUExecutionProvider")
    assert (info["index"]["name"], info["index"]["tiles"], info["index"]["licence"]) == ("painted@1", TILE_COUNT, "CC0")
    west, south, east, north = info["index"]["bounds"]
    assert west < 13.4 < east
    assert south < 52.5 < north
    assert info["limits"]["body_bytes"] == 8 * 1024 * 1024


def test_request_id_is_taken_if_sane(client: Client) -> None:
    assert client.get("/livez", headers={"X-Request-Id": "van-17.a_1"}).headers["x-request-id"] == "van-17.a_1"
    made = client.get("/livez", headers={"X-Request-Id": "a b\tc"}).headers["x-request-id"]
    assert len(made) == 32
    assert client.get("/livez", headers={"X-Request-Id": "x" * 65}).headers["x-request-id"] != "x" * 65


def test_answer_tells_its_timings_in_a_header(client: Client, photo: bytes) -> None:
    response = client.raw(photo)
    named = [part.split(";")[0] for part in response.headers["server-timing"].split(", ")]
    assert named == list(response.json()["timings_ms"])
    assert "server" not in response.headers


def test_metrics_count_what_happened(client: Client, photo: bytes) -> None:
    client.raw(photo)
    client.raw(b"not an image at all")
    client.get("/nowhere/else")
    client.request("BREW", "/livez")
    counted = {
        ("skyfix_http_requests_total", ("POST", "/localize", "200")): 1,
        ("skyfix_http_requests_total", ("POST", "/localize", "415")): 1,
        ("skyfix_http_requests_total", ("GET", "unmatched", "404")): 1,
        ("skyfix_http_requests_total", ("OTHER", "/livez", "405")): 1,
    }
    for (name, (method, route, status)), count in counted.items():
        assert client.metric(name, method=method, route=route, status=status) == count
    assert client.metric("skyfix_localizations_total", status="ranked", mode="global") == 1
    assert client.metric("skyfix_rejected_total", reason="image_type_unsupported") == 1
    assert client.metric("skyfix_http_request_duration_seconds_count", method="POST", route="/localize") == 2
    assert client.metric("skyfix_http_requests_in_flight", route="/localize") == 0
    assert client.metric("skyfix_queue_depth", queue="localize") == 0
    assert client.metric("skyfix_queue_capacity", queue="localize") == 32
    for stage in ("receive", "decode", "queue"):
        assert client.metric("skyfix_stage_duration_seconds_count", stage=stage) == 2
    for stage in ("preprocess", "inference", "search", "serialize"):
        assert client.metric("skyfix_stage_duration_seconds_count", stage=stage) == 1


def test_metrics_show_model_and_index(client: Client) -> None:
    assert client.metric("skyfix_index_vectors", index="painted") == TILE_COUNT
    assert (client.metric("skyfix_index_bytes", index="painted") or 0) > 1000
    assert 0 <= (client.metric("skyfix_index_age_seconds", index="painted") or -1) < 3600
    assert client.metric("skyfix_model_info", model="mean-colour@1") == 1
    assert client.metric("skyfix_index_info", index="painted@1") == 1
    cpu = {"requested": "CPUExecutionProvider", "actual": "CPUExecutionProvider"}
    assert client.metric("skyfix_execution_provider_degraded", **cpu) == 0


def test_degraded_provider_is_shown(localizer: IndexLocalizer) -> None:
    client = Client(create_app(Settings(provider="prefer-gpu"), localizer))
    labels = {"requested": "CUDAExecutionProvider", "actual": "CPUExecutionProvider"}
    assert client.metric("skyfix_execution_provider_degraded", **labels) == 1


def test_metrics_are_on_the_admin_application_only(client: Client) -> None:
    async def reload(_: str | None) -> list[Outcome]:
        return []

    admin: Any = Client(create_admin_app(client.app.state.service.metrics, reload))  # type: ignore[arg-type]
    response = admin.get("/metrics")
    assert response.status_code == 200
    assert "skyfix_build_info" in response.text
    assert admin.get("/localize").status_code == 404
    assert client.get("/metrics").status_code == 404


def test_two_apps_share_no_series(localizer: IndexLocalizer) -> None:
    first, second = (Client(create_app(Settings(), localizer)) for _ in range(2))
    first.get("/livez")
    assert second.metric("skyfix_http_requests_total", method="GET", route="/livez", status="200") is None


def test_errors_are_told_without_waiting_for_a_thread() -> None:
    handlers = create_app(Settings()).exception_handlers
    assert all(inspect.iscoroutinefunction(handle) for handle in handlers.values())


def test_full_house_is_429_and_frees_its_places(painted_index: Index, photo: bytes) -> None:
    gated = Gated(painted_index)
    client = Client(create_app(Settings(places=2), gated))

    async def crowd(http: httpx.AsyncClient) -> list[httpx.Response]:
        options = {"content": photo, "headers": {"Content-Type": "image/png"}}
        inside = [asyncio.create_task(http.post("/localize", **options)) for _ in range(2)]  # type: ignore[arg-type]
        while client.metric("skyfix_queue_depth", queue="localize") != 2:
            await asyncio.sleep(0.01)
        refused = await http.post("/localize", **options)  # type: ignore[arg-type]
        gated.gate.set()
        return [refused, *await asyncio.gather(*inside), await http.post("/localize", **options)]  # type: ignore[arg-type]

    statuses = [response.status_code for response in client.run(crowd)]
    assert statuses == [429, 200, 200, 200]
    assert client.metric("skyfix_rejected_total", reason="overloaded") == 1


def test_client_that_leaves_frees_its_place(client: Client) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/localize", "raw_path": b"/localize", "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"image/png")],
        "root_path": "", "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(client.app(scope, receive, send))
    assert sent == []
    assert client.metric("skyfix_queue_depth", queue="localize") == 0
    assert client.metric("skyfix_http_requests_total", method="POST", route="/localize", status="499") == 1


def test_network_that_gives_nonsense_is_our_fault(painted_index: Index, photo: bytes) -> None:
    class Nonsense(FakeEncoder):
        def ground(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
            return super().ground(pixels) * np.float32("nan")

    localizer = IndexLocalizer(Nonsense(), Searcher(painted_index))
    response = Client(create_app(Settings(), localizer)).raw(photo)
    assert (response.status_code, response.json()["code"]) == (500, EncoderNonFinite.code)


def test_nothing_is_shared_between_services() -> None:
    first, second = Service(Settings()), Service(Settings())
    assert first.metrics.registry is not second.metrics.registry
    assert isinstance(first.metrics, Metrics)


@pytest.mark.parametrize("name", ["alive", "info"])
def test_get_routes_refuse_posts(client: Client, name: str) -> None:
    path = {"alive": "/livez", "info": "/info"}[name]
    assert client.request("POST", path).status_code == 405
