"""Rows of many indexes in proportion to their cells: what a region measures the background of a photo with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.bundle import Float16s
from index.manifest import VECTORS
from index.region_plan import Member
from models.background import background_rows
from models.errors import IndexMismatch


def draw_rows(members: Sequence[Member]) -> Float16s:
    """Draw up to 4,096 rows, one of each equal part of all cells; all there are if they are no more.

    Only these rows are read, and not held against checksums: a median of thousands hardly feels a few wrong ones.

    Raises:
        IndexMismatch: a file is not what its member's manifest says, or holds rows that are not finite.
    """
    counts = [member.manifest.count * member.manifest.cell_count for member in members]
    starts = np.concatenate([[0], np.cumsum(counts)])
    wanted = background_rows(int(starts[-1]))
    parts = []
    for member, start, count in zip(members, starts.tolist(), counts, strict=False):
        here = wanted[(wanted >= start) & (wanted < start + count)] - start
        parts.append(_rows(member, count)[here] if here.size else np.empty((0, member.manifest.embedding.size)))
    rows = np.concatenate(parts).astype(np.float16)
    if not np.isfinite(rows).all():
        raise IndexMismatch("A member holds values that are not finite: `skyfix index verify` says which.")
    return rows


def _rows(member: Member, count: int) -> Float16s:
    path = member.folder / VECTORS
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise IndexMismatch(f"{path} is not a NumPy array: {error}") from error
    size = member.manifest.embedding.size
    if vectors.dtype != np.float16 or vectors.size != count * size:
        raise IndexMismatch(f"{path} holds {vectors.dtype} {vectors.shape}, not {count} rows of {size} float16.")
    return np.asarray(vectors).reshape(count, size)
