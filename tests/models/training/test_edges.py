from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.training.edges import leave_part

SIZE, METRES_PER_PX = 160, 2.0
CAMERA_M = np.array([12.0, -8.0])
CAMERA_PX = (84, 86)
"""Row and column."""


def _noise() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(1, 255, (SIZE, SIZE, 3), dtype=np.uint8)


def _left(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A picture of which a part was left, and where that is."""
    whole = _noise()
    part = leave_part(whole, CAMERA_M, METRES_PER_PX, np.random.default_rng(seed))
    return part, (part == whole).all(axis=2)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_left_is_a_rectangle_that_holds_the_camera(seed: int) -> None:
    _, left = _left(seed)
    rows, columns = np.flatnonzero(left.any(axis=1)), np.flatnonzero(left.any(axis=0))
    assert left[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert rows[0] <= CAMERA_PX[0] <= rows[-1]
    assert columns[0] <= CAMERA_PX[1] <= columns[-1]


@pytest.mark.parametrize("seed", range(12))
def test_the_rest_takes_the_mean_colour_of_what_is_left(seed: int) -> None:
    part, left = _left(seed)
    assert not left.all()
    np.testing.assert_allclose(np.unique(part[~left], axis=0), [part[left].mean(axis=0)], atol=0.51)


def test_some_lose_all_sides_and_some_one_or_two() -> None:
    found = set()
    for seed in range(40):
        _, left = _left(seed)
        found.add(sum((~left[0].any(), ~left[-1].any(), ~left[:, 0].any(), ~left[:, -1].any())))
    assert {1, 2, 4} <= found
