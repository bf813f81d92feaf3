"""Places: cells of a posterior that climb to the same summit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_CELLS = 128
STEP_M, SMOOTH_M = 25.0, 8.0
"""Summits are at least a step apart; the mass of a cell is smoothed over about a cell and a half."""


def find_modes(x_m: Floats, y_m: Floats, share: Floats, step_m: float = STEP_M, smooth_m: float = SMOOTH_M) -> Ints:
    """Group cells: each goes with the nearest denser cell within a step, a cell without one is a summit.

    Args:
        x_m, y_m, share: (K,).
        step_m: reach of a step; coarser where cells stand further apart.
        smooth_m: bandwidth of the density that is climbed.

    Returns:
        (K,) number of the place a cell belongs to, 0 for the place that holds most, and so on down.

    Source: quick shift (Vedaldi and Soatto, ECCV 2008).
    """
    order = np.argsort(-share, kind="stable")
    top, low = order[:MOST_CELLS], order[MOST_CELLS:]
    place = np.empty(len(share), dtype=np.int64)
    place[top] = _climb(x_m[top], y_m[top], share[top], step_m, smooth_m)
    if low.size:
        away = np.hypot(x_m[low, None] - x_m[top], y_m[low, None] - y_m[top])
        near = away.argmin(axis=1)
        lonely = away[np.arange(len(low)), near] > step_m
        place[low] = np.where(lonely, len(share) + low, place[top[near]])
    _, place = np.unique(place, return_inverse=True)
    held = np.bincount(place, weights=share)
    rank = np.empty(len(held), dtype=np.int64)
    rank[np.argsort(-held, kind="stable")] = np.arange(len(held))
    return rank[place]


def _climb(x_m: Floats, y_m: Floats, share: Floats, step_m: float, smooth_m: float) -> Ints:
    """(K,) index of the summit of every cell."""
    away = np.hypot(x_m[:, None] - x_m, y_m[:, None] - y_m)
    density = np.exp(-((away / smooth_m) ** 2) / 2) @ share
    rank = np.empty(len(share), dtype=np.int64)
    rank[np.argsort(-density, kind="stable")] = np.arange(len(share))
    away[(rank[None, :] >= rank[:, None]) | (away > step_m)] = np.inf
    parent: Ints = away.argmin(axis=1)
    summit = np.isinf(away.min(axis=1))
    parent[summit] = np.flatnonzero(summit)
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    return parent
