"""What a search over cells at every heading costs: FAISS, inner products in blocks, and correlation by frequency.

    python -m benchmarks.search_cells --tiles 1300
    python -m benchmarks.search_cells --tiles 20000

All three give the best similarity of every cell over all shifts, on one thread and random unit descriptions.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is loaded

import faiss
import numpy as np
from numpy.typing import NDArray

from models.columns import every_turn, shifts
from models.correlation import Spectra

ROWS_PER_STEP = 8192
KEPT = 2500
ROUNDS = 5


def unit_rows(count: int, size: int, rng: np.random.Generator) -> NDArray[np.float16]:
    rows = np.empty((count, size), np.float16)
    for start in range(0, count, ROWS_PER_STEP):
        drawn = rng.standard_normal((min(ROWS_PER_STEP, count - start), size), dtype=np.float32)
        rows[start : start + len(drawn)] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return rows


def milliseconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - started))
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=1300)
    parser.add_argument("--cells", type=int, default=25)
    parser.add_argument("--columns", type=int, default=32)
    parser.add_argument("--channels", type=int, default=24)
    parser.add_argument("--turns", type=int, choices=(1, 2), default=2, help="Headings tried for each column.")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = unit_rows(given.tiles * given.cells, given.columns * given.channels, rng)
    photo = unit_rows(1, given.columns * given.channels, rng).astype(np.float32).reshape(given.columns, -1)
    every = every_turn(given.columns, given.turns)
    queries = shifts(photo, given.columns, every)
    faiss.omp_set_num_threads(1)
    index = faiss.IndexScalarQuantizer(rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    for start in range(0, len(rows), ROWS_PER_STEP):
        index.add(rows[start : start + ROWS_PER_STEP].astype(np.float32))
    spectra = Spectra.of(rows, given.columns, given.cells)

    def multiply() -> list[NDArray[np.float32]]:
        steps = range(0, len(rows), ROWS_PER_STEP)
        return [(rows[start : start + ROWS_PER_STEP].astype(np.float32) @ queries.T).max(axis=1) for start in steps]

    def correlate() -> list[NDArray[np.float32]]:
        return [curves.max(axis=(0, 1)) for _, curves in spectra.curves(queries[:1], every)]

    apart = float(np.abs(np.concatenate(multiply()) - np.concatenate(correlate())).max())
    searched = milliseconds(lambda: index.search(queries, min(KEPT, len(rows))))
    print(
        f"{given.tiles} tiles x {given.cells} cells, {len(every)} headings: FAISS (float16, {KEPT} rows) "
        f"{searched:.0f} ms, inner products {milliseconds(multiply):.0f} ms, "
        f"correlation {milliseconds(correlate):.0f} ms; the last two differ by at most {apart:.1e}"
    )


if __name__ == "__main__":
    main()
