"""Hilbert order: neighbours on the ground become neighbours in the file.

An area around a point is then a few contiguous runs of rows, which is what makes a search near a prior cheap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.geo import Floats, metres_per_degree, wrap_lon

ORDER = 16
"""Bits an axis: the larger side of the area is divided into 65,536 cells (1.5 m in a city 100 km across)."""


def hilbert_order(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int64]:
    """Give the permutation that sorts centres along a Hilbert curve over their bounding box.

    The cells are square in metres. Centres that share a cell keep the order they came in.

    Args:
        lat, lon: (N,) WGS84 degrees; may cross the antimeridian.

    Returns:
        (N,) int64: row i of the sorted table is row order[i] of the given one.
    """
    lat, lon = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
    if not lat.size:
        return np.empty(0, dtype=np.int64)
    north_m, east_m = metres_per_degree((lat.min() + lat.max()) / 2)
    east, north = wrap_lon(lon - lon[0]) * east_m, (lat - lat.min()) * north_m
    east -= east.min()
    cell_m = max(float(east.max()), float(north.max()), 1e-6) / (2**ORDER - 1)
    return np.argsort(hilbert_distance(_cells(east, cell_m), _cells(north, cell_m)), kind="stable")


def _cells(offset_m: Floats, cell_m: float) -> NDArray[np.int64]:
    return np.clip(np.rint(offset_m / cell_m), 0, 2**ORDER - 1).astype(np.int64)


def hilbert_distance(x: NDArray[np.int64], y: NDArray[np.int64], order: int = ORDER) -> NDArray[np.int64]:
    """Give how far along the curve each cell of a 2**order square grid lies.

    Args:
        x, y: (N,) int64 in [0, 2**order).

    Returns:
        (N,) int64 in [0, 4**order), a bijection; cells that follow each other share a side.

    Source: quadrant by quadrant from the top, as in Warren, Hacker's Delight (2nd ed., chapter 16).
    """
    x, y = x.copy(), y.copy()
    distance = np.zeros_like(x)
    for level in range(order - 1, -1, -1):
        right, upper = (x >> level) & 1, (y >> level) & 1
        distance += ((3 * right) ^ upper) << (2 * level)
        flip = (upper == 0) & (right == 1)
        x[flip], y[flip] = 2**order - 1 - x[flip], 2**order - 1 - y[flip]
        swap = upper == 0
        x[swap], y[swap] = y[swap], x[swap]
    return distance
