"""How far off the best possible answer still is: positions lie on a grid, and nobody stands on a grid point.

A perfect retriever answers with the described position nearest to the photo. Positions of an index are a product of
two equal axes, tiles `stride_m` apart with cells inside each, so the ground nearest to each of them is a rectangle and
the mean distance has a closed form. For square cells of side s it is s / 6 (sqrt 2 + ln(1 + sqrt 2)), 0.3826 s.
"""

from __future__ import annotations

import numpy as np

from models.cells import Cells
from models.geo import Floats

SAME = 1e-6
"""Positions closer than this share of a stride are one."""


def gaps_m(stride_m: float, cells: Cells | None = None) -> Floats:
    """Give the distances between neighbouring positions along one axis, over one stride; they add up to it.

    Args:
        stride_m: distance between the centres of neighbouring tiles.
        cells: positions described inside each tile; None: its centre alone.
    """
    offsets = np.zeros(1) if cells is None else np.unique(cells.offsets_m[:, 0])
    along = np.sort(offsets / stride_m % 1.0)
    gaps = np.diff(np.append(along, along[0] + 1.0))
    return gaps[gaps > SAME] * stride_m


def mean_error_m(stride_m: float, cells: Cells | None = None) -> float:
    """Give the mean distance from a place drawn evenly from the ground to the nearest described position."""
    half = gaps_m(stride_m, cells) / 2
    share = half / half.sum()
    return float((share[:, None] * share * mean_to_corner_m(half[:, None], half)).sum())


def worst_error_m(stride_m: float, cells: Cells | None = None) -> float:
    """Give the distance to the nearest described position from where it is longest."""
    return float(np.sqrt(0.5) * gaps_m(stride_m, cells).max())


def mean_to_corner_m(width_m: Floats, height_m: Floats) -> Floats:
    """Give the mean distance from the points of rectangles to one of their corners; sides broadcast, all positive.

    Source: the integral of sqrt(x^2 + y^2) over a rectangle, by parts.
    """
    diagonal = np.hypot(width_m, height_m)
    along = width_m**2 / height_m * np.arcsinh(height_m / width_m)
    up = height_m**2 / width_m * np.arcsinh(width_m / height_m)
    found: Floats = (2 * diagonal + along + up) / 6
    return found


def described_share(stride_m: float, cells: Cells | None = None) -> float:
    """Give the share of the ground, in (0, 1], that lies in the cells of some tile; 1 where tiles have no cells."""
    return 1.0 if cells is None else min(1.0, cells.stride_m / stride_m) ** 2
