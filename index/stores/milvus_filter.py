"""Sets of tiles as filter expressions of Milvus."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from index.runs import Runs

MAX_RUNS = 64
"""Of one expression; a server compares every row with each."""


def expression(within: Runs) -> str:
    """Say which tiles, for example `(tile >= 3 and tile < 9) or tile == 12`; at least one run."""
    return " or ".join(
        f"tile == {run.start}" if run.stop == run.start + 1 else f"(tile >= {run.start} and tile < {run.stop})"
        for run in within
    )


def fewer(within: Runs, limit: int = MAX_RUNS) -> Runs:
    """Close the smallest gaps until no more than `limit` runs are left, which then hold a few rows more."""
    if len(within) <= limit:
        return within
    gaps = within.starts[1:] - within.stops[:-1]
    kept = np.sort(np.argpartition(-gaps, limit - 1)[: limit - 1])
    return Runs(within.starts[np.r_[0, kept + 1]], within.stops[np.r_[kept, len(within) - 1]])


def split(within: Runs, limit: int = MAX_RUNS) -> Iterator[Runs]:
    """Cut into parts of no more than `limit` runs."""
    for start in range(0, len(within), limit):
        yield Runs(within.starts[start : start + limit], within.stops[start : start + limit])


def holds(
    within: Runs, tiles: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Say which of some tiles are in the runs."""
    if not len(within):
        return np.zeros(tiles.shape, bool)
    run = np.searchsorted(within.starts, tiles, side="right") - 1
    return (run >= 0) & (tiles < within.stops[np.maximum(run, 0)])
