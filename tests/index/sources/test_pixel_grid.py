from __future__ import annotations

import numpy as np
import pyproj
import pytest
from rasterio.transform import Affine

from index.sources.pixel_grid import PixelGrid
from models.geo import distance_m, offset
from tests.index.made import square_transform

SIDE = 20_000


def _grid(crs: str, lat: float, lon: float, step: float, turn_deg: float) -> PixelGrid:
    return PixelGrid.of("made", SIDE, SIDE, square_transform(crs, lat, lon, SIDE, step, turn_deg), pyproj.CRS(crs))


@pytest.mark.parametrize("turn_deg", [0.0, 25.0])
@pytest.mark.parametrize(
    ("crs", "lat", "lon", "step"),
    [
        pytest.param("EPSG:3857", 48.0, 11.0, 0.3, id="web Mercator"),
        pytest.param("EPSG:3857", 70.0, 25.0, 0.3, id="web Mercator, 70 degrees north"),
        pytest.param("EPSG:3857", -17.0, 180.0, 0.3, id="web Mercator, across the antimeridian"),
        pytest.param("EPSG:32633", 48.0, 15.0, 0.2, id="UTM"),
        pytest.param("EPSG:32635", 70.0, 25.0, 0.2, id="UTM, 70 degrees north"),
        pytest.param("EPSG:32760", -17.0, 180.0, 0.2, id="UTM, across the antimeridian"),
        pytest.param("EPSG:4326", 48.0, 11.0, 2e-6, id="degrees"),
        pytest.param("EPSG:4326", 70.0, 25.0, 2e-6, id="degrees, 70 degrees north"),
        pytest.param("EPSG:4326", -17.0, 180.0, 2e-6, id="degrees, across the antimeridian"),
    ],
)
def test_pixels_go_to_positions_and_back(crs: str, lat: float, lon: float, step: float, turn_deg: float) -> None:
    grid = _grid(crs, lat, lon, step, turn_deg)
    column, row = np.random.default_rng(1).uniform(0, SIDE, (2, 2000))
    lats, lons = grid.position(column, row)
    assert (np.abs(lons) <= 180.0).all()
    there_column, there_row = grid.pixel(lats, lons)
    assert np.hypot(there_column - column, there_row - row).max() < 1e-3


def test_a_position_is_where_the_projection_says() -> None:
    grid = PixelGrid.of("made", 100, 100, Affine(1, 0, 500_000, 0, -1, 5_538_700), pyproj.CRS("EPSG:32633"))
    lat, lon = grid.position(0, 0)
    assert (float(lat), float(lon)) == pytest.approx((50.0008, 15.0), abs=1e-3)
    assert distance_m(*grid.position(0, 100), lat, lon) == pytest.approx(100 / 0.9996, rel=1e-6)


@pytest.mark.parametrize(("lat", "lon"), [(0.0, 0.0), (60.0, 25.0), (-70.0, 179.999)])
def test_pixels_of_web_mercator_shrink_with_the_cosine_of_the_latitude(lat: float, lon: float) -> None:
    resolution_m = _grid("EPSG:3857", lat, lon, 1.0, 0.0).ground_resolution_m
    assert resolution_m == pytest.approx(np.cos(np.radians(lat)), rel=0.007)


def test_placements_across_the_antimeridian_are_as_elsewhere() -> None:
    here, there = (_grid("EPSG:3857", -17.0, lon, 0.3, 0.0) for lon in (180.0, 20.0))
    (lat, lon), (_, other) = offset(-17.0, 180.0, 30.0, 0.0), offset(-17.0, 20.0, 30.0, 0.0)
    one = here.placements(np.array([lat]), np.array([lon]), 20.0)
    assert one == pytest.approx(there.placements(np.array([lat]), np.array([other]), 20.0), abs=1e-3)
