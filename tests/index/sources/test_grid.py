from __future__ import annotations

import numpy as np
import pyproj
import pytest

from index.sources.grid import TileGrid, default_stride_m, meridian_m
from index.tiles import Bounds, square
from models.geo import distance_m, enu_m


def _box(lat: float, lon: float, side_m: float, high_m: float | None = None) -> Bounds:
    west, _, east, _ = square(lat, lon, side_m)
    _, south, _, north = square(lat, lon, high_m or side_m)
    return Bounds(*(float(edge) for edge in (west, south, east, north)))


def _all(grid: TileGrid) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.meshgrid(np.arange(grid.top, grid.bottom), np.arange(grid.left, grid.right), indexing="ij")
    return grid.centres(row, column)


def test_the_default_stride_is_a_quarter() -> None:
    assert default_stride_m(64.0) == 16.0


@pytest.mark.parametrize("lat", [0.0, 12.3, 48.0, -60.0, 89.0])
def test_rows_are_counted_along_the_meridian(lat: float) -> None:
    along = pyproj.Geod(ellps="WGS84").inv(9.0, 0.0, 9.0, lat)[2]
    assert abs(float(meridian_m(lat))) == pytest.approx(along, abs=1e-4)


@pytest.mark.parametrize(("side_m", "least", "most"), [(600.0, 35, 36), (96.0, 4, 5), (64.0, 2, 3), (5.0, 1, 1)])
def test_outermost_tiles_lie_a_quarter_inside(side_m: float, least: int, most: int) -> None:
    (grid,) = TileGrid.over([_box(48.0, 8.0, side_m + 0.01)], 64.0, 16.0)
    assert least <= grid.bottom - grid.top <= most
    assert least <= grid.right - grid.left <= most + 1
    lat, lon = _all(grid)
    box = _box(48.0, 8.0, max(side_m - 32.0, 16.0) + 0.02)
    assert box.south <= lat.min() <= lat.max() <= box.north
    row = np.full(grid.right - grid.left, grid.top)
    inside = grid.has(row, np.arange(grid.left, grid.right))
    assert box.west <= lon[0][inside].min() <= lon[0][inside].max() <= box.east


@pytest.mark.parametrize("lat", [0.0, 45.0, -60.0, 75.0])
def test_neighbours_are_one_stride_apart(lat: float) -> None:
    (grid,) = TileGrid.over([_box(lat, 8.0, 2000.0)], 64.0, 20.0)
    lats, lons = _all(grid)
    assert distance_m(lats[:, 1:], lons[:, 1:], lats[:, :-1], lons[:, :-1]) == pytest.approx(20.0, abs=1e-3)
    assert enu_m(lats[1:], lons[1:], lats[:-1], lons[:-1])[1] == pytest.approx(-20.0, abs=1e-2)


def test_a_larger_box_moves_no_centre() -> None:
    (small,) = TileGrid.over([_box(48.0, 7.3, 500.0)], 64.0, 20.0)
    (large,) = TileGrid.over([_box(48.004, 7.297, 3000.0)], 64.0, 20.0)
    row, column = np.array([small.top, small.bottom - 1]), np.array([small.left + 1, small.right - 2])
    assert large.has(row, column).all()
    assert np.array_equal(small.centres(row, column), large.centres(row, column))


@pytest.mark.parametrize("row", [0, 3, 7])
def test_the_nearest_centre_is_found(row: int) -> None:
    (grid,) = TileGrid.over([_box(-33.0, 151.0, 400.0)], 64.0, 40.0)
    at = grid.top + row, grid.left + 2
    lat, lon = grid.centres(np.array([at[0]]), np.array([at[1]]))
    assert grid.nearest(float(lat[0]) + 1e-4, float(lon[0]) - 1e-4) == at


def test_names_say_the_hemispheres() -> None:
    north, south = (TileGrid.over([_box(lat, 9.0, 500.0)], 64.0, 50.0)[0] for lat in (50.0, -50.0))
    assert north.name(-7, -12) == "z32-n000007-w00012"
    assert south.name(110_819, 3) == "z32-s110819-e00003"


@pytest.mark.parametrize(("lon", "zones"), [(180.0, [60, 1]), (12.0, [32, 33]), (9.0, [32])])
def test_a_box_over_the_border_of_two_zones_has_a_grid_in_each(lon: float, zones: list[int]) -> None:
    grids = TileGrid.over([_box(-17.0, lon, 500.0)], 64.0, 50.0)
    assert [grid.zone for grid in grids] == zones
    for grid in grids:
        assert float(distance_m(*grid.centres(np.array([grid.top]), np.array([grid.left])), -17.0, lon)[0]) < 400


def test_no_ground_is_lost_between_two_zones() -> None:
    grids = TileGrid.over([_box(48.0, 12.0, 700.0)], 160.0, 32.0, described_m=32.0)
    lat, lon = (np.concatenate(axes) for axes in zip(*((a.ravel() for a in _all(g)) for g in grids), strict=True))
    places = np.random.default_rng(0).uniform(-300, 300, (500, 2))
    for east, north in places:
        away = enu_m(lat, lon, 48.0 + north / 111_200, 12.0 + east / 74_630)
        assert np.maximum(np.abs(away[0]), np.abs(away[1])).min() <= 16.1


@pytest.mark.parametrize(("side_m", "least"), [(320.0, 10), (600.0, 19), (31.0, 1), (33.0, 2)])
def test_cells_cover_the_whole_box(side_m: float, least: int) -> None:
    (grid,) = TileGrid.over([_box(0.5, 9.0, side_m - 0.01)], 160.0, 32.0, described_m=32.0)
    assert grid.bottom - grid.top in (least, least + 1)
    lat, lon = _all(grid)
    box = _box(0.5, 9.0, side_m)
    assert lat.max() + 16 / 110_574 >= box.north
    assert lat.min() - 16 / 110_574 <= box.south
    assert lon.min() - 16 / 111_315 <= box.west
    assert lon.max() + 16 / 111_315 >= box.east


def test_there_is_no_grid_in_zones_between_boxes() -> None:
    boxes = [_box(48.0, 9.0, 500.0), _box(48.01, 9.0, 500.0), _box(-33.0, 151.0, 500.0)]
    grids = TileGrid.over(boxes, 64.0, 50.0)
    assert [grid.zone for grid in grids] == [32, 56]
    assert [grid.bottom - grid.top for grid in grids] == [pytest.approx(31, abs=1), pytest.approx(10, abs=1)]
