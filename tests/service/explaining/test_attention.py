"""A network's own attention through the service: the photo's and the tile's, and only for photos that ask."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from index.bundle import Index
from index.search import Searcher
from models.errors import ModelUnreadable
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.localizer import localize
from service.query import CameraHints, Query
from service.settings import Settings
from tests.service.conftest import WHOLE_CIRCLE, Client
from tests.service.explaining.conftest import Looking
from tests.service.world import encode, position, tile_pixels


@pytest.fixture
def encoder() -> Looking:
    return Looking()


@pytest.fixture
def localizer(looking_index: Index, encoder: Looking) -> IndexLocalizer:
    return IndexLocalizer(encoder, Searcher(looking_index))


def _grid(grid: dict[str, Any]) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(grid["values"]), np.uint8).reshape(grid["height"], grid["width"])


def _right_half_is_red() -> NDArray[np.uint8]:
    pixels = np.zeros((128, 256, 3), np.uint8)
    pixels[:, 128:, 0] = 255
    return pixels


def test_the_photos_map_is_the_networks(localizer: IndexLocalizer) -> None:
    answer = Client(create_app(Settings(), localizer)).raw(
        encode(_right_half_is_red()), include="attention", **WHOLE_CIRCLE
    )
    found = answer.json()["attention"]
    assert found["kind"] == "attention"
    assert "columns" not in found
    row = _grid(found["photo"])[found["photo"]["height"] // 2]
    assert row[: len(row) // 2 - 2].max() == 0
    assert row[len(row) // 2 + 2 :].min() > 230


def test_the_tile_is_shown_to_the_network_again(localizer: IndexLocalizer) -> None:
    """Its map is as red as the tile's own pixels, but for the compression of the pictures."""
    query = Query(top_k=1, camera=CameraHints(fov_deg=360.0), wants_attention=True)
    answer, _ = localize(localizer, encode(_right_half_is_red()), query)
    assert answer.attention is not None
    number = int(answer.candidates[0].tile.id[1:])
    assert (answer.candidates[0].lat, answer.candidates[0].lon) == pytest.approx(position(number), abs=1e-6)
    found = answer.attention.tile
    assert found is not None
    at = ((np.arange(28) + 0.5) / 28 * 8).astype(int)
    red = tile_pixels(number)[..., 0].reshape(8, 4, 8, 4).mean(axis=(1, 3))[np.ix_(at, at)] / 255
    assert np.corrcoef(found.ravel(), red.ravel())[0, 1] > 0.95


def test_photos_that_do_not_ask_are_not_run_for_those_that_do(localizer: IndexLocalizer, encoder: Looking) -> None:
    client, photo = Client(create_app(Settings(), localizer)), encode(_right_half_is_red())
    encoder.runs.clear()

    async def together(http: httpx.AsyncClient) -> list[httpx.Response]:
        def send(**more: str) -> Any:
            headers = {"Content-Type": "image/png"}
            return http.post("/localize", content=photo, params={**WHOLE_CIRCLE, **more}, headers=headers)

        return list(await asyncio.gather(*(send(include="attention") if n % 2 else send() for n in range(6))))

    answers = client.run(together)
    assert [("attention" in answer.json()) for answer in answers] == [False, True] * 3
    for asked in (False, True):
        assert sum(count for count, attended in encoder.runs if attended is asked) == 3


class Mute(Looking):
    """A bundle that was exported before there was a second output."""

    def attends(self, view: Any) -> bool:  # noqa: ARG002
        return False


def test_a_bundle_that_tells_nothing_says_so(looking_index: Index) -> None:
    client = Client(create_app(Settings(), IndexLocalizer(Mute(), Searcher(looking_index))))
    answer = client.raw(encode(_right_half_is_red()), include="attention", **WHOLE_CIRCLE).json()
    assert "attention" not in answer
    assert "attention_unavailable" in [notice["code"] for notice in answer["notices"]]


class HalfBlind(Looking):
    """Its other network cannot be loaded."""

    def aerial_attention(self, pixels: NDArray[np.float32]) -> NDArray[np.float32] | None:  # noqa: ARG002
        raise ModelUnreadable("aerial.onnx is damaged.")


def test_a_tile_that_cannot_be_explained_costs_no_answer(looking_index: Index) -> None:
    client = Client(create_app(Settings(), IndexLocalizer(HalfBlind(), Searcher(looking_index))))
    answer = client.raw(encode(_right_half_is_red()), include="attention", **WHOLE_CIRCLE)
    assert answer.status_code == 200
    assert set(answer.json()["attention"]) == {"kind", "photo"}
