"""Model and index over the life of a service: swapped under load, refused when bad, asked their probes."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from index.build import Run, build_index
from index.bundle import open_index
from index.search import Searcher
from index.tiles import BadTile, Tile
from models.encoder import FakeEncoder
from models.errors import BundleError, BundleMissing
from service.admin import create_admin_app
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.keeper import Keeper, Outcome
from service.localizer import Localizer
from service.settings import Settings
from tests.service.world import PaintedTiles, encode, panorama

PHOTO = encode(panorama(7))
PNG = {"Content-Type": "image/png"}


class Forgetful(IndexLocalizer):
    """Finds what it is asked for, but not always its probes."""

    recall = 1.0

    def probe_recall(self) -> float:
        if self.recall < 0:
            raise OSError("the disk is gone")
        return self.recall


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build_index(PaintedTiles(), FakeEncoder(), tmp_path / "index", name="painted")
    return tmp_path / "index"


def loader(root: Path) -> Callable[[], Localizer]:
    return lambda: IndexLocalizer(FakeEncoder(), Searcher(open_index(root)))


def run(work: Callable[[FastAPI, httpx.AsyncClient], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        app = create_app(Settings())
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await work(app, client)
        app.state.service.pipeline.close()

    asyncio.run(asyncio.wait_for(inside(), 60))


async def ask(client: httpx.AsyncClient) -> tuple[int, str]:
    response = await client.post("/localize", content=PHOTO, headers=PNG)
    body = response.json()
    return response.status_code, body["search"]["index"] if response.status_code == 200 else body["code"]


def test_a_reload_answers_with_the_new_generation(root: Path) -> None:
    async def work(app: FastAPI, client: httpx.AsyncClient) -> None:
        keeper = Keeper(app.state.service, {"": loader(root)}, 60.0)
        assert await ask(client) == (503, "not_ready")
        await keeper.begin()
        assert await ask(client) == (200, "painted@1")
        build_index(PaintedTiles(), FakeEncoder(), root, name="painted")
        assert await ask(client) == (200, "painted@1")
        assert await keeper.reload() == [Outcome("painted", "painted@2")]
        assert await ask(client) == (200, "painted@2")

    run(work)


def test_what_does_not_verify_changes_nothing(root: Path) -> None:
    async def work(app: FastAPI, client: httpx.AsyncClient) -> None:
        service = app.state.service
        keeper = Keeper(service, {"": loader(root)}, 60.0)
        await keeper.begin()
        admin = httpx.ASGITransport(app=create_admin_app(service.metrics, keeper.reload))
        (root / "CURRENT").write_text("gen-7\n")
        async with httpx.AsyncClient(transport=admin, base_url="http://localhost") as operator:
            answer = await operator.post("/admin/reload")
            assert (answer.status_code, answer.json()["code"]) == (409, BundleMissing.code)
            assert "gen-7" in answer.json()["detail"]
            assert (await ask(client)) == (200, "painted@1")
            (root / "CURRENT").write_text("gen-1\n")
            taken = {"name": "painted", "result": "taken", "index": "painted@1"}
            assert (await operator.post("/admin/reload")).json() == {**taken, "indexes": [taken]}
            assert (await operator.get("/admin/reload")).status_code == 405
        count = service.metrics.registry.get_sample_value
        assert count("skyfix_index_swaps_total", {"index": "painted", "result": "refused"}) == 1
        assert count("skyfix_index_swaps_total", {"index": "painted", "result": "taken"}) == 1

    run(work)


def test_a_reload_that_forgets_its_probes_is_refused(root: Path) -> None:
    async def work(app: FastAPI, client: httpx.AsyncClient) -> None:
        made = [Forgetful(FakeEncoder(), Searcher(open_index(root))) for _ in range(2)]
        first, second = made
        keeper = Keeper(app.state.service, {"": lambda: made.pop(0)}, 60.0)
        await keeper.begin()
        second.recall = 0.9
        (outcome,) = await keeper.reload()
        assert (outcome.result, "only 90% of its probes" in str(outcome.error)) == ("refused", True)
        assert app.state.service.served.default.localizer is first
        assert (await ask(client))[0] == 200

    run(work)


def test_whoever_asks_while_a_reload_runs_shares_the_next_one(root: Path) -> None:
    """The one that runs may have read CURRENT before the generation that they ask for was published."""
    loads, gate = list[int](), threading.Event()

    def load() -> Localizer:
        loads.append(1)
        found = loader(root)()
        assert gate.wait(10)
        return found

    async def work(app: FastAPI, _: httpx.AsyncClient) -> None:
        keeper = Keeper(app.state.service, {"": load}, 60.0)
        gate.set()
        await keeper.begin()
        gate.clear()
        first = asyncio.create_task(keeper.reload())
        while len(loads) < 2:
            await asyncio.sleep(0.01)
        build_index(PaintedTiles(), FakeEncoder(), root, name="painted")
        more = [asyncio.create_task(keeper.reload()) for _ in range(3)]
        await asyncio.sleep(0.05)
        gate.set()
        assert {outcome.index for answer in await asyncio.gather(*more) for outcome in answer} == {"painted@2"}
        assert len(await first) == 1
        assert len(loads) == 3

    run(work)


@pytest.mark.parametrize("recall", [0.99, 0.0, -1.0])
def test_an_index_that_forgets_is_not_ready_until_it_remembers(root: Path, recall: float) -> None:
    async def work(app: FastAPI, client: httpx.AsyncClient) -> None:
        localizer = Forgetful(FakeEncoder(), Searcher(open_index(root)))
        keeper = Keeper(app.state.service, {"": lambda: localizer}, 60.0)
        await keeper.look()  # nothing there yet
        await keeper.begin()
        metric = app.state.service.metrics.registry.get_sample_value
        assert metric("skyfix_index_probe_recall_ratio", {"index": "painted", "k": "10"}) == 1.0
        localizer.recall = recall
        await keeper.look()
        assert metric("skyfix_index_probe_recall_ratio", {"index": "painted", "k": "10"}) == max(0.0, recall)
        assert metric("skyfix_ready", {"component": "index"}) == 0.0
        assert (await client.get("/readyz")).status_code == 503
        assert await ask(client) == (503, "not_ready")
        assert (await client.get("/livez")).status_code == 200
        localizer.recall = 1.0
        await keeper.look()
        assert (await client.get("/readyz")).status_code == 200
        assert metric("skyfix_ready", {"component": "index"}) == 1.0

    run(work)


def test_the_probes_are_asked_now_and_then(root: Path) -> None:
    asked = asyncio.Event()

    async def work(app: FastAPI, _: httpx.AsyncClient) -> None:
        loop = asyncio.get_running_loop()

        class Counting(Forgetful):
            def probe_recall(self) -> float:
                loop.call_soon_threadsafe(asked.set)
                return 1.0

        keeper = Keeper(app.state.service, {"": lambda: Counting(FakeEncoder(), Searcher(open_index(root)))}, 0.01)
        await keeper.begin()
        watching = asyncio.create_task(keeper.watch())
        for _turn in range(3):
            asked.clear()
            await asyncio.wait_for(asked.wait(), 10)
        watching.cancel()

    run(work)


def test_draining_is_told_while_photos_are_still_answered(root: Path) -> None:
    async def work(app: FastAPI, client: httpx.AsyncClient) -> None:
        app.state.service.install(loader(root)())
        app.state.service.draining = True
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "draining")
        assert (await ask(client))[0] == 200

    run(work)


def test_fifty_swaps_under_load_lose_no_photo_and_mix_no_answers(root: Path) -> None:
    """Ten of them are bad. Photos ask for tile 7, whose id tells the generation that it came from."""
    generations = range(2, 7)
    titles = {"painted@1": "t7"} | {f"painted@{number}": f"g{number}-t7" for number in generations}
    for number in generations:
        build_index(_Renamed(generation=number), FakeEncoder(), root, name="painted", run=Run(keep=10))

    async def work(app: FastAPI, client: httpx.AsyncClient) -> None:
        keeper = Keeper(app.state.service, {"": loader(root)}, 60.0)
        await keeper.begin()
        seen, over = set[str](), asyncio.Event()

        async def photos() -> int:
            count = 0
            while not over.is_set():
                response = await client.post("/localize", content=PHOTO, headers=PNG)
                assert response.status_code == 200, response.text
                title = response.json()["search"]["index"]
                assert response.json()["candidates"][0]["tile"]["id"] == titles[title]
                seen.add(title)
                count += 1
            return count

        clients = [asyncio.create_task(photos()) for _ in range(8)]
        taken = refused = 0
        for number in range(50):
            bad = number % 5 == 4
            _point(root, "gen-999" if bad else f"gen-{generations[number % len(generations)]}")
            (outcome,) = await keeper.reload()
            taken += outcome.error is None
            refused += isinstance(outcome.error, BundleError)
        over.set()
        assert sum(await asyncio.gather(*clients)) > 50
        assert (taken, refused) == (40, 10)
        assert seen > {f"painted@{number}" for number in (2, 3, 4, 5)}

    run(work)


@dataclass(frozen=True)
class _Renamed(PaintedTiles):
    """The painted tiles under ids of their own."""

    generation: int = 0

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for tile in super().__iter__():
            yield replace(tile, id=f"g{self.generation}-{tile.id}")


def _point(root: Path, name: str) -> None:
    fresh = root / "CURRENT.new"
    fresh.write_text(f"{name}\n")
    os.replace(fresh, root / "CURRENT")  # noqa: PTH105
