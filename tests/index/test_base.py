from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from benchmarks.made_index import CELLS, DEFAULT, random_rows, square_of, write_index
from index.assembly import assemble
from index.base import Base

SIDE = 24


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 576 tiles of 38,400 bytes each: 22 MB of vectors."""
    lat, lon = square_of(SIDE, 32.0)
    count = SIDE * SIDE
    vectors = random_rows(count * CELLS.count).reshape(count, CELLS.count, DEFAULT.size)
    return write_index(tmp_path_factory.mktemp("base") / "made", lat, lon, vectors, np.arange(count), stride_m=32.0)


def test_memory_does_not_grow_with_the_vectors(root: Path) -> None:
    vectors = 2 * SIDE * SIDE * CELLS.count * DEFAULT.size
    tracemalloc.start()
    try:
        base = Base(root)
        assembly = assemble([base.keep(lambda _: True)], 160.0)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        row = assembly.rows[0][np.array([3, 5])]
        _, read = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert row.shape == (2, CELLS.count, DEFAULT.size)
    assert held < vectors / 8
    assert read < held + 8 * row.nbytes


def test_chosen_rows_are_those_of_their_tiles(root: Path) -> None:
    base = Base(root)
    kept = base.keep(lambda tile: tile.id.endswith("7"))
    assert kept.rows.shape == (len(kept.tiles), CELLS.count, DEFAULT.size)
    for number, (tile, digest) in enumerate(zip(kept.tiles, kept.digests, strict=True)):
        found = base.row(tile.id, str(digest))
        if found is not None:
            np.testing.assert_array_equal(kept.rows[np.array([number])][0], found)
