from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.stores.milvus import MilvusStore, open_milvus
from index.stores.milvus_push import push
from index.stores.milvus_wire import Wire
from index.stores.store import Layout
from tests.index.stores.conformance import Conformance
from tests.index.stores.lite import index_of, lite


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wire, dict[str, MilvusStore]]]:
    """A server, and the stores in it, so that the same rows are pushed once."""
    wire = lite(tmp_path_factory.mktemp("milvus"))
    yield wire, {}
    wire.close()


class OnLite(Conformance):
    rerank = True

    @pytest.fixture(autouse=True)
    def _shared(self, stores: tuple[Wire, dict[str, MilvusStore]]) -> None:
        self._wire, self._known = stores

    def store_of(self, rows: NDArray[np.float16], layout: Layout, folder: Path) -> MilvusStore:  # noqa: ARG002
        name = "rows_" + sha256(rows.tobytes() + repr(layout).encode()).hexdigest()[:12]
        key = f"{name} {self.rerank}"
        if key not in self._known:
            index = index_of(rows, layout, name)
            push(index, self._wire)
            self._known[key] = open_milvus(index, self._wire.where, wire=self._wire, rerank=self.rerank)
        return self._known[key]


class TestMilvus(OnLite):
    @pytest.fixture
    def layout(self) -> Layout:
        return Layout(tiles=100, cells=3, columns=4, size=24)


@pytest.mark.slow
class TestMilvusOnAllLayouts(OnLite):
    pass


@pytest.mark.slow
class TestMilvusByItselfOnAllLayouts(OnLite):
    """Without the bundle's rows at hand."""

    rerank = False
