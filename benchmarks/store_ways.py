"""Ways to keep a row in about 96 bytes, compared: `python -m benchmarks.store_ways --cache FOLDER`.

Rows, photos and cache are those of `benchmarks.stores`. FAISS names the best cells over all headings; their tiles are
ordered exactly. Told is the share of the photos that exact search finds (the tile of the camera among the ten best)
which is found with so many candidate cells; a little above 1 is luck with rivals that were overlooked.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

import faiss
import numpy as np

from benchmarks.store_rows import FIELDS_DEG, Float32s, RealRows, headings, real_rows
from benchmarks.stores import CITIES, PHOTOS, TOP
from models.correlation import Spectra

WAYS = (
    "IVF128,SQ8",
    "IVF128,PQ128x4fs",
    "PQ128x4fs",
    "PQ96x4fs",
    "IVF128,PQ64",
    "RaBitQ",
    "PCA640,RaBitQ",
    "PCA384,PQ128x4fs",
)
PROBED = 32
SHORT = (256, 1024, 2048)
TRAINED = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "skyfix-store-rows")
    parser.add_argument("--ways", nargs="+", default=WAYS)
    given = parser.parse_args()
    real = real_rows(given.cache, *CITIES[1])
    rows = real.rows.reshape(-1, real.rows.shape[2]).astype(np.float32)
    best = {fov: _curves(real, fov) for fov in FIELDS_DEG}
    print(f"{len(rows):,} rows | build | bytes a row | photo | ms | " + " | ".join(f"{short} cells" for short in SHORT))
    for way in given.ways:
        started = time.perf_counter()
        found: Any = faiss.index_factory(rows.shape[1], way, faiss.METRIC_INNER_PRODUCT)
        chosen = np.sort(np.random.default_rng(1).choice(len(rows), TRAINED, replace=False))
        found.train(rows[chosen])
        found.add(rows)
        build_s = time.perf_counter() - started
        if way.startswith("IVF"):
            found.nprobe = PROBED
        held = len(faiss.serialize_index(found)) / len(rows)
        for fov in FIELDS_DEG:
            ms, shares = _ask(found, real, fov, best[fov])
            told = " | ".join(f"{share:.3f}" for share in shares)
            print(f"{way} | {build_s:.0f} s | {held:.1f} | {fov:g}° | {ms:.0f} | {told}", flush=True)


def _curves(real: RealRows, fov_deg: float) -> Float32s:
    """(Q, N) similarities of all tiles at the best heading."""
    tiles, cells, size = real.rows.shape
    spectra = Spectra.of(real.rows.reshape(-1, size), real.columns, cells)
    every, found = np.arange(real.columns), []
    for photo in real.photos[fov_deg][:PHOTOS]:
        best = np.concatenate([curves.max(axis=(0, 1)) for _, curves in spectra.curves(photo[None], every)])
        found.append(best.reshape(tiles, cells).max(axis=1))
    return np.stack(found)


def _ask(found: Any, real: RealRows, fov_deg: float, best: Float32s) -> tuple[float, list[float]]:
    """Milliseconds of FAISS for a photo, and the share of exact search's photos for each number of candidates."""
    hits, exact, times = np.zeros(len(SHORT)), 0, []
    for photo, right, similarity in zip(real.photos[fov_deg], real.right.tolist(), best, strict=False):
        exact += right in np.argsort(-similarity)[:TOP]
        queries = headings(photo, real.columns)
        started = time.perf_counter()
        close, cells = found.search(queries, max(SHORT))
        times.append(time.perf_counter() - started)
        ordered = cells.ravel()[np.argsort(np.where(cells.ravel() < 0, np.inf, -close.ravel()), kind="stable")]
        _, first = np.unique(ordered, return_index=True)
        ordered = ordered[np.sort(first)]
        for place, short in enumerate(SHORT):
            kept = ordered[:short]
            tiles = np.unique(kept[kept >= 0] // real.rows.shape[1])
            hits[place] += right in tiles[np.argsort(-similarity[tiles])[:TOP]]
    return 1000 * float(np.median(times)), (hits / exact).tolist()


if __name__ == "__main__":
    main()
