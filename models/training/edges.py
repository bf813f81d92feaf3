"""Imagery that ends within a tile: at its edge, or all around where there is only a little of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_IMAGERY_M, LEAST_EDGE_M, MOST_IMAGERY = 28.0, 4.0, 0.94
"""How far imagery reaches from the camera where it is smaller than a tile, or ends within it: at least so many metres
on all sides, on one side, and at most this share of half the tile's side."""


def leave_part(
    pixels: NDArray[np.uint8], camera_m: NDArray[np.float64], metres_per_px: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Leave only a square about the camera, as of imagery smaller than a tile, or what one or two of its edges leave.

    Args:
        pixels: (S, S, 3) uint8, north up.
        camera_m: metres east and north of the tile's centre.
        metres_per_px: ground resolution.
        rng: decides which of the two, which edges, and how far from the camera they are.

    Returns:
        (S, S, 3) uint8; what is gone takes the mean colour of what is left, as it does in an index.
    """
    size = pixels.shape[0]
    most_m = MOST_IMAGERY * size / 2 * metres_per_px
    reach_m = np.full(4, np.inf)  # left, right, up, down of the camera
    if rng.random() < 0.5:
        reach_m[:] = rng.uniform(LEAST_IMAGERY_M, most_m)
    else:
        edges = rng.choice(4, size=rng.integers(1, 3), replace=False)
        reach_m[edges] = rng.uniform(LEAST_EDGE_M, most_m, len(edges))
    middle = size / 2 + (camera_m * (1, -1) + rng.normal(0, 2.0, 2)) / metres_per_px
    left, right, up, down = reach_m / metres_per_px
    line = np.arange(size) + 0.5
    across, along = line - middle[0], line - middle[1]
    inside = ((across > -left) & (across < right))[None] & ((along > -up) & (along < down))[:, None]
    fill = pixels[inside].mean(axis=0) + 0.5
    return np.where(inside[..., None], pixels, fill.astype(np.uint8))
