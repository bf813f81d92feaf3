from __future__ import annotations

import numpy as np
import pytest

from index.sources.grid import TileGrid, default_stride_m
from index.tiles import Bounds, square
from models.geo import distance_m, enu_m


def _box(lat: float, lon: float, side_m: float) -> Bounds:
    return Bounds(*(float(edge) for edge in square(lat, lon, side_m)))


def _all(grid: TileGrid) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.divmod(np.arange(grid.rows * grid.columns), grid.columns)
    return grid.centres(row, column)


def test_the_default_stride_is_a_quarter() -> None:
    assert default_stride_m(64.0) == 16.0


@pytest.mark.parametrize(("side_m", "steps"), [(600.0, 36), (96.0, 5), (64.0, 3), (63.0, 1), (5.0, 1)])
def test_outermost_tiles_hang_over_by_a_quarter(side_m: float, steps: int) -> None:
    grid = TileGrid.over(_box(48.0, 8.0, side_m + 0.01), 64.0, 16.0)
    assert (grid.rows, grid.columns) == (steps, steps)


@pytest.mark.parametrize("lat", [0.0, 45.0, -60.0, 75.0])
def test_neighbours_are_one_stride_apart(lat: float) -> None:
    grid = TileGrid.over(_box(lat, 8.0, 2000.0), 64.0, 20.0)
    lats, lons = _all(grid)
    shape = (grid.rows, grid.columns)
    lats, lons = lats.reshape(shape), lons.reshape(shape)
    assert distance_m(lats[:, 1:], lons[:, 1:], lats[:, :-1], lons[:, :-1]) == pytest.approx(20.0, abs=1e-3)
    assert enu_m(lats[1:], lons[1:], lats[:-1], lons[:-1])[1] == pytest.approx(-20.0, abs=1e-2)


def test_the_grid_is_centred_and_starts_in_the_north_west() -> None:
    grid = TileGrid.over(_box(30.0, 8.0, 500.0), 64.0, 50.0)
    lat, lon = _all(grid)
    assert (lat.mean(), lon.mean()) == pytest.approx((30.0, 8.0), abs=1e-6)
    assert lat[0] == lat.max()
    assert lon[0] == pytest.approx(lon.min(), abs=1e-7)


def test_a_grid_may_cross_the_antimeridian() -> None:
    grid = TileGrid.over(_box(-17.0, 180.0, 500.0), 64.0, 50.0)
    _, lon = _all(grid)
    assert grid.columns == 10
    assert (np.abs(lon) > 179.99).all()


@pytest.mark.parametrize(("side_m", "steps"), [(320.0, 10), (600.0, 19), (31.0, 1), (33.0, 2)])
def test_cells_cover_the_whole_box(side_m: float, steps: int) -> None:
    grid = TileGrid.over(_box(0.5, 9.0, side_m - 0.01), 160.0, 32.0, described_m=32.0)
    assert (grid.rows, grid.columns) == (steps, steps)
