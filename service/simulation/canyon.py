"""How much of the sky the buildings beside a street hide: what makes GPS bad in a city."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.sample_city import City
from models.sample_city.shadows import CELL_M, raise_heights
from models.sample_city.solids import SKIN, WALL

Floats = NDArray[np.float64]
REACH_M, STEP_M = 60.0, 2.0
ANTENNA_M = 1.8


def building_heights(city: City) -> NDArray[np.float32]:
    """(n, n) metres above ground of the walls of buildings, 0.5 m cells in world metres, row 0 in the south."""
    cells = round(city.size_m / CELL_M)
    heights = np.zeros((cells, cells), np.float32)
    is_wall = city.solids.kind[:, SKIN] == WALL
    raise_heights(heights, city.solids.shape[is_wall], city.solids.kind[is_wall], True)
    return heights


def hidden_sky(heights: NDArray[np.float32], margin_m: float, xy_m: Floats, heading_deg: Floats) -> Floats:
    """Share of the half circle across the street, from wall to wall over the zenith, that buildings hide.

    Args:
        heights: see `building_heights`. margin_m: of the city.
        xy_m: (n, 2) city metres. heading_deg: (n,) of the street, clockwise from grid north.

    Returns:
        (n,) in [0, 1): 0 on open land, 0.5 between walls as high as they are far, on both sides.
    """
    away = np.arange(STEP_M, REACH_M, STEP_M)
    turn = np.radians(heading_deg)
    right = np.stack([np.cos(turn), -np.sin(turn)], axis=1)
    hidden = np.zeros(len(xy_m))
    for side in (1.0, -1.0):
        points = xy_m[:, None] + side * away[:, None] * right[:, None] + margin_m
        cell = np.clip((points / CELL_M).astype(np.int64), 0, len(heights) - 1)
        above = np.maximum(heights[cell[..., 1], cell[..., 0]] - ANTENNA_M, 0.0)
        hidden += np.arctan2(above, away).max(axis=1) / np.pi
    return hidden
