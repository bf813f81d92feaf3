from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from index.hits import Float32s
from index.runs import Runs
from index.stores.approximate import ApproximateStore, Effort
from index.stores.profiles import Profile, build_faiss, groups_of, is_exact, lists_for
from index.stores.store import Layout
from models.errors import EncoderNonFinite, IndexMismatch, UsageError
from tests.index.made import unit_rows
from tests.index.stores.conformance import Conformance

EFFORT = Effort(probes=16, short_list=160)


class _Approximate(Conformance):
    profile: Profile
    recall = 0.9

    def store_of(self, rows: NDArray[np.float16], layout: Layout, folder: Path) -> ApproximateStore:
        np.save(folder / "rows.npy", rows)
        mapped = np.load(folder / "rows.npy", mmap_mode="r")
        return ApproximateStore(
            mapped, layout, build_faiss(mapped, self.profile), self.profile, EFFORT, scanned_cells=100
        )


class TestBalanced(_Approximate):
    profile = "balanced"


class TestCompact(_Approximate):
    profile = "compact"


def test_sizes_follow_rows_and_values() -> None:
    assert [lists_for(count) for count in (10_000, 100_000, 1_000_000)] == [32, 128, 256]
    assert [groups_of(size) for size in (768, 1000, 384)] == [128, 125, 128]
    assert is_exact("compact", 4095)
    assert not is_exact("compact", 4096)
    assert is_exact("exact", 10**7)
    with pytest.raises(UsageError, match="balanced"):
        groups_of(4099)  # a prime


@pytest.mark.parametrize("profile", ["balanced", "compact"])
def test_any_number_of_threads_gives_the_same_bytes(profile: Profile) -> None:
    code = (
        "import faiss, hashlib, sys; from index.stores.profiles import build_faiss; "
        "from tests.index.made import unit_rows; "
        "rows = unit_rows(6000, 48).astype('float16'); "
        "print(hashlib.sha256(faiss.serialize_index(build_faiss(rows, sys.argv[1])).tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, profile],
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for threads in ("1", "3")
    }
    rows = unit_rows(6000, 48).astype(np.float16)
    here = hashlib.sha256(faiss.serialize_index(build_faiss(rows, profile)).tobytes()).hexdigest()
    assert digests == {f"{here}\n"}


def _store(profile: Profile, layout: Layout, rows: Float32s) -> ApproximateStore:
    halves = rows.astype(np.float16)
    return ApproximateStore(halves, layout, build_faiss(halves, profile), profile, EFFORT)


def test_tiles_are_filled_up_where_all_candidates_are_cells_of_one() -> None:
    layout = Layout(tiles=300, cells=80, columns=1, size=16)
    rows = unit_rows(layout.rows, 16)
    rows[:80] = rows[0] + 0.001 * rows[:80]
    rows[:80] /= np.linalg.norm(rows[:80], axis=1, keepdims=True)
    store = _store("balanced", layout, rows)
    store.effort = Effort(probes=2, short_list=10)
    hits = store.best_tiles(rows[:1], 12)
    assert len(hits) == len(np.unique(hits.rows)) == 12
    assert hits.rows[0] == 0


def test_a_large_area_is_asked_of_faiss_and_kept_to() -> None:
    layout = Layout(tiles=40_000, cells=1, columns=1, size=16)
    rows = unit_rows(layout.rows, 16)
    store = _store("compact", layout, rows)
    inside = np.flatnonzero(np.arange(layout.tiles) % 2 == 1)
    hits = store.best_tiles(rows[1001:1002], 10, Runs.of(inside))
    assert hits.rows[0] == 1001
    assert (hits.rows % 2 == 1).all()


@pytest.mark.parametrize("within", [None, Runs.of(np.arange(50))])
def test_what_is_no_finite_float32_is_refused(within: Runs | None) -> None:
    layout = Layout(tiles=20_000, cells=1, columns=1, size=16)
    rows = unit_rows(layout.rows, 16)
    store = _store("balanced", layout, rows)
    with pytest.raises(EncoderNonFinite):
        store.best_tiles(np.full((1, 16), np.nan, np.float32), 5, within)
    with pytest.raises(IndexMismatch, match="float64"):
        store.best_tiles(rows[:1].astype(np.float64), 5, within)
