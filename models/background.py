"""How similar a photo is to places where it was not taken: the scale that its best similarity is read on."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

SAMPLE = 4096
SEED = 20_260_214
NORMAL_PER_MAD = 1.4826
Real = TypeVar("Real", np.float32, np.float64)


def background_rows(count: int) -> NDArray[np.int64]:
    """Choose up to 4,096 of `count` rows, rising: one at random in each of as many equal parts; the same every time."""
    if count <= SAMPLE:
        return np.arange(count)
    edges = np.arange(SAMPLE + 1) * count // SAMPLE
    return np.random.default_rng(SEED).integers(edges[:-1], edges[1:])


def centre_and_spread(similarity: NDArray[Real]) -> tuple[NDArray[Real], NDArray[Real]]:
    """Give the median and 1.4826 times the median deviation from it: mean and standard deviation of a normal
    distribution, whatever few rows are the right ones.

    Args:
        similarity: (..., n).

    Returns:
        (...,) each.
    """
    centre = np.median(similarity, axis=-1)
    spread = NORMAL_PER_MAD * np.median(np.abs(similarity - centre[..., None]), axis=-1)
    return centre.astype(similarity.dtype), spread.astype(similarity.dtype)
