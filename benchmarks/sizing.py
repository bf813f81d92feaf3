"""What 1, 10 and 100 million tiles take, from bytes and rates measured here: `python -m benchmarks.sizing`.

    python -m benchmarks.sizing --memory-gb 128 --gpu-tiles-per-s 2000
    python -m benchmarks.sizing --profile other=800,60 --price-gb-month P --price-machine-month Q --price-core-hour R

Small indexes are published and opened in processes of their own, and what FAISS keeps for the other search profiles is
built of their rows; two sizes of each give what one more tile takes. Seconds are those of one core (CPU time). What a
profile holds in memory is what its file has; the stored vectors, of which it reads a short list, stay on the disk. A
profile of another kind is given as NAME=DISK,MEMORY in bytes a row. Prices are the reader's, in any currency; without
them there are no costs.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, NamedTuple

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

import faiss
import numpy as np
import rasterio
from rasterio.transform import from_origin

from benchmarks.made_index import CELLS, DEFAULT, random_rows, square_of, write_index
from benchmarks.size_model import Layout, Means, Profile, lines
from index.build import build_index
from index.bundle import open_index, resolve_generation
from index.manifest import TILES, VECTORS
from index.nearby import Nearby
from index.search import Searcher
from index.sources.opening import open_source
from index.stores.profiles import build_faiss
from index.table import read_table
from models.bundle import Embedding, default_bundle_path, open_model_bundle
from models.columns import shifts
from models.encoder import OnnxEncoder

FaissProfile = Literal["balanced", "compact"]
APPROXIMATE: tuple[FaissProfile, ...] = ("balanced", "compact")
COUNTS = (1_000_000, 10_000_000, 100_000_000)
ROUNDS = 3
JOB_TILES, METRES_PER_PIXEL = 12, 0.3
"""A side of the square of tiles that the index job is timed on."""
PLAIN_STRIDE_M = 40.0
"""A quarter of a tile: what is chosen for models that know their centre only."""


class Kind(NamedTuple):
    name: str
    embedding: Embedding
    has_cells: bool
    stride_m: float
    sides: tuple[int, int]
    """Of the squares of tiles that are measured."""


KINDS = (
    Kind("25 cells of 768 (default bundle)", DEFAULT, True, CELLS.stride_m, (22, 44)),
    Kind("one vector of 384", Embedding(columns=1, channels=384), False, PLAIN_STRIDE_M, (200, 400)),
    Kind("one vector of 1000", Embedding(columns=1, channels=1000), False, PLAIN_STRIDE_M, (150, 300)),
)


class Taken(NamedTuple):
    memory: float
    open_s: float
    search_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Means):
        parser.add_argument("--" + field.name.replace("_", "-"), type=type(field.default), default=field.default)
    parser.add_argument("--profile", type=_profile, action="append", default=[], metavar="NAME=DISK,MEMORY")
    parser.add_argument("--plain-tiles-per-s", type=float, default=0.0, help="one core, models of one vector a tile")
    given = parser.parse_args()
    means = Means(**{field.name: getattr(given, field.name) for field in fields(Means)})
    with tempfile.TemporaryDirectory() as folder:
        rate = measure_job(Path(folder) / "job")
        print(f"index job with the default bundle: {rate:.1f} tiles a core second, cutting and publishing in it\n")
        for number, kind in enumerate(KINDS):
            tiles_per_s = rate if kind.has_cells else given.plain_tiles_per_s
            layout = measure(Path(folder) / f"kind{number}", kind, tiles_per_s, given.profile)
            _print(layout, means)


def _profile(text: str) -> Profile:
    name, _, figures = text.partition("=")
    disk, memory = (float(figure) for figure in figures.split(","))
    return Profile(name, disk, memory)


def _print(layout: Layout, means: Means) -> None:
    exact, *others = layout.profiles
    besides = ", ".join(f"{profile.memory:,.0f} bytes {profile.name}" for profile in others)
    print(
        f"{layout.name}: a tile {layout.vector_bytes:,.0f} bytes of vectors and {layout.table_bytes:.0f} of table; in "
        f"memory a row {exact.memory:,.0f} bytes, and {layout.table_memory:.0f} more a tile; what others hold of "
        f"a row, on the disk besides: {besides}\n"
    )
    columns = [list(lines(layout, count, means)) for count in COUNTS]
    print(f"| {layout.name} | " + " | ".join(f"{count // 1_000_000} M tiles" for count in COUNTS) + " |")
    print("|---|" + "---:|" * len(COUNTS))
    for row in zip(*columns, strict=True):
        print(f"| {row[0][0]} | " + " | ".join(figure for _, figure in row) + " |")
    print()


def measure(base: Path, kind: Kind, tiles_per_s: float, profiles: list[Profile]) -> Layout:
    """Publish two sizes of a kind of index and tell what a tile takes."""
    counts = [side * side for side in kind.sides]
    folders = [_publish(base / f"s{side}", kind, side) for side in kind.sides]
    more = counts[1] - counts[0]
    small, large = (_apart(folder, "index") for folder in folders)
    small_table, large_table = (_apart(folder, "table") for folder in folders)
    rows = CELLS.count if kind.has_cells else 1
    table_memory = max(0.0, (large_table.memory - small_table.memory) / more)
    memory = (large.memory - small.memory) / more - table_memory
    vector_bytes, table_bytes = ((_size(folders[1], n) - _size(folders[0], n)) / more for n in (VECTORS, TILES))
    return Layout(
        name=kind.name,
        stride_m=kind.stride_m,
        rows=rows,
        vector_bytes=vector_bytes,
        table_bytes=table_bytes,
        table_memory=table_memory,
        search_s=large.search_s / counts[1],
        open_s=large.open_s / counts[1],
        tiles_per_s=tiles_per_s,
        profiles=(
            Profile("exact", 0.0, memory / rows),
            *(_measure_profile(kind, profile) for profile in APPROXIMATE),
            *profiles,
        ),
    )


def _publish(root: Path, kind: Kind, side: int) -> Path:
    cells = CELLS if kind.has_cells else None
    shape = (side * side, CELLS.count, kind.embedding.size) if cells else (side * side, kind.embedding.size)
    vectors = random_rows(int(np.prod(shape[:-1])), kind.embedding).reshape(shape)
    lat, lon = square_of(side, kind.stride_m)
    options = {"stride_m": kind.stride_m, "embedding": kind.embedding, "cells": cells}
    return write_index(root, lat, lon, vectors, np.arange(side * side), **options)  # type: ignore[arg-type]


def _measure_profile(kind: Kind, name: FaissProfile) -> Profile:
    """What one more row adds to search.faiss."""
    counts = [side * side * (CELLS.count if kind.has_cells else 1) for side in kind.sides]
    sizes = [len(faiss.serialize_index(build_faiss(random_rows(count, kind.embedding), name))) for count in counts]
    a_row = (sizes[1] - sizes[0]) / (counts[1] - counts[0])
    return Profile(name, a_row, a_row)


def _size(root: Path, name: str) -> int:
    return (resolve_generation(root) / name).stat().st_size


def _apart(folder: Path, what: Literal["index", "table"]) -> Taken:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(open_and_ask, folder, what).result()


def open_and_ask(folder: Path, what: Literal["index", "table"]) -> Taken:
    """In a fresh process: resident bytes that an index, or its table alone, adds, and seconds to open and ask it."""
    before, started = _resident(), time.process_time()
    if what == "table":
        tiles = read_table(resolve_generation(folder) / TILES)
        kept = (tiles, Nearby(tiles))
        return Taken(_resident() - before, time.process_time() - started, 0.0 * len(kept))
    searcher = Searcher(open_index(folder))
    open_s, memory = time.process_time() - started, _resident() - before
    layout = searcher.about.embedding
    queries = shifts(
        random_rows(1, layout).astype(np.float32).reshape(layout.columns, -1), layout.columns, layout.turns
    )
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        searcher.search(queries, 5)
        times.append(time.process_time() - started)
    return Taken(memory, open_s, min(times))


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure_job(base: Path) -> float:
    """Tiles a core second of the whole index job, from a GeoTIFF of noise to a published index."""
    base.mkdir()
    encoder = OnnxEncoder(open_model_bundle(default_bundle_path()), views=("aerial",))
    view = encoder.manifest.aerial
    side_px = int(((JOB_TILES - 1) * CELLS.stride_m + view.footprint_m) / METRES_PER_PIXEL) + 2
    pixels = np.random.default_rng(0).integers(0, 256, (3, side_px, side_px), dtype=np.uint8)
    where = from_origin(500_000.0, 5_500_000.0, METRES_PER_PIXEL, METRES_PER_PIXEL)
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "crs": "EPSG:32632", "transform": where}
    with rasterio.open(base / "ortho.tif", "w", width=side_px, height=side_px, **profile) as file:
        file.write(pixels)
    source = open_source([base / "ortho.tif"], footprint_m=view.footprint_m, size_px=view.size_px, cells=view.cells)
    started = time.process_time()
    report = build_index(source, encoder, base / "index", name="job", workers=1)
    return report.count / (time.process_time() - started)


if __name__ == "__main__":
    main()
