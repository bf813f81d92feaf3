"""Indexes of random rows for benchmarks, published as real ones are."""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.assembly import Assembly
from index.bundle import Model
from index.hilbert import hilbert_order
from index.manifest import IndexManifest
from index.publish import lock_root, point_to, publish
from index.table import make_table
from index.tiles import Bounds
from models.bundle import Embedding
from models.cells import Cells
from models.geo import Floats, offset

DEFAULT = Embedding(columns=32, channels=24, turns_per_column=2)
"""How the default bundle describes."""
CELLS = Cells(per_side=5, spacing_m=6.4)
"""Where it does so in a tile."""
FOOTPRINT_M, DIGEST_BYTES = 160.0, 16
ROWS_AT_ONCE = 65_536
Int64s = NDArray[np.int64]
Float16s = NDArray[np.float16]


def square_of(side: int, stride_m: float) -> tuple[Floats, Floats]:
    """Lat and lon of the centres of side * side tiles."""
    row, column = np.divmod(np.arange(side * side), side)
    return offset(48.0, 9.0, column * stride_m, row * stride_m)


def random_rows(count: int, embedding: Embedding = DEFAULT) -> Float16s:
    """(count, D) of random columns, each of the same norm."""
    rng, rows = np.random.default_rng(count), np.empty((count, embedding.size), np.float16)
    for start in range(0, count, ROWS_AT_ONCE):
        some = min(ROWS_AT_ONCE, count - start)
        drawn = rng.standard_normal((some, embedding.columns, embedding.channels), dtype=np.float32)
        drawn /= np.linalg.norm(drawn, axis=2, keepdims=True) * np.float32(np.sqrt(embedding.columns))
        rows[start : start + some] = drawn.reshape(some, -1)
    return rows


def write_index(
    root: Path,
    lat: Floats,
    lon: Floats,
    vectors: Float16s,
    numbers: Int64s,
    *,
    stride_m: float,
    embedding: Embedding = DEFAULT,
    cells: Cells | None = CELLS,
    model: Model | None = None,
) -> Path:
    """Publish some of the tiles, of all whose centres and rows are given, as an index; give its folder.

    Args:
        model: that it shall pass for, in place of none; its layout is that of the rows.
    """
    ordered = numbers[hilbert_order(lat[numbers], lon[numbers])]
    count = len(ordered)
    footprint_m = FOOTPRINT_M if model is None else model.manifest.aerial.footprint_m
    table = make_table(
        [f"ortho-r{number // 1000:05d}-c{number % 1000:05d}" for number in ordered],
        lat[ordered],
        lon[ordered],
        footprint_m,
        np.full(count, 0.3),
        ["2025-06-30"] * count,
        ["ortho.tif"] * count,
    )
    box = (table.west.min(), table.south.min(), table.east.max(), table.north.max())
    manifest = IndexManifest(
        name=root.name,
        generation=1,
        created="2026-01-01T00:00:00Z",
        model_sha256="0" * 64 if model is None else model.sha256,
        model_title="none@1" if model is None else model.manifest.title,
        model_label="random rows",
        preprocessing_sha256="0" * 64 if model is None else model.manifest.preprocessing_sha256,
        embedding=embedding,
        cells=cells,
        count=count,
        footprint_m=footprint_m,
        stride_m=stride_m,
        ground_resolution_m=0.3,
        bounds=Bounds(*(float(side) for side in box)),
        source="random",
        attribution="",
    )
    digests = [secrets.token_hex(DIGEST_BYTES) for _ in ordered]
    assembly = Assembly(table, digests, [vectors], np.zeros(count, np.int64), ordered)
    with lock_root(root):
        point_to(root, publish(root, manifest, assembly, []).name)
    return root
