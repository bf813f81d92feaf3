"""Which ground a map shows, and where on it a position lies."""

from __future__ import annotations

import numpy as np
import pytest

from models.geo import offset
from service.pictures.extent import LEAST_SIDE_M, MARGIN, Extent, extent_of
from service.pictures.layers import Dots, Ellipses, Layer, Line, Links, Position


def at(east_m: float, north_m: float, lat: float = 48.0, lon: float = 9.0) -> Position:
    there = offset(lat, lon, east_m, north_m)
    return float(there[0]), float(there[1])


def test_metres_are_pixels_and_north_is_up() -> None:
    extent = Extent(48.0, 9.0, 2.0, 400, 200)
    pixels = extent.pixels([at(0, 0), at(50, 0), at(0, 25)])
    assert pixels == pytest.approx(np.array([[200, 100], [300, 100], [200, 50]]), abs=1e-3)
    assert (extent.width_m, extent.height_m) == (200.0, 100.0)


@pytest.mark.parametrize("lon", [9.0, 179.9999, -180.0])
@pytest.mark.parametrize("lat", [0.0, -33.0, 70.0])
def test_all_positions_are_inside_the_margin(lat: float, lon: float) -> None:
    places = [at(-300, 10, lat, lon), at(500, -70, lat, lon), at(20, 90, lat, lon)]
    pixels = Extent.around(places, 1000, 500).pixels(places)
    assert pixels.min(axis=0)[0] == pytest.approx(1000 * MARGIN, abs=0.1)
    assert pixels.max(axis=0)[0] == pytest.approx(1000 * (1 - MARGIN), abs=0.1)
    assert pixels[:, 1].min() + pixels[:, 1].max() == pytest.approx(500, abs=0.1)


def test_a_single_position_is_shown_with_ground_around_it() -> None:
    extent = Extent.around([at(0, 0)], 500, 500)
    assert extent.width_m == pytest.approx(LEAST_SIDE_M / (1 - 2 * MARGIN))


def test_layers_that_do_not_fit_have_no_say_while_others_have_one() -> None:
    far, near = at(50_000, 0), at(0, 0)
    layers: list[Layer] = [
        Dots("", "red", [near]),
        Line("", "red", [[near, far]], fits=False),
        Ellipses.circles("", "red", [far], [9.0]),
        Links("", "red", [(near, far)]),
    ]
    shown, alone = extent_of(layers, 500, 500), extent_of(layers[1:], 500, 500)
    assert shown is not None
    assert alone is not None
    assert shown.width_m < 200
    assert alone.width_m > 50_000
    assert extent_of([Dots("", "red", [])], 500, 500) is None
