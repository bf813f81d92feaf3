"""Recall, latency, bytes and build time of the search profiles: `python -m benchmarks.stores --cache FOLDER`.

    python -m benchmarks.stores --cache FOLDER --rows 10000 100000 1000000

Rows are of a sample city as the default bundle describes it (`benchmarks.store_rows`), kept in the cache, which should
lie outside the repository; a city of 100,000 rows is rendered in some minutes, of 10,000 in one. Beyond what was
rendered, rows are mirrored and turned copies. Photos of 360 and 90 degrees are asked at every heading; a photo is found
if the tile that holds its camera is among the ten best. Latencies are of one photo on one core, rows in the page cache.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

import numpy as np

from benchmarks.store_rows import FIELDS_DEG, Float16s, RealRows, grown, headings, real_rows
from index.manifest import SearchProfile
from index.probes import make_probes
from index.search_file import read_search, write_search
from index.stores.approximate import ApproximateStore, Effort
from index.stores.exact import ExactStore
from index.stores.store import Layout, VectorStore
from models.correlation import Spectra

CITIES = ((20, 200, 5), (64, 400, 6))
"""Tiles a side, places, seed: the first for up to 10,000 rows, the second for more."""
TOP = 10
PHOTOS = 200


class Asked(NamedTuple):
    found: float
    """Share of photos whose tile was among the ten best."""
    median_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "skyfix-store-rows")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000])
    given = parser.parse_args()
    print(
        "| rows | profile | build | bytes a row | found, 360° | found, 90° | of exact | ms, 360° | ms, 90° | effort |"
    )
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|---|")
    for count in given.rows:
        side, places, seed = CITIES[count > CITIES[0][0] ** 2 * 25]
        _measure(real_rows(given.cache, side, places, seed), count, given.cache)


def _measure(real: RealRows, count: int, cache: Path) -> None:
    cells, size = real.rows.shape[1:]
    tiles = count // cells
    path = cache / f"rows-{count}.npy"
    if not path.exists():
        np.save(path, grown(real, tiles).reshape(-1, size))
    rows: Float16s = np.asarray(np.load(path, mmap_mode="r"))
    layout = Layout(tiles, cells, real.columns, size)
    started = time.perf_counter()
    exact = ExactStore(rows, layout)
    build_s = time.perf_counter() - started
    held = sum(block.nbytes for block in Spectra.of(rows[: cells * 100], real.columns, cells).blocks) / (cells * 100)
    best = {fov: _ask(exact, real, fov) for fov in FIELDS_DEG}
    _print(count, "exact", build_s, held, best, best, "all rows")
    del exact
    probes = make_probes(rows)
    for kind in ("balanced", "compact"):
        file = cache / f"{kind}-{count}.faiss"
        started = time.perf_counter()
        profile = write_search(file, rows, layout, SearchProfile.model_validate({"kind": kind}), probes)
        build_s = time.perf_counter() - started
        if profile.effort is None:
            raise SystemExit("So few rows are always compared all: choose more.")
        effort = Effort(profile.effort.probes, profile.effort.short_list)
        found = read_search(file, profile, layout)
        store = ApproximateStore(rows, layout, found, profile.kind, effort)
        asked = {fov: _ask(store, real, fov) for fov in FIELDS_DEG}
        told = f"{effort.probes} of {found.nlist} lists, {effort.short_list} cells"
        _print(count, kind, build_s, file.stat().st_size / len(rows), asked, best, told)


def _ask(store: VectorStore, real: RealRows, fov_deg: float) -> Asked:
    found, times = 0, []
    for photo, right in zip(real.photos[fov_deg][:PHOTOS], real.right.tolist(), strict=False):
        queries = headings(photo, real.columns)
        started = time.perf_counter()
        found += right in store.best_tiles(queries, TOP).rows
        times.append(time.perf_counter() - started)
    return Asked(found / len(times), 1000 * float(np.median(times)))


def _print(
    count: int,
    kind: str,
    build_s: float,
    held: float,
    asked: dict[float, Asked],
    best: dict[float, Asked],
    effort: str,
) -> None:
    share = sum(each.found for each in asked.values()) / sum(each.found for each in best.values())
    worst = min(asked[fov].found / best[fov].found for fov in FIELDS_DEG)
    found = " | ".join(f"{asked[fov].found:.3f}" for fov in FIELDS_DEG)
    took = " | ".join(f"{asked[fov].median_ms:.0f}" for fov in FIELDS_DEG)
    ratio = f"{share:.3f}, worse of both {worst:.3f}"
    print(f"| {count:,} | {kind} | {build_s:.0f} s | {held:.1f} | {found} | {ratio} | {took} | {effort} |", flush=True)


if __name__ == "__main__":
    main()
