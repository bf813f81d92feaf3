"""Pixels to directions: the inverse of how a canvas samples a photo."""

from __future__ import annotations

import numpy as np
import pytest

from models.camera import Camera
from models.canvas import _pinhole
from service.explaining.attention import photo_shape
from service.explaining.directions import directions

SIZE = (400, 300)


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (12.0, 0.0), (0.0, 25.0), (-20.0, -7.0), (8.0, 170.0)])
def test_it_undoes_the_projection_of_a_photo(pitch: float, roll: float) -> None:
    camera = Camera("perspective", 75.0, None, None, pitch, roll)
    azimuth, elevation = directions((6, 8), camera, SIZE)
    for row in range(6):
        for column in range(8):
            a, e = azimuth[row, column : column + 1], elevation[row, column : column + 1]
            x, y = _pinhole(a, e, camera, *SIZE)
            assert (x[0, 0], y[0, 0]) == pytest.approx(((column + 0.5) * 50, (row + 0.5) * 50), abs=1e-6)


def test_a_level_photo_has_the_same_azimuth_from_top_to_bottom() -> None:
    azimuth, elevation = directions((9, 9), Camera(fov_deg=90.0), (300, 300))
    np.testing.assert_allclose(azimuth[0], azimuth[-1], atol=1e-9)
    assert elevation[4, 4] == pytest.approx(0.0, abs=1e-9)
    assert azimuth[4, -1] == pytest.approx(np.degrees(np.arctan(8 / 9)))


def test_a_panorama_is_even_in_both() -> None:
    azimuth, elevation = directions((2, 4), Camera("panorama", 360.0), (800, 400))
    np.testing.assert_allclose(azimuth[0], [-135.0, -45.0, 45.0, 135.0])
    np.testing.assert_allclose(elevation[:, 0], [45.0, -45.0])


@pytest.mark.parametrize(("size", "shape"), [((400, 300), (28, 36)), ((4000, 10), (2, 512)), ((0, 0), (32, 32))])
def test_a_grid_has_about_square_cells_and_is_small(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert photo_shape(size) == shape
    assert shape[0] * shape[1] <= 1024
