"""How long a server waits for a large index: every byte against its checksum, every check on, then the first answer.

    python -m benchmarks.open_index --gb 4
    python -m benchmarks.open_index --gb 4 --profile compact

The index is made of random rows in the layout of the default bundle (25 cells of 768 values a tile) or of plain
vectors of 384 values; its files are in the page cache or not, as the system pleases.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.assembly import Assembly
from index.bundle import open_index
from index.hilbert import hilbert_order
from index.manifest import IndexManifest, SearchProfile
from index.nearby import Nearby
from index.publish import publish
from index.search import Searcher
from index.table import TileTable, make_table
from index.tiles import Bounds
from models.artefact import verify_files
from models.bundle import Embedding
from models.cells import Cells
from models.geo import offset

STRIDE_M, FOOTPRINT_M = 32.0, 160.0
LAYOUTS = {
    "25 cells of 768": (Embedding(columns=32, channels=24), Cells(per_side=5, spacing_m=6.4)),
    "plain of 384": (Embedding(columns=1, channels=384), None),
}
ROWS_AT_ONCE = 65_536


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=1.0, help="size of the vectors")
    parser.add_argument("--profile", choices=["balanced", "compact"], help="what the index is published for")
    given = parser.parse_args()
    profile = None if given.profile is None else SearchProfile(kind=given.profile)
    for name, (embedding, cells) in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as folder:
            _measure(name, write_index(Path(folder), given.gb, embedding, cells, profile))


def write_index(
    root: Path, gb: float, embedding: Embedding, cells: Cells | None, profile: SearchProfile | None = None
) -> Path:
    """Publish an index of random unit rows; give the folder of its generation."""
    shape = (embedding.size,) if cells is None else (cells.count, embedding.size)
    count = max(1, int(gb * 1e9 / 2 / np.prod(shape)))
    vectors = np.lib.format.open_memmap(root / "rows.npy", mode="w+", dtype=np.float16, shape=(count, *shape))
    _fill(vectors.reshape(-1, embedding.size))
    manifest = IndexManifest(
        name="large",
        generation=1,
        created="2026-01-01T00:00:00Z",
        model_sha256="0" * 64,
        model_title="none@1",
        model_label="random rows",
        preprocessing_sha256="0" * 64,
        embedding=embedding,
        cells=cells,
        count=count,
        footprint_m=FOOTPRINT_M,
        stride_m=STRIDE_M,
        ground_resolution_m=0.3,
        bounds=Bounds(8.0, 47.0, 12.0, 51.0),
        source="random",
        attribution="",
        profile=profile,
    )
    order = np.arange(count)
    assembly = Assembly(_grid(count), [None] * count, [vectors], np.zeros(count, dtype=np.int64), order)
    folder = publish(root, manifest, assembly, [])
    (root / "rows.npy").unlink()
    return folder


def _fill(rows: NDArray[np.float16]) -> None:
    rng = np.random.default_rng(0)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rng.standard_normal((min(ROWS_AT_ONCE, len(rows) - start), rows.shape[1]), dtype=np.float32)
        rows[start : start + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)


def _grid(count: int) -> TileTable:
    """A square of tiles in the order of an index."""
    row, column = np.divmod(np.arange(count), int(np.ceil(np.sqrt(count))))
    lat, lon = offset(48.0, 9.0, column * STRIDE_M, row * STRIDE_M)
    order = hilbert_order(lat, lon)
    ids = [f"large-r{row[n]:05d}-c{column[n]:05d}" for n in order]
    return make_table(ids, lat[order], lon[order], FOOTPRINT_M, np.full(count, 0.3), [None] * count, ["random"] * count)


def _measure(name: str, folder: Path) -> None:
    size_gb = (folder / "vectors.npy").stat().st_size / 1e9
    manifest = open_index(folder, load="map").manifest
    hashing = _seconds(lambda: verify_files(folder, manifest.files))
    mapped = _seconds(lambda: open_index(folder, load="map"))
    read = _seconds(lambda: open_index(folder, load="ram"))
    index = open_index(folder, load="map")
    asking = _seconds(lambda: Searcher(index))
    near = _seconds(lambda: Nearby(index.tiles))
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{name}: {len(index):,} tiles, {size_gb:.2f} GB: opened in {mapped:.1f} s mapped, {read:.1f} s read; of which "
        f"checksums {hashing:.1f} s; search ready in {asking:.1f} s more; rows by place {near:.2f} s "
        f"(peak of the process with writing {peak_gb:.1f} GB)"
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
