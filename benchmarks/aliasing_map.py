"""What the map of where places look alike costs a build: `python -m benchmarks.aliasing_map`.

    python -m benchmarks.aliasing_map --side 20 --side 60 --side 90

Indexes of random rows on a grid, as the default bundle describes tiles; the pass that the map takes over each, beside
the describing of some tiles. Milliseconds of CPU time a tile, both on one thread.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy is loaded

import numpy as np

from benchmarks.made_index import random_rows, square_of, write_index
from index.aliasing_file import write_aliasing
from index.aliasing_map import make_aliasing
from index.bundle import open_index
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder

STRIDE_M, CELLS = 32.0, 25
DESCRIBED = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, action="append", help="tiles along a side; repeat for more")
    arguments = parser.parse_args()
    describing_ms = _describing_ms()
    print(f"describing: {describing_ms:.1f} ms a tile")
    for side in arguments.side or [20, 60]:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), side, describing_ms)


def _describing_ms() -> float:
    encoder = OnnxEncoder(open_model_bundle(default_bundle_path()), threads=1, views=("aerial",))
    size = encoder.manifest.aerial.size_px
    pixels = np.random.default_rng(0).standard_normal((1, 3, size, size)).astype(np.float32)
    encoder.aerial(pixels)
    started = time.process_time()
    for _ in range(DESCRIBED):
        encoder.aerial(pixels)
    return (time.process_time() - started) * 1000.0 / DESCRIBED


def _measure(folder: Path, side: int, describing_ms: float) -> None:
    lat, lon = square_of(side, STRIDE_M)
    vectors = random_rows(side * side * CELLS).reshape(side * side, CELLS, -1)
    root = write_index(folder / "made", lat, lon, vectors, np.arange(side * side), stride_m=STRIDE_M)
    index = open_index(root, load="map")
    started, cpu = time.perf_counter(), time.process_time()
    found = make_aliasing(index)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    if found is None:
        raise SystemExit("No two tiles lie far apart: take a longer --side.")
    path = folder / "aliasing.json"
    write_aliasing(path, found)
    mine_ms = cpu_s * 1000.0 / len(index)
    share, size = mine_ms / (mine_ms + describing_ms), path.stat().st_size
    print(f"{len(index):,} tiles: {found.sampled} compared in {seconds:.1f} s, {mine_ms:.2f} ms a tile, {share:.1%}")
    print(f"  {len(found.squares)} squares, {size:,} bytes")


if __name__ == "__main__":
    main()
