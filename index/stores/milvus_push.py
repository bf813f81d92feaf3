"""An index bundle into Milvus: a collection a generation, and an alias that is moved once all of it was proved.

A push that was interrupted goes on: every batch is counted where it lies, and what is not whole is written again. Only
a collection whose rows are all there and whose search answered the probes is marked complete, and only then the alias
that readers open is moved to it, in one step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.bundle import Index
from index.stores.milvus import Held, MilvusStore, check_canary, check_count, load
from index.stores.milvus_collection import (
    ASKED_TYPE,
    COMPLETE,
    FILLING,
    LAT,
    LON,
    ROW,
    STATE,
    TILE,
    VECTOR,
    Filling,
    Identity,
    alias_of,
    count,
    create,
    described,
    filling_in,
    filling_of,
    index_of,
    is_half,
    resolved,
)
from index.stores.milvus_wire import Wire
from index.stores.store import Layout
from models.errors import BackendUnavailable, UsageError

CALL_S = 30.0
BATCH_BYTES, BATCH_ROWS = 4 << 20, 4_096
INDEXED_WITHIN_S, LOOK_AGAIN_S = 3_600.0, 0.5
Progress = Callable[[int, int], None]
"""Told the rows that are there and all there will be."""


@dataclass(frozen=True, slots=True)
class PushReport:
    title: str
    alias: str
    collection: str
    index_type: str
    vectors: str
    """float16 or float32, as the server keeps them."""
    rows: int
    written: int
    """Of the rows, by this push; the others were there."""
    probe_recall: float
    dropped: tuple[str, ...]
    """Collections of older generations, and earlier fillings of this one."""
    seconds: float


def push(
    index: Index,
    wire: Wire,
    alias: str | None = None,
    *,
    index_type: str = "FLAT",
    keep: int = 1,
    fresh: bool = False,
    on_progress: Progress = lambda _done, _total: None,
) -> PushReport:
    """Fill a collection with an index, prove it, and move the alias to it.

    Args:
        index: opened and verified; mapped vectors will do.
        wire: to the server.
        alias: that readers open. [default: the index's name]
        index_type: of the vectors, as Milvus names it, for a collection that is made now.
        keep: collections of other generations that are left, the newest; their readers go on.
        fresh: begin anew even if this generation is there; what is there is used until the new one is proved.
        on_progress: told of every batch.

    Raises:
        BackendUnavailable: the server is gone, or refuses; run it again to go on.
        ProbeFailed: rows are missing after all, or the search does not answer the probes; the alias was left alone.
        UsageError: the alias cannot be, or is a collection.
    """
    start, manifest = time.monotonic(), index.manifest
    name = alias_of(manifest, alias)
    names = _collections(wire)
    if name in names:
        raise UsageError(f"{name} at {wire.where} is a collection, no alias. Choose another --collection.")
    collection = None if fresh else _begun(wire, name, names, index, index_type)
    if collection is None:
        collection = _unused(name, names, index).named(name)
        create(wire, collection, manifest, index_type)
    load(wire, collection)
    description = described(wire, collection)
    half = is_half(description)
    written = _fill(index, wire, collection, half, on_progress)
    told = _wait_for_index(wire, collection)
    held = Held(collection, half, str(told.get("index_type", index_type)))
    layout = Layout(len(index), index.cell_count, manifest.embedding.columns, manifest.embedding.size)
    check_count(wire, collection, layout.rows)
    recall = check_canary(MilvusStore(wire, held, layout, index.cell_rows), index)
    _mark(wire, collection, COMPLETE)
    _point(wire, name, collection)
    dropped = _drop_others(wire, name, collection, keep)
    vectors, seconds = "float16" if half else "float32", time.monotonic() - start
    return PushReport(
        index.title, name, collection, held.index_type, vectors, layout.rows, written, recall, dropped, seconds
    )


def _fill(index: Index, wire: Wire, collection: str, half: bool, on_progress: Progress) -> int:
    """Write the rows that are not there yet and give their number."""
    rows, cells = index.cell_rows, index.cell_count
    step = max(1, min(BATCH_ROWS, BATCH_BYTES // (rows.shape[1] * (2 if half else 4))))
    there, written = count(wire, collection), 0
    if there != len(rows):
        _mark(wire, collection, FILLING)  # it may have been whole once
    for first in range(0, len(rows), step):
        stop = min(first + step, len(rows))
        inside = f"{ROW} >= {first} and {ROW} < {stop}"
        if there == 0 or count(wire, collection, inside) != stop - first:
            _write(wire, collection, _batch(index, first, stop, cells, half), anew=there > 0)
            written += stop - first
        on_progress(stop, len(rows))
    wire.call("a flush", lambda client, limit_s: client.flush(collection, timeout=limit_s), CALL_S)
    return written


def _batch(index: Index, first: int, stop: int, cells: int, half: bool) -> list[dict[str, Any]]:
    numbers = np.arange(first, stop)
    tiles, cell = np.divmod(numbers, cells)
    lat, lon = index.cell_lat_lon(tiles, cell)
    vectors = index.cell_rows[first:stop].astype(np.float16 if half else np.float32)
    columns = zip(numbers.tolist(), tiles.tolist(), lat.tolist(), lon.tolist(), vectors, strict=True)
    return [dict(zip((ROW, TILE, LAT, LON, VECTOR), values, strict=True)) for values in columns]


def _write(wire: Wire, collection: str, batch: list[dict[str, Any]], *, anew: bool) -> None:
    """Write rows; a second try replaces what the first may have left."""
    tries = 1 if anew else 0

    def ask(client: Any, limit_s: float) -> None:
        nonlocal tries
        write = client.upsert if tries else client.insert
        tries += 1
        write(collection, data=batch, timeout=limit_s)

    wire.call("rows", ask, CALL_S)


def _wait_for_index(wire: Wire, collection: str) -> dict[str, Any]:
    """Wait until the server has indexed what it was given: the probes shall ask the index, not what comes before."""
    end = time.monotonic() + INDEXED_WITHIN_S
    while int((told := index_of(wire, collection)).get("pending_index_rows", 0)) > 0:
        if time.monotonic() > end:
            raise BackendUnavailable(
                f"Milvus at {wire.where} has not indexed {told['pending_index_rows']} rows of {collection} within "
                f"{INDEXED_WITHIN_S:.0f} s. Look at its server, then push again to go on."
            )
        time.sleep(LOOK_AGAIN_S)
    return told


def _begun(wire: Wire, alias: str, names: list[str], index: Index, index_type: str) -> str | None:
    """Give the newest collection of this very index, whole or not; None without one."""
    wanted = Identity.of(index.manifest).properties | {ASKED_TYPE: index_type}
    first = filling_of(index.manifest)
    mine = [found for name in names if (found := filling_in(name, alias)) and found.sha == first.sha]
    for found in sorted(mine, reverse=True):
        properties = described(wire, found.named(alias)).get("properties", {})
        if wanted.items() <= properties.items():
            return found.named(alias)
    return None


def _unused(alias: str, names: list[str], index: Index) -> Filling:
    attempts = [found.attempt for name in names if (found := filling_in(name, alias))]
    return filling_of(index.manifest, max(attempts, default=0) + 1)


def _mark(wire: Wire, collection: str, state: str) -> None:
    wire.call(
        "a mark",
        lambda client, limit_s: client.alter_collection_properties(
            collection, properties={STATE: state}, timeout=limit_s
        ),
        CALL_S,
    )


def _point(wire: Wire, alias: str, collection: str) -> None:
    """Let an alias stand for a collection; moving it is one step of the server."""
    now = resolved(wire, alias)
    if now == collection:
        return
    if now == alias:
        wire.call("an alias", lambda client, limit_s: client.create_alias(collection, alias, timeout=limit_s), CALL_S)
    else:
        wire.call("an alias", lambda client, limit_s: client.alter_alias(collection, alias, timeout=limit_s), CALL_S)


def _drop_others(wire: Wire, alias: str, collection: str, keep: int) -> tuple[str, ...]:
    """Drop what no reader opens any more: all but the newest other generations, and other fillings of this one."""
    now = filling_in(collection, alias)
    others = [found for name in _collections(wire) if name != collection and (found := filling_in(name, alias))]
    past = [found for found in sorted(others, reverse=True) if now is None or found.sha != now.sha]
    old = [found.named(alias) for found in others if found not in past[:keep]]
    for name in old:
        _drop(wire, name)
    return tuple(old)


def _drop(wire: Wire, collection: str) -> None:
    wire.call("a collection to go", lambda client, limit_s: client.drop_collection(collection, timeout=limit_s), CALL_S)


def _collections(wire: Wire) -> list[str]:
    found = wire.call("its collections", lambda client, limit_s: client.list_collections(timeout=limit_s))
    return list(found)
