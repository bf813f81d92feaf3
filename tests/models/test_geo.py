from __future__ import annotations

import numpy as np
import pytest
from pyproj import Geod

from models.geo import distance_m, enu_m, metres_per_degree, offset, wrap_heading, wrap_lon

WGS84 = Geod(ellps="WGS84")


@pytest.mark.parametrize(
    ("lat", "north_m", "east_m"),
    [
        (0, 110_574.28, 111_319.49),
        (45, 111_131.75, 78_846.81),
        (60, 111_412.24, 55_800.00),
        (-60, 111_412.24, 55_800.0),
    ],
)
def test_metres_per_degree_are_the_published_ones(lat: float, north_m: float, east_m: float) -> None:
    np.testing.assert_allclose(metres_per_degree(lat), (north_m, east_m), atol=0.05)


@pytest.mark.parametrize(("lon", "wrapped"), [(0, 0), (180, -180), (-180, -180), (181, -179), (-181, 179), (720, 0)])
def test_longitudes_wrap_into_one_turn(lon: float, wrapped: float) -> None:
    assert wrap_lon(lon) == wrapped


@pytest.mark.parametrize(("heading", "wrapped"), [(0, 0), (360, 0), (-90, 270), (725, 5), (-1e-20, 0)])
def test_headings_wrap_below_360(heading: float, wrapped: float) -> None:
    assert wrap_heading(heading) == wrapped


@pytest.mark.parametrize("lat", [0.0, 47.3, -33.9, 70.0])
@pytest.mark.parametrize("bearing", [0.0, 37.0, 90.0, 211.0])
def test_offsets_land_where_the_geodesic_does(lat: float, bearing: float) -> None:
    lon, found_lat, _ = WGS84.fwd(8.5, lat, bearing, 1000.0)
    east, north = enu_m(found_lat, lon, lat, 8.5)
    assert float(np.hypot(east, north)) == pytest.approx(1000.0, abs=1e-3)
    assert float(np.degrees(np.arctan2(east, north)) % 360) == pytest.approx(bearing, abs=0.02)


def test_offset_undoes_enu() -> None:
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(-70, 70, 200), rng.uniform(-180, 180, 200)
    east, north = rng.uniform(-50_000, 50_000, (2, 200))
    back = enu_m(*offset(lat, lon, east, north), lat, lon)
    np.testing.assert_allclose(back, (east, north), atol=1e-2)


def test_a_step_of_500_m_is_undone_to_a_tenth_of_a_millimetre() -> None:
    assert enu_m(*offset(60.0, 10.0, 300.0, -400.0), 60.0, 10.0) == pytest.approx((300.0, -400.0), abs=1e-4)


def test_offset_crosses_the_antimeridian() -> None:
    lat, lon = offset(-17.0, 179.9999, 100.0, 0.0)
    assert -180.0 <= lon < -179.99
    assert float(lat) == -17.0


@pytest.mark.parametrize("metres", [1.0, 100.0, 10_000.0])
def test_distance_agrees_with_the_geodesic(metres: float) -> None:
    lon, lat, _ = WGS84.fwd(2.35, 48.85, 63.0, metres)
    assert float(distance_m(48.85, 2.35, lat, lon)) == pytest.approx(metres, rel=2e-6)


def test_distance_crosses_the_antimeridian() -> None:
    across = float(distance_m(52.0, 179.9995, 52.0, -179.9995))
    assert across == pytest.approx(WGS84.inv(179.9995, 52.0, -179.9995, 52.0)[2], abs=1e-3)


def test_far_distances_are_within_half_a_percent() -> None:
    rng = np.random.default_rng(1)
    lat1, lat2 = rng.uniform(-85, 85, (2, 100))
    lon1, lon2 = rng.uniform(-180, 180, (2, 100))
    exact = WGS84.inv(lon1, lat1, lon2, lat2)[2]
    np.testing.assert_allclose(distance_m(lat1, lon1, lat2, lon2), exact, rtol=6e-3)


def test_distances_broadcast() -> None:
    assert distance_m(50.0, 10.0, np.full((4, 1), 50.0), np.linspace(10, 11, 3)).shape == (4, 3)
