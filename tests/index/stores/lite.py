"""Milvus as tests have it: a file that milvus-lite serves in this process, and indexes to push into it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.bundle import Index
from index.probes import make_probes
from index.stores.milvus_wire import Wire
from index.stores.store import Layout
from models.bundle import Embedding
from models.cells import Cells
from models.geo import offset
from tests.index.made import LAT, LON, make_index, unit_rows

DEADLINE_S = 30.0
"""Of calls to milvus-lite, which may be slow on a machine that does other things."""
SMALL = Layout(tiles=120, cells=2, columns=4, size=16)


class Line(Cells):
    """Some cells beside each other, of which there need not be an odd square as in a real bundle."""

    length: int

    @property
    def count(self) -> int:
        return self.length

    @property
    def offsets_m(self) -> NDArray[np.float64]:
        return np.stack([self.spacing_m * np.arange(self.length), np.zeros(self.length)], axis=1)


def lite(folder: Path) -> Wire:
    return Wire(str(folder / "milvus.db"), deadline_s=DEADLINE_S)


def index_of(rows: NDArray[np.float16], layout: Layout, name: str = "made", generation: int = 1) -> Index:
    """An index of (N * C, D) rows, in their order."""
    lat, lon = offset(LAT, LON, np.zeros(layout.tiles), 16.0 * np.arange(layout.tiles))
    made = make_index(rows.astype(np.float32).reshape(layout.tiles, -1), lat, lon)
    changes = {
        "name": name,
        "generation": generation,
        "embedding": Embedding(columns=layout.columns, channels=layout.size // layout.columns),
        "cells": Line(per_side=1, spacing_m=2.0, length=layout.cells) if layout.cells > 1 else None,
    }
    vectors = rows.reshape(layout.tiles, layout.cells, layout.size) if layout.cells > 1 else rows
    manifest = made.manifest.model_copy(update=changes).signed()
    return replace(made, manifest=manifest, vectors=vectors, probes=make_probes(rows))


def small_index(generation: int = 1, seed: int = 0) -> Index:
    rows = unit_rows(SMALL.rows, SMALL.size, seed).astype(np.float16)
    return index_of(rows, SMALL, "small", generation)
