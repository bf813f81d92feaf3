"""Search profiles: what FAISS keeps of the rows, and how it is built from a file of rows larger than memory.

`balanced` keeps 8 bits a value, `compact` 4 bits a group of values, both in inverted lists. The sample that is trained
on is bounded, rows are added a block at a time, and all of it runs on one thread of FAISS, so that the same rows give
the same bytes on any machine of a kind.
"""

from __future__ import annotations

from typing import Any, Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from index.stores.scan import widen
from models.errors import UsageError

Profile = Literal["exact", "balanced", "compact"]
Float16s = NDArray[np.float16]
Float32s = NDArray[np.float32]

EXACT_BELOW = 4096
"""Rows under which every profile compares all: training would not pay."""
TRAINED_PER_LIST = 64
LEAST_TRAINED, MOST_TRAINED = 16_384, 131_072
ROWS_PER_ADD = 16_384
MOST_GROUPS = 160
"""4 bits each; with the row's number and the padding of lists that stays under 96 bytes a row."""
WIDEST_GROUP = 16
SEED = 20_260_102


def is_exact(profile: Profile, rows: int) -> bool:
    """Whether so many rows are searched by comparing all of them."""
    return profile == "exact" or rows < EXACT_BELOW


def lists_for(rows: int) -> int:
    """A power of two, a quarter to half of the square root: their centres are part of what a row costs."""
    return int(2 ** (int(np.log2(rows) / 2) - 1))


def groups_of(size: int) -> int:
    """Give the number of groups of values that `compact` keeps 4 bits each of: the most that divides D.

    Raises:
        UsageError: D has no fitting divisor.
    """
    most = max(groups for groups in range(1, MOST_GROUPS + 1) if size % groups == 0)
    if size > WIDEST_GROUP * most:
        raise UsageError(
            f"Descriptions of {size} values cannot be cut into groups of up to {WIDEST_GROUP} for the profile "
            "`compact`. Choose `balanced`."
        )
    return most


def build_faiss(rows: Float16s, profile: Profile) -> Any:
    """Train and fill a FAISS index.

    Args:
        rows: (R, D) float16, C order, in memory or mapped; finite.
        profile: `balanced` or `compact`.

    Raises:
        UsageError: as `groups_of`.
    """
    faiss.omp_set_num_threads(1)  # of this thread
    size, lists = rows.shape[1], lists_for(len(rows))
    kind = "SQ8" if profile == "balanced" else f"PQ{groups_of(size)}x4fs"
    found: Any = faiss.index_factory(size, f"IVF{lists},{kind}", faiss.METRIC_INNER_PRODUCT)
    found.cp.spherical = True
    found.cp.seed = SEED
    found.train(_sample(rows, lists))
    block = np.empty((min(ROWS_PER_ADD, len(rows)), size), np.float32)
    for start in range(0, len(rows), ROWS_PER_ADD):
        part = rows[start : start + ROWS_PER_ADD]
        widen(np.ascontiguousarray(part), block[: len(part)])
        found.add(block[: len(part)])
    return found


def _sample(rows: Float16s, lists: int) -> Float32s:
    count = min(len(rows), MOST_TRAINED, max(LEAST_TRAINED, TRAINED_PER_LIST * lists))
    chosen = np.sort(np.random.default_rng(SEED).choice(len(rows), count, replace=False))
    return rows[chosen].astype(np.float32)
