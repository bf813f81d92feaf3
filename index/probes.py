"""Probes: a few queries with their exact answers, kept in the bundle. A search that forgets them is not served."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.disk import DISK, Disk
from models.errors import IndexMismatch, ProbeFailed

Float32s = NDArray[np.float32]
Float16s = NDArray[np.float16]
PROBES, TOP = 32, 10
NOISE = 0.25
SEED = 20_260_101
TOLERANCE = 1e-4
ROWS_PER_STEP = 16_384


@dataclass(frozen=True, slots=True)
class Probes:
    """P queries and, for each, its best K rows, best first."""

    queries: Float32s
    """(P, D) of unit norm: stored rows, blurred by noise."""
    rows: NDArray[np.int64]
    """(P, K)"""
    similarity: Float32s
    """(P, K)"""

    @property
    def top(self) -> int:
        return int(self.rows.shape[1])


TopRows = Callable[[Float32s, int], tuple[NDArray[np.int64], Float32s]]
"""A search: ((P, D), k) -> rows and similarities (P, k), best first."""


def make_probes(vectors: Float16s) -> Probes:
    """Draw probes from an index's rows, (N, D); the same rows give the same probes."""
    rng = np.random.default_rng(SEED)
    picked = rng.choice(len(vectors), size=min(PROBES, len(vectors)), replace=False)
    queries = vectors[picked].astype(np.float32)
    noise = rng.standard_normal(queries.shape).astype(np.float32)
    norms = np.linalg.norm(queries, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    queries += NOISE * norms * noise
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-12)
    rows, similarity = exact_top(vectors, queries, min(TOP, len(vectors)))
    return Probes(queries, rows, similarity)


def exact_top(vectors: Float16s, queries: Float32s, k: int) -> tuple[NDArray[np.int64], Float32s]:
    """Scan all rows in float32: (N, D), (P, D) -> rows and similarities (P, k), best first, ties by row."""
    best: list[tuple[NDArray[np.int64], Float32s]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
    for start in range(0, len(vectors), ROWS_PER_STEP):
        block = queries @ vectors[start : start + ROWS_PER_STEP].astype(np.float32).T
        for number, scores in enumerate(block):
            least = np.partition(scores, -k)[-k] if k < len(scores) else -np.inf
            kept = np.flatnonzero(scores >= least)
            rows = np.concatenate([best[number][0], kept + start])
            similarity = np.concatenate([best[number][1], scores[kept]])
            order = np.argsort(-similarity, kind="stable")[:k]
            best[number] = rows[order], similarity[order]
    return np.stack([rows for rows, _ in best]), np.stack([similarity for _, similarity in best])


def probe_recall(probes: Probes, search: TopRows) -> float:
    """Give the share of the probes' answers that a search finds; a tie with the last answer counts as it."""
    rows, similarity = search(probes.queries, probes.top)
    known = (rows[:, :, None] == probes.rows[:, None, :]).any(axis=2)
    tied = np.abs(similarity - probes.similarity[:, -1:]) <= TOLERANCE
    alike = np.abs(similarity - probes.similarity) <= TOLERANCE
    return float(((known | tied) & alike).mean())


def check_probes(probes: Probes, search: TopRows, what: str, least: float = 1.0) -> None:
    """Raise ProbeFailed unless a search gives at least a share of the answers that the index was built with."""
    recall = probe_recall(probes, search)
    if recall < least:
        raise ProbeFailed(
            f"{what} gives only {recall:.1%} of the answers that its probes expect, not {least:.1%}. "
            "Its files do not belong together, or the search library is broken: build the index again."
        )


def check_answers(probes: Probes, vectors: Float16s, what: str) -> None:
    """Raise ProbeFailed unless the rows that the probes name, of (N, D), are as similar as they say.

    That rows and probes belong together, without a search; `check_probes` holds a search to them.
    """
    named = vectors[probes.rows.ravel()].astype(np.float32).reshape(*probes.rows.shape, -1)
    similarity = (named @ probes.queries[:, :, None])[:, :, 0]
    if not np.abs(similarity - probes.similarity).max() <= TOLERANCE:
        raise ProbeFailed(f"The vectors in {what} are not those that its probes were made of: build the index again.")


def write_probes(path: Path, probes: Probes, disk: Disk = DISK) -> None:
    with disk.create(path) as stream:
        np.savez(stream, queries=probes.queries, rows=probes.rows, similarity=probes.similarity)


def read_probes(path: Path, count: int, size: int) -> Probes:
    """Read the probes of an index of `count` rows and `size` values a row.

    Raises:
        IndexMismatch: not such a file, or not of such an index.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            probes = Probes(held["queries"], held["rows"], held["similarity"])
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise IndexMismatch(f"{path} holds no probes: {error}") from error
    shape = (min(PROBES, count), min(TOP, count))
    types = [array.dtype.name for array in (probes.queries, probes.rows, probes.similarity)]
    if (
        types != ["float32", "int64", "float32"]
        or probes.queries.shape != (shape[0], size)
        or probes.rows.shape != shape
        or probes.similarity.shape != shape
        or not (np.isfinite(probes.queries).all() and np.isfinite(probes.similarity).all())
        or not ((probes.rows >= 0) & (probes.rows < count)).all()
    ):
        raise IndexMismatch(f"{path} does not fit an index of {count} rows of {size} values. Build the index again.")
    return probes
