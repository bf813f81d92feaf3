"""The painted world, indexed once, and a client that talks to the app without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from index.build import build_index
from index.bundle import Index, open_index
from index.search import Searcher
from models.encoder import FakeEncoder
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.problems import MEDIA_TYPE
from service.settings import Settings
from tests.service.world import PaintedTiles, encode, panorama

WHOLE_CIRCLE = {"projection": "panorama", "fov_deg": "360"}


class Client:
    """Runs every call in an event loop of its own."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def run(self, work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        async def inside() -> Any:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await work(client)

        return asyncio.run(inside())

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        response: httpx.Response = self.run(lambda client: client.request(method, path, **options))
        return response

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def raw(self, image: bytes, media_type: str = "image/png", **query: Any) -> httpx.Response:
        return self.request("POST", "/localize", content=image, params=query, headers={"Content-Type": media_type})

    def form(self, image: bytes, **fields: Any) -> httpx.Response:
        return self.request("POST", "/localize", files={"image": ("photo.png", image, "image/png")}, data=fields)

    def metric(self, name: str, **labels: str) -> float | None:
        found: float | None = self.app.state.service.metrics.registry.get_sample_value(name, labels)
        return found


def check_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code), problem
    assert response.headers["content-type"] == MEDIA_TYPE
    assert problem["request_id"] == response.headers["x-request-id"]
    assert {"type", "title", "detail"} <= set(problem)
    assert "Traceback" not in response.text
    return problem


@pytest.fixture(scope="session")
def painted_index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("painted") / "index"
    build_index(PaintedTiles(), FakeEncoder(), folder, name="painted", licence="CC0")
    return open_index(folder)


@pytest.fixture(scope="session")
def localizer(painted_index: Index) -> IndexLocalizer:
    return IndexLocalizer(FakeEncoder(), Searcher(painted_index))


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("SKYFIX_REAL_DATA", raising=False)
    return Settings()


@pytest.fixture
def client(localizer: IndexLocalizer, settings: Settings) -> Client:
    return Client(create_app(settings, localizer))


@pytest.fixture(scope="session")
def photo() -> bytes:
    """Tile 7 seen all around, heading north."""
    return encode(panorama(7))


@pytest.fixture(scope="session")
def index_folder(painted_index: Index) -> Path:
    return painted_index.folder.parent
