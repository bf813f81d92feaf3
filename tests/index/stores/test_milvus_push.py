from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.stores import milvus_push
from index.stores.exact import ExactStore
from index.stores.milvus import open_milvus
from index.stores.milvus_collection import COMPLETE, FILLING, STATE, count, described, resolved
from index.stores.milvus_push import push
from index.stores.milvus_wire import Wire
from models.errors import BackendUnavailable, BundleMissing, IndexMismatch, ProbeFailed, UsageError
from tests.index.made import unit_rows
from tests.index.stores.lite import SMALL, lite, small_index

BATCH = 50
"""Rows, of the 240 that there are."""


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    line = lite(tmp_path)
    yield line
    line.close()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_push, "BATCH_ROWS", BATCH)


class PowerCut(Exception):
    pass


def _cut_after(rows: int) -> Any:
    def show(done: int, _total: int) -> None:
        if done >= rows:
            raise PowerCut

    return show


def _names(wire: Wire) -> list[str]:
    return sorted(wire.call("a test", lambda client, limit_s: client.list_collections(timeout=limit_s)))


def _state(wire: Wire, name: str) -> str:
    return str(described(wire, name)["properties"][STATE])


@pytest.mark.usefixtures("small_batches")
def test_a_push_is_counted_proved_and_then_named(wire: Wire) -> None:
    index, told = small_index(), []
    report = push(index, wire, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(50, 240), (100, 240), (150, 240), (200, 240), (240, 240)]
    assert (report.rows, report.written, report.probe_recall) == (240, 240, 1.0)
    assert resolved(wire, "small") == report.collection != "small"
    assert _state(wire, report.collection) == COMPLETE
    assert push(index, wire).written == 0
    assert _names(wire) == [report.collection]


def test_a_store_answers_as_the_exact_one(wire: Wire) -> None:
    index, queries = small_index(), unit_rows(4, SMALL.size, seed=9)
    push(index, wire)
    store, exact = open_milvus(index, wire.where, wire=wire), ExactStore(index.cell_rows, SMALL)
    assert store.best_tiles(queries, 7).rows.tolist() == exact.best_tiles(queries, 7).rows.tolist()


@pytest.mark.usefixtures("small_batches")
def test_an_interrupted_push_is_never_trusted_and_goes_on(wire: Wire) -> None:
    index = small_index()
    with pytest.raises(PowerCut):
        push(index, wire, on_progress=_cut_after(100))
    (name,) = _names(wire)
    assert _state(wire, name) == FILLING
    with pytest.raises(BundleMissing, match="has no collection small"):
        open_milvus(index, wire.where, wire=wire)
    with pytest.raises(IndexMismatch, match="not pushed to its end"):
        open_milvus(index, wire.where, name, wire=wire)
    report = push(index, wire)
    assert (report.collection, report.written) == (name, 140)
    assert open_milvus(index, wire.where, wire=wire).held.collection == name


@pytest.mark.usefixtures("small_batches")
def test_rows_that_were_lost_are_written_again(wire: Wire) -> None:
    index = small_index()
    name = push(index, wire).collection
    wire.call("a test", lambda client, limit_s: client.delete(name, ids=[7, 8, 9], timeout=limit_s))
    with pytest.raises(ProbeFailed, match="has 237 rows, the index 240"):
        open_milvus(index, wire.where, wire=wire)
    assert push(index, wire).written == BATCH
    assert count(wire, name) == 240


def test_readers_of_a_generation_keep_it_until_the_next_is_proved(wire: Wire) -> None:
    old, new = small_index(), small_index(generation=2, seed=1)
    first = push(old, wire).collection
    store = open_milvus(old, wire.where, wire=wire)
    with pytest.raises(PowerCut):
        push(new, wire, on_progress=_cut_after(1))
    assert resolved(wire, "small") == first
    second = push(new, wire)
    assert resolved(wire, "small") == second.collection
    assert second.dropped == ()
    query = unit_rows(1, SMALL.size, seed=2)
    assert (
        store.best_tiles(query, 3).rows.tolist() == ExactStore(old.cell_rows, SMALL).best_tiles(query, 3).rows.tolist()
    )
    with pytest.raises(IndexMismatch, match="generation 2, not 1"):
        open_milvus(old, wire.where, wire=wire)
    assert push(small_index(generation=3, seed=2), wire).dropped == (first,)


def test_a_collection_that_fails_the_canary_is_not_named(wire: Wire) -> None:
    index = small_index()
    good = push(index, wire)
    wrong = replace(index.probes, rows=index.probes.rows[::-1].copy(), similarity=index.probes.similarity - 0.5)
    other = small_index(generation=2, seed=1)
    with pytest.raises(ProbeFailed, match=r"gives 0\.0% of the answers .* FLAT index must give 100%"):
        push(replace(other, probes=wrong), wire)
    assert resolved(wire, "small") == good.collection


def test_other_vectors_under_the_right_name_are_refused(wire: Wire) -> None:
    index = small_index()
    name = push(index, wire).collection
    rows = [{"row": 5, "tile": 2, "lat": 0.0, "lon": 0.0, "vector": index.cell_rows[int(index.probes.rows[0, 0])] * 2}]
    rows[0]["vector"] = np.asarray(rows[0]["vector"], np.float32)
    wire.call("a test", lambda client, limit_s: client.upsert(name, data=rows, timeout=limit_s))
    with pytest.raises((BackendUnavailable, ProbeFailed), match=r"off by|of the answers"):
        open_milvus(index, wire.where, wire=wire)


@pytest.mark.slow
def test_a_fresh_push_replaces_what_is_there_only_at_the_end(wire: Wire) -> None:
    index = small_index()
    first = push(index, wire).collection
    with pytest.raises(PowerCut):
        push(index, wire, fresh=True, on_progress=_cut_after(1))
    assert resolved(wire, "small") == first
    again = push(index, wire, fresh=True)
    assert again.collection != first
    assert first in again.dropped
    assert _names(wire) == [again.collection]


def test_an_alias_may_be_chosen_and_must_be_one(wire: Wire) -> None:
    index = small_index()
    report = push(index, wire, "country")
    assert report.alias == "country"
    with pytest.raises(UsageError, match="is a collection, no alias"):
        push(index, wire, report.collection)
    with pytest.raises(UsageError, match="is no name of a collection"):
        push(index, wire, "no-dashes")


@pytest.mark.slow
def test_an_approximate_index_is_held_to_what_it_promises(wire: Wire) -> None:
    report = push(small_index(), wire, index_type="HNSW")
    assert report.index_type == "HNSW"
    assert report.probe_recall >= 0.95
