"""A block of a photo that something stands before: a lorry, a pillar, a thumb."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OCCLUDED_SHARE = 0.3
WIDTH_SHARE = (0.35, 0.85)
"""Of the photo; the height follows from the area."""
OCCLUSION_STREAM = 16
"""Enters the seed, beside the numbers of the corruptions (0 to 15): never change it."""


def occlude(pixels: NDArray[np.uint8], seed: int, *, wraps: bool = False) -> NDArray[np.uint8]:
    """Paint one upright rectangle of the photo over in a plain colour; the same arguments give the same bytes.

    Args:
        pixels: (H, W, 3) uint8, left as it is.
        seed: draws place, shape and colour; not negative.
        wraps: the photo is a whole circle, so the rectangle may lie across its edge.

    Returns:
        (H, W, 3) uint8 of which 30 % is painted, to within half a row of the rectangle.
    """
    rng = np.random.default_rng([seed, OCCLUSION_STREAM])
    height, width = pixels.shape[:2]
    columns = round(width * rng.uniform(*WIDTH_SHARE))
    rows = round(OCCLUDED_SHARE * width * height / columns)
    top, left = rng.integers(height - rows + 1), rng.integers(width if wraps else width - columns + 1)
    painted = pixels.copy()
    painted[top : top + rows, (left + np.arange(columns)) % width] = rng.integers(16, 240, 3)
    return painted
