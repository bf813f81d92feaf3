"""The nearest rows of a large set, block by block: no matrix of all by all is ever made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.datasets.pairset import Frame
from models.training.recorded import Recorded

Rows = NDArray[np.int64]
Closeness = Callable[[Rows, Rows], Tensor]
"""(n,) and (m,) rows -> (n, m), higher is nearer."""

QUERIES, POOL = 1024, 4096
"""Rows of a block on either side: 130 MB of working memory with 1000-d embeddings."""


def most_similar(recorded: Recorded, anchors: Rows, pool: Rows, count: int, device: str = "cpu") -> Rows:
    """Find the aerial embeddings that the ground embedding of each anchor resembles most, its own left out.

    Args:
        recorded: embeddings of the pairs.
        anchors: (n,) pairs.
        pool: (m,) pairs to look among, each once.
        count: pairs wanted for each anchor.
        device: where the products are computed.

    Returns:
        (n, min(count, m)) pairs, best first. An anchor's own comes last, and only if there are no others left.
    """

    def closeness(queries: Rows, rows: Rows) -> Tensor:
        ground, aerial = (
            torch.from_numpy(side[chosen]).to(device).float()
            for side, chosen in ((recorded.ground, queries), (recorded.aerial, rows))
        )
        return ground @ aerial.T

    return _nearest(closeness, anchors, pool, count)


def nearest_by_position(frame: Frame, positions: NDArray[np.float64], count: int) -> Rows:
    """Find the places nearest to each place, along the great circle or in the plane, itself left out.

    Args:
        frame: of the positions, as in `Positions`.
        positions: (N, 2): WGS84 degrees (lat, lon), or metres (east, north).
        count: places wanted for each.

    Returns:
        (N, min(count, N - 1)) rows, nearest first.
    """
    first, second = torch.from_numpy(positions.T.copy())
    axes: tuple[Tensor, ...] = (first, second)
    if frame == "lat-lon":
        phi, lam = first.deg2rad(), second.deg2rad()
        axes = (phi.cos() * lam.cos(), phi.cos() * lam.sin(), phi.sin())  # of the unit sphere

    def closeness(queries: Rows, rows: Rows) -> Tensor:
        # The chord grows with the arc. It is taken from differences: products would lose what is below a metre.
        squared = torch.zeros(len(queries), len(rows), dtype=torch.float64)
        for axis in axes:
            squared += (axis[queries][:, None] - axis[rows][None]).square()
        return -squared

    everyone = np.arange(len(positions))
    return _nearest(closeness, everyone, everyone, count)[:, : len(positions) - 1]


def _nearest(closeness: Closeness, anchors: Rows, pool: Rows, count: int) -> Rows:
    found = np.empty((len(anchors), min(count, len(pool))), dtype=np.int64)
    for start in range(0, len(anchors), QUERIES):
        found[start : start + QUERIES] = _of_block(closeness, anchors[start : start + QUERIES], pool, count)
    return found


def _of_block(closeness: Closeness, block: Rows, pool: Rows, count: int) -> Rows:
    best, near = np.empty((len(block), 0), dtype=np.int64), torch.empty(len(block), 0)
    for start in range(0, len(pool), POOL):
        rows = pool[start : start + POOL]
        found = closeness(block, rows)
        found[torch.from_numpy(block[:, None] == rows[None]).to(found.device)] = -torch.inf
        top = found.topk(min(count, len(rows)), dim=1)
        near = torch.cat([near.to(top.values), top.values], dim=1)
        best = np.concatenate([best, rows[top.indices.cpu().numpy()]], axis=1)
        near, kept = near.topk(min(count, near.shape[1]), dim=1)
        best = np.take_along_axis(best, kept.cpu().numpy(), axis=1)
    return best
