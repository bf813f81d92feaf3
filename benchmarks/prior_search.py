"""What a search near a prior costs, beside FAISS with id selectors: `python -m benchmarks.prior_search`.

A million random unit rows lie on a grid of 70 m in Hilbert order; 500 m around a place hold about 160. All stores keep
the same float16 values. Ours is timed from the circle to the hits; FAISS is given its selector ready made, and as many
of its lists as it needs to find all that brute force finds. One thread. The searches are timed taking turns, where each
finds the caches full of what the others read, and one question after another. Needs 4 GB.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is loaded

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.made_index import random_rows, square_of
from index.areas import Circle
from index.hilbert import hilbert_order
from index.nearby import Nearby
from index.stores.scan import best_tiles_in
from index.table import TileTable, make_table
from models.bundle import Embedding
from models.geo import distance_m

STRIDE_M, TRAINED, ROWS_PER_ADD, NOISE = 70.0, 65_536, 65_536, 0.1
OURS = "ours, circle to hits"
TRIED = 20
"""Questions that settle how many lists FAISS needs."""
FAISS: Any = faiss
"""Whose stubs do not know its own keywords."""
Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]
Search = Callable[["Question"], Int64s]


@dataclass(frozen=True)
class Question:
    circle: Circle
    query: Float32s
    """(1, D): a row in the circle, and noise as long as twice itself."""
    rows: int
    """How many lie in the circle."""
    expected: frozenset[int]
    selectors: dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1000, help="tiles a side of the square")
    parser.add_argument("--size", type=int, default=384, help="values a row")
    parser.add_argument("--radius", type=float, default=500.0, help="metres")
    parser.add_argument("--lists", type=int, default=1024, help="of FAISS IVF")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--k", type=int, default=10)
    given = parser.parse_args()
    faiss.omp_set_num_threads(1)
    tiles = _grid(given.side)
    vectors = random_rows(len(tiles), Embedding(columns=1, channels=given.size))
    nearby = Nearby(tiles)
    questions = _ask(tiles, vectors, given.questions, given.radius, given.k)

    def ours(question: Question) -> Int64s:
        return best_tiles_in(vectors, nearby.runs(question.circle), question.query, given.k).rows

    ivf, flat = _ivf(vectors, given.lists), _filled(_flat(given.size), vectors)
    probes = _probes(ivf, questions[:TRIED], given.k)
    searches: dict[str, Search] = {OURS: ours}
    for name in questions[0].selectors:
        searches[f"FAISS IVF, {name}, {probes} of {given.lists} lists"] = _search(ivf, name, given.k, probes)
        searches[f"FAISS flat, {name}"] = _search(flat, name, given.k)
    turns = _turns(searches, questions)
    alone = {name: _turns({name: search}, questions)[name] for name, search in searches.items()}
    rows = np.median([question.rows for question in questions])
    print(
        f"{len(tiles)} rows x {given.size}, {given.radius:g} m ({rows:.0f} rows), best {given.k}, one thread, medians"
    )
    print(f"circle to runs: {_alone(nearby, questions):.3f} ms, one question after another")
    print("taking turns         one after another    recall")
    for name, (median_ms, recall) in turns.items():
        first, again = median_ms / turns[OURS][0], alone[name][0] / alone[OURS][0]
        print(f"{median_ms:6.3f} ms ({first:5.1f} x)  {alone[name][0]:6.3f} ms ({again:5.1f} x)  {recall:.4f}  {name}")
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


def _grid(side: int) -> TileTable:
    lat, lon = square_of(side, STRIDE_M)
    order, blank = hilbert_order(lat, lon), [""] * side**2
    return make_table(blank, lat[order], lon[order], STRIDE_M, np.ones(side**2), blank, blank)


def _ask(tiles: TileTable, vectors: NDArray[np.float16], count: int, radius_m: float, k: int) -> list[Question]:
    """Draw questions about places, with their answers by brute force in float64."""
    rng, asked = np.random.default_rng(1), []
    for row in rng.integers(len(tiles), size=count).tolist():
        circle = Circle(float(tiles.lat[row]), float(tiles.lon[row]), radius_m)
        rows = np.flatnonzero(distance_m(tiles.lat, tiles.lon, circle.lat, circle.lon) <= radius_m)
        query = vectors[[row]].astype(np.float32) + NOISE * rng.standard_normal((1, vectors.shape[1]), np.float32)
        query /= np.linalg.norm(query)
        scores = vectors[rows].astype(np.float64) @ query[0].astype(np.float64)
        mask = np.zeros(len(tiles), np.bool_)
        mask[rows] = True
        selectors = {
            "IDSelectorBatch": FAISS.IDSelectorBatch(rows),
            "IDSelectorBitmap": FAISS.IDSelectorBitmap(np.packbits(mask, bitorder="little")),
        }
        asked.append(Question(circle, query, len(rows), frozenset(rows[np.argsort(-scores)[:k]].tolist()), selectors))
    return asked


def _flat(size: int) -> Any:
    return faiss.IndexScalarQuantizer(size, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def _ivf(vectors: NDArray[np.float16], lists: int) -> Any:
    size, kind = vectors.shape[1], faiss.ScalarQuantizer.QT_fp16
    found = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(size), size, lists, kind, faiss.METRIC_INNER_PRODUCT, False)
    found.cp.niter = 5
    step = max(1, len(vectors) // TRAINED)
    found.train(vectors[::step][:TRAINED].astype(np.float32))
    return _filled(found, vectors)


def _filled(index: Any, vectors: NDArray[np.float16]) -> Any:
    for start in range(0, len(vectors), ROWS_PER_ADD):
        index.add(vectors[start : start + ROWS_PER_ADD].astype(np.float32))
    return index


def _probes(ivf: Any, questions: list[Question], k: int) -> int:
    """Give the fewest lists, doubled until nothing is missing."""
    probes = 1
    while probes < ivf.nlist and _turns({"": _search(ivf, "IDSelectorBitmap", k, probes)}, questions)[""][1] < 1:
        probes = min(2 * probes, ivf.nlist)
    return probes


def _search(index: Any, selector: str, k: int, probes: int | None = None) -> Search:
    def search(question: Question) -> Int64s:
        chosen = question.selectors[selector]
        options = FAISS.SearchParametersIVF(sel=chosen, nprobe=probes) if probes else FAISS.SearchParameters(sel=chosen)
        rows: Int64s = index.search(question.query, k, params=options)[1][0]
        return rows

    return search


def _turns(searches: dict[str, Search], questions: list[Question]) -> dict[str, tuple[float, float]]:
    """Ask everybody each question in turn; give the median milliseconds and the recall of each."""
    times: dict[str, list[float]] = {name: [] for name in searches}
    right, wanted = dict.fromkeys(searches, 0), sum(len(question.expected) for question in questions)
    for question in questions:
        for name, search in searches.items():
            started = time.perf_counter()
            rows = search(question)
            times[name].append(1000 * (time.perf_counter() - started))
            right[name] += len(question.expected.intersection(rows.tolist()))
    return {name: (float(np.median(times[name])), right[name] / wanted) for name in searches}


def _alone(nearby: Nearby, questions: list[Question]) -> float:
    def runs(question: Question) -> Int64s:
        return nearby.runs(question.circle).starts

    return _turns({"": runs}, questions)[""][0]


if __name__ == "__main__":
    main()
