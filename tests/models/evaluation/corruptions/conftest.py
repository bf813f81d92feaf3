"""A made picture with what corruptions act on: smooth slopes, edges, flat areas and texture of several grains."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

HEIGHT, WIDTH = 128, 384


@pytest.fixture(scope="session")
def street() -> NDArray[np.uint8]:
    """(128, 384, 3): a sky that darkens upwards, houses with windows, a red disc, a rough pavement."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([0.5 + 0.3 * y / HEIGHT, 0.55 + 0.25 * y / HEIGHT, 0.7 + 0.1 * x / WIDTH], axis=2)
    for left in range(0, WIDTH, 48):
        top, wide = int(rng.integers(25, 60)), int(rng.integers(30, 44))
        picture[top:90, left : left + wide] = rng.uniform(0.2, 0.8, 3)
        picture[top + 8 : 84 : 16, left + 6 : left + wide - 6 : 11] = 0.1
    picture[(y - 40) ** 2 + (x - 230) ** 2 < 20**2] = (0.85, 0.2, 0.15)
    for grain in (1, 3, 5, 7):
        rough = rng.normal(0.0, 0.06, (38 // grain + 1, WIDTH // grain + 1, 1))
        picture[90:] += np.kron(rough, np.ones((grain, grain, 1)))[: HEIGHT - 90, :WIDTH]
    drawn: NDArray[np.uint8] = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return drawn
