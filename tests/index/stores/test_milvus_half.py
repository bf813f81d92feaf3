"""Milvus with float16 vectors, which milvus-lite does not have: a stand-in for the server rounds as one does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from index.stores.milvus import Held, MilvusStore, check_canary
from index.stores.milvus_wire import Found, Wire
from index.stores.store import Layout
from models.errors import BackendUnavailable, ProbeFailed
from tests.index.stores.conformance import Conformance
from tests.index.stores.lite import small_index

HELD = Held("made", half=True, index_type="GPU_BRUTE_FORCE")
RANGE = re.compile(r"tile == (\d+)|tile >= (\d+) and tile < (\d+)")


class OneList(NamedTuple):
    ids: list[int]
    distances: list[float]


class Brute:
    """Compares all rows with float16 queries; `order` may give other neighbours than the best."""

    def __init__(self, rows: NDArray[np.float16], cells: int) -> None:
        self.rows, self._tiles = rows, np.arange(len(rows)) // cells
        self.order: Callable[[NDArray[np.float32]], NDArray[np.int64]] = lambda scores: np.argsort(-scores)
        self.added = 0.0

    def search(self, _name: str, *, data: list[Any], filter: str, limit: int, **_: Any) -> list[OneList]:  # noqa: A002
        assert all(query.dtype == np.float16 for query in data)
        allowed = np.ones(len(self.rows), bool)
        if filter:
            bounds = [(int(one or low), int(one) + 1 if one else int(high)) for one, low, high in RANGE.findall(filter)]
            allowed = np.any([(self._tiles >= low) & (self._tiles < high) for low, high in bounds], axis=0)
        found, places = [], np.flatnonzero(allowed)
        for query in data:
            scores = self.rows[places].astype(np.float32) @ query.astype(np.float32)
            best = self.order(scores)[:limit]
            found.append(OneList(places[best].tolist(), (scores[best] + self.added).tolist()))
        return found


class ToBrute(Wire):
    def __init__(self, server: Brute) -> None:
        super().__init__("http://stand-in:19530")
        self._server = server

    def call(self, what: str, ask: Callable[[Any, float], Found], deadline_s: float | None = None) -> Found:  # noqa: ARG002
        return ask(self._server, 1.0)


class TestHalf(Conformance):
    """With the bundle's rows, what float16 queries round away is settled."""

    def store_of(self, rows: NDArray[np.float16], layout: Layout, folder: Path) -> MilvusStore:  # noqa: ARG002
        return MilvusStore(ToBrute(Brute(rows, layout.cells)), HELD, layout, rows)


@pytest.fixture
def server() -> Brute:
    index = small_index()
    return Brute(index.cell_rows, index.cell_count)


def _store(server: Brute, rerank: bool) -> MilvusStore:
    index = small_index()
    layout = Layout(len(index), index.cell_count, index.manifest.embedding.columns, index.manifest.embedding.size)
    return MilvusStore(ToBrute(server), HELD, layout, index.cell_rows if rerank else None)


def test_a_server_that_is_right_passes_the_canary(server: Brute) -> None:
    assert check_canary(_store(server, rerank=True), small_index()) == 1.0


@pytest.mark.parametrize("rerank", [True, False])
def test_random_neighbours_do_not_pass_the_canary(server: Brute, rerank: bool) -> None:
    rng = np.random.default_rng(0)
    server.order = lambda scores: rng.permutation(len(scores))
    with pytest.raises(ProbeFailed, match=r"gives \d+\.\d% of the answers .* GPU_BRUTE_FORCE index must give 100%"):
        check_canary(_store(server, rerank), small_index())


def test_similarities_that_are_not_those_of_the_rows_are_refused(server: Brute) -> None:
    server.added = 0.01
    with pytest.raises(BackendUnavailable, match=r"off by 0\.01"):
        _store(server, rerank=True).best_tiles(np.full((1, 16), 0.25, np.float32), 3)
    with pytest.raises(ProbeFailed):
        check_canary(_store(server, rerank=False), small_index())
