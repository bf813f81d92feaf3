"""Descriptions made by code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]


def normal(seed: int, *shape: int) -> NDArray[np.float64]:
    """Draw as the recipe of the golden figures does."""
    return np.random.RandomState(seed).standard_normal(shape)


def unit(rows: NDArray[np.floating]) -> Float32s:
    """Bring rows to length one, in the precision they come in."""
    scaled: Float32s = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def unit_rows(rows: int, size: int, seed: int) -> Float32s:
    return unit(np.random.default_rng(seed).standard_normal((rows, size)))
