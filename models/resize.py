"""The published ways of bringing a whole picture to a network's size, its aspect ignored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.bundle import Resampling

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int64]
UNIT = 256
"""OpenCV keeps interpolation weights of 8-bit pictures as multiples of 1/256."""


def stretch(pixels: Pixels, height: int, width: int, resampling: Resampling) -> Pixels:
    """Resize to exactly `height` x `width`.

    Args:
        pixels: (H, W, 3) RGB.
        height: rows of the result.
        width: columns of the result.
        resampling: `antialiased` is Pillow's bilinear, whose support grows as it shrinks (TransGeo). `linear` blends
            the four nearest pixels however much it shrinks: OpenCV's INTER_LINEAR_EXACT, bit for bit (Sample4Geo).

    Returns:
        (height, width, 3), writable.
    """
    if pixels.shape[:2] == (height, width):
        return pixels.copy()
    if resampling == "antialiased":
        return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
    left, right, weight = _neighbours(pixels.shape[1], width)
    upper, lower, down = _neighbours(pixels.shape[0], height)
    across = weight.astype(np.uint16)[:, None]

    def row(rows: Ints) -> NDArray[np.uint16]:
        taken = pixels[rows]
        blended: NDArray[np.uint16] = taken[:, left] * (UNIT - across) + taken[:, right] * across
        return blended

    share = down.astype(np.uint32)[:, None, None]
    both = row(upper) * (UNIT - share) + row(lower) * share
    return ((both + UNIT * UNIT // 2) // (UNIT * UNIT)).astype(np.uint8)


def _neighbours(source: int, target: int) -> tuple[Ints, Ints, Ints]:
    """Give both source pixels of every target pixel and the weight of the second, in units of 1 / UNIT.

    Pixel centres lie at halves; past the outermost centres the edge repeats.
    """
    at = (np.arange(target) + 0.5) * (1.0 / (target / source)) - 0.5
    first = np.floor(at).astype(np.int64)
    weight = np.rint((at - first) * UNIT).astype(np.int64)
    weight[(first < 0) | (first >= source - 1)] = 0
    first = np.clip(first, 0, source - 1)
    return first, np.minimum(first + 1, source - 1), weight
