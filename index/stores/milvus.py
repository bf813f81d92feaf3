"""A Milvus server as a store: it finds candidates, the bundle says whether they can be true.

Nothing is believed for its own sake: a collection is held against the manifest, the search against the bundle's probes
before its first answer, every answer against the rows that exist and, with the bundle's rows at hand, against their
inner products. (A GPU index of Milvus 2.6 gave random neighbours and an index state "Finished": its issue 49864.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.bundle import Index
from index.hits import NO_HITS, NO_ROWS, CellHits, Float32s, Hits, Int64s
from index.probes import TOLERANCE, probe_recall
from index.runs import Runs
from index.stores.milvus_answers import NOTHING, Answers, read_answers
from index.stores.milvus_collection import (
    VECTOR,
    alias_of,
    check_identity,
    count,
    described,
    index_type_of,
    is_half,
    resolved,
)
from index.stores.milvus_filter import expression, fewer, holds, split
from index.stores.milvus_wire import DEADLINE_S, Wire
from index.stores.scan import best_of_cells, best_tiles_in
from index.stores.store import Layout
from models.errors import (
    BackendRefused,
    BackendUnavailable,
    BundleMissing,
    EncoderNonFinite,
    ParameterError,
    ProbeFailed,
)

MOST = 16_384
"""Hits a query that a server gives at most."""
SPARE, WIDER = 16, 4
"""Hits beyond those asked for, and how many times more a search that could not be complete is repeated with."""
HALF_DOUBT, DOUBT = 1e-3, 2e-5
"""Twice what an inner product may be off, for a query of unit norm, rounded to float16 and as float32."""
LOAD_S, NOT_LOADED = 60.0, 101
"""How long a server may take to load a collection, and the code of an error that says it has not."""
EXACT = {"FLAT": 1.0, "GPU_BRUTE_FORCE": 1.0}
APPROXIMATE = 0.95
"""Share of the probes' answers that an index of another type must give."""


@dataclass(frozen=True, slots=True)
class Held:
    """The collection that a store asks."""

    collection: str
    half: bool
    """Whether its vectors, and so the queries, are float16."""
    index_type: str

    @property
    def recall(self) -> float:
        return EXACT.get(self.index_type, APPROXIMATE)


class MilvusStore:
    """See VectorStore; made by `open_milvus`, or unchecked for a collection that is being filled.

    Args:
        wire: to the server.
        held: the collection.
        layout: of its rows.
        rows: (N * C, D) float16 of the bundle, in memory or mapped, to settle candidates by; without, similarities are
            those of the server.

    Raises, in every search:
        BackendUnavailable: no answer in time, or one that cannot be true.
    """

    name = "milvus"

    def __init__(self, wire: Wire, held: Held, layout: Layout, rows: NDArray[np.float16] | None = None) -> None:
        self.layout, self.held = layout, held
        self._wire, self._rows = wire, rows
        self._doubt = HALF_DOUBT if held.half else DOUBT

    def best_tiles(self, queries: Float32s, k: int, within: Runs | None = None) -> Hits:
        cells = self.layout.cells
        tiles, similarity, answers, chosen = self._found(queries, k, within, cells)
        if not len(tiles):
            return NO_HITS
        if self._rows is not None:
            return best_tiles_in(self._rows.reshape(-1, cells, self.layout.size), Runs.of(np.sort(tiles)), queries, k)
        return Hits(tiles, similarity, answers.shift[chosen], answers.rows[chosen] % cells).best(k)

    def best_cells(self, queries: Float32s, k: int, within: Runs | None = None) -> CellHits:
        found, similarity, answers, chosen = self._found(queries, k, within, 1)
        if self._rows is not None and len(found):
            return best_of_cells(self._rows, self.layout, np.sort(found), queries, k)
        return CellHits(*np.divmod(found[:k], self.layout.cells), similarity[:k], answers.shift[chosen[:k]])

    def top(self, queries: Float32s, k: int) -> tuple[Int64s, Float32s]:
        """Answer each query by itself, in one call: see `index.probes.TopRows`; row -1 where too few came back."""
        answers = self._ask(queries, k + SPARE, "")
        similarity = self._held_against_rows(answers, queries)
        rows, best = np.full((len(queries), k), -1), np.full((len(queries), k), -np.inf, np.float32)
        for shift in range(len(queries)):
            mine = np.flatnonzero(answers.shift == shift)
            order = mine[np.lexsort((answers.rows[mine], -similarity[mine]))][:k]
            rows[shift, : len(order)], best[shift, : len(order)] = answers.rows[order], similarity[order]
        return rows, best

    def close(self) -> None:
        self._wire.close()

    def _found(
        self, queries: Float32s, k: int, within: Runs | None, per_place: int
    ) -> tuple[Int64s, Float32s, Answers, Int64s]:
        """Find all places (cells, or tiles of `per_place` cells) that may be among the k best, best first."""
        _check(queries, k)
        if within is not None and within.count == self.layout.tiles:
            within = None
        if within is not None and not len(within):
            return NO_ROWS, NOTHING.similarity, NOTHING, NO_ROWS
        answers = self._enough(queries, k, within, per_place)
        places, similarity, chosen = answers.best_of(answers.rows // per_place)
        if len(places) > k:
            near = similarity >= similarity[k - 1] - self._doubt * _longest(queries)
            places, similarity, chosen = places[near], similarity[near], chosen[near]
        if self._rows is not None:
            self._held_against_rows(answers.kept(_marked(len(answers.rows), chosen)), queries)
        return places, similarity, answers, chosen

    def _enough(self, queries: Float32s, k: int, within: Runs | None, per_place: int) -> Answers:
        """Ask for more until no unseen cell could be among the k best places."""
        asked = None if within is None else fewer(within)
        limit = min(MOST, (k + SPARE) * min(2, per_place))
        while True:
            answers = self._ask(queries, limit, "" if asked is None else expression(asked))
            answers = self._inside(answers, asked, within)
            _, similarity, _ = answers.best_of(answers.rows // per_place)
            surely = answers.unseen + (self._doubt * _longest(queries) if self.held.half else 0.0)
            if answers.unseen == -np.inf or (len(similarity) >= k and similarity[k - 1] >= surely):
                return answers
            if limit == MOST:
                break
            limit = min(MOST, limit * WIDER)
        if within is None or asked is within:
            return answers
        parts = NOTHING
        for part in split(within):
            parts = parts.joined(self._inside(self._ask(queries, limit, expression(part)), part, part))
        return parts

    def _inside(self, answers: Answers, asked: Runs | None, within: Runs | None) -> Answers:
        if asked is None or within is None:
            return answers
        tiles = answers.rows // self.layout.cells
        if not holds(asked, tiles).all():
            raise BackendUnavailable(f"Milvus at {self._wire.where} gave rows outside the area that was asked for.")
        return answers.kept(holds(within, tiles))

    def _ask(self, queries: Float32s, limit: int, condition: str) -> Answers:
        data = list(queries.astype(np.float16) if self.held.half else queries)
        parameters = {"metric_type": "IP", "params": _effort(self.held.index_type, limit)}

        def search(client: Any, limit_s: float) -> Answers:
            found = client.search(
                self.held.collection,
                data=data,
                filter=condition,
                limit=limit,
                anns_field=VECTOR,
                search_params=parameters,
                consistency_level="Eventually",  # nothing is written after it was pushed
                timeout=limit_s,
            )
            lists = [(list(hits.ids), list(hits.distances)) for hits in found]
            return read_answers(self._wire.where, lists, len(queries), limit, self.layout.rows)

        try:
            return self._wire.call("a search", search)
        except BackendRefused as error:
            if getattr(error.__cause__, "code", None) != NOT_LOADED:
                raise
        load(self._wire, self.held.collection)  # the server was restarted, or somebody released it
        return self._wire.call("a search", search)

    def _held_against_rows(self, answers: Answers, queries: Float32s) -> Float32s:
        """Give the inner products of answers; those of the server must be the same but for rounding."""
        if self._rows is None or not len(answers.rows):
            return answers.similarity
        stored = self._rows[answers.rows].astype(np.float32)
        similarity: Float32s = np.einsum("md,md->m", stored, queries[answers.shift])
        off = np.abs(similarity - answers.similarity).max()
        if not off <= max(self._doubt, TOLERANCE) * max(1.0, _longest(queries)):
            raise BackendUnavailable(
                f"Milvus at {self._wire.where} gave similarities that are off by {off:.4f}: {self.held.collection} "
                f"does not hold these vectors, or its {self.held.index_type} index is broken. Push the index again."
            )
        return similarity


def open_milvus(
    index: Index,
    uri: str,
    collection: str | None = None,
    *,
    token: str = "",
    deadline_s: float = DEADLINE_S,
    rerank: bool = True,
    wire: Wire | None = None,
) -> MilvusStore:
    """Open the collection that an index was pushed to and hold it against the bundle.

    Args:
        index: opened and verified; mapped vectors will do.
        uri: see Wire.
        collection: or alias. [default: the index's name]
        token: see Wire.
        deadline_s: of every search.
        rerank: whether the bundle's rows settle the candidates.
        wire: to use instead of a new one.

    Raises:
        BackendUnavailable: no server, or one that does not answer in time.
        BundleMissing: it has no such collection.
        IndexMismatch: the collection holds something else, or not all of it.
        ProbeFailed: its search does not give the answers that the probes expect.
    """
    line = wire or Wire(uri, token, deadline_s=deadline_s)
    try:
        return _opened(index, line, alias_of(index.manifest, collection), rerank)
    except BaseException:
        if wire is None:
            line.close()
        raise


def check_canary(store: MilvusStore, index: Index) -> float:
    """Ask the probes and give the share of their answers that came back.

    Raises:
        ProbeFailed: less than the collection's type of index promises.
    """
    recall = probe_recall(index.probes, store.top)
    if recall < store.held.recall:
        raise ProbeFailed(
            f"Collection {store.held.collection} gives {recall:.1%} of the answers that the probes of {index.title} "
            f"expect; a {store.held.index_type} index must give {store.held.recall:.0%}. It is not used: push again "
            "with `--fresh`, or with another --index-type."
        )
    return recall


def _opened(index: Index, wire: Wire, alias: str, rerank: bool) -> MilvusStore:
    manifest = index.manifest
    try:
        collection = resolved(wire, alias)
        description = described(wire, collection)
    except BackendRefused as error:
        raise BundleMissing(
            f"Milvus at {wire.where} has no collection {alias}: run `skyfix index push`. ({error})"
        ) from error
    check_identity(wire.where, collection, description, manifest)
    load(wire, collection)
    layout = Layout(len(index), index.cell_count, manifest.embedding.columns, manifest.embedding.size)
    check_count(wire, collection, layout.rows)
    held = Held(collection, is_half(description), index_type_of(wire, collection))
    store = MilvusStore(wire, held, layout, index.cell_rows if rerank else None)
    check_canary(store, index)
    return store


def load(wire: Wire, collection: str) -> None:
    """Have the server hold a collection in memory, as it must before it is asked."""
    wire.call("loading", lambda client, limit_s: client.load_collection(collection, timeout=limit_s), LOAD_S)


def check_count(wire: Wire, collection: str, rows: int) -> None:
    """Raise ProbeFailed unless a collection has so many rows."""
    found = count(wire, collection)
    if found != rows:
        raise ProbeFailed(
            f"Collection {collection} at {wire.where} has {found} rows, the index {rows}. "
            "Run `skyfix index push` again."
        )


def _check(queries: Float32s, k: int) -> None:
    if not np.isfinite(queries).all():
        raise EncoderNonFinite("The photo's description holds values that are not finite; nothing was searched.")
    if not 1 <= k <= MOST - SPARE:
        raise ParameterError("top_k", f"{k} is not from 1 to {MOST - SPARE}, which is what Milvus can give.")


def _effort(index_type: str, limit: int) -> dict[str, int]:
    """Give the parameters of a search, of types that have any."""
    return {"ef": min(32_768, max(128, 2 * limit))} if index_type == "HNSW" else {}


def _longest(queries: Float32s) -> float:
    return float(np.linalg.norm(queries, axis=1).max())


def _marked(length: int, places: Int64s) -> NDArray[np.bool_]:
    mask = np.zeros(length, bool)
    mask[places] = True
    return mask
