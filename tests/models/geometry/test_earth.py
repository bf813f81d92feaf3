"""Geodetic, geocentric and local positions against PROJ's own, round trips, and how flat the flat metres are."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pyproj import Transformer

from models.errors import GeometryInvalid
from models.geo import enu_m
from models.geometry.earth import ecef_of_geodetic, enu_of_geodetic, geodetic_of_ecef, geodetic_of_enu


@pytest.mark.parametrize(
    ("geodetic", "ecef"),
    [
        ((0, 0, 0), (6_378_137.0, 0, 0)),
        ((0, 90, 100), (0, 6_378_237.0, 0)),
        ((90, 0, 0), (0, 0, 6_356_752.314245)),
        ((-90, 0, -5), (0, 0, -6_356_747.314245)),
    ],
)
def test_positions_on_the_axes_of_the_ellipsoid(
    geodetic: tuple[float, float, float], ecef: tuple[float, float, float]
) -> None:
    np.testing.assert_allclose(ecef_of_geodetic(*geodetic), ecef, atol=1e-6)


def test_positions_come_back_within_a_micrometre_at_any_height() -> None:
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 2000)))
    lon, h = rng.uniform(-180, 180, 2000), rng.uniform(-11_000, 100_000, 2000)
    ecef = ecef_of_geodetic(lat, lon, h)
    found = geodetic_of_ecef(ecef)
    np.testing.assert_allclose(found[2], h, atol=1e-7)
    np.testing.assert_allclose(ecef_of_geodetic(*found), ecef, atol=1e-7)


def test_local_positions_come_back_within_a_micrometre() -> None:
    enu = np.random.default_rng(1).uniform(-50_000, 50_000, (1000, 3))
    for lat0, lon0 in [(48.0, 9.0), (-33.9, 179.9999), (0.0, 0.0), (89.9, -60.0)]:
        lat, lon, h = geodetic_of_enu(enu, lat0, lon0, 300.0)
        np.testing.assert_allclose(enu_of_geodetic(lat, lon, h, lat0, lon0, 300.0), enu, atol=1e-6)


def test_the_local_frame_is_the_topocentric_one_of_proj() -> None:
    steps = "+proj=pipeline +step +proj=cart +ellps=WGS84 +step +proj=topocentric +ellps=WGS84"
    proj = Transformer.from_pipeline(f"{steps} +lon_0=9 +lat_0=48 +h_0=250")
    lat, lon, h = np.array([48.01, 47.9, 48.0]), np.array([9.02, 8.9, 9.0]), np.array([300.0, 0.0, 251.0])
    expected = np.stack(proj.transform(np.radians(lon), np.radians(lat), h, radians=True), axis=-1)
    np.testing.assert_allclose(enu_of_geodetic(lat, lon, h, 48.0, 9.0, 250.0), expected, atol=1e-6)


def test_one_metre_up_is_up() -> None:
    np.testing.assert_allclose(enu_of_geodetic(48.0, 9.0, 101.0, 48.0, 9.0, 100.0), [0, 0, 1], atol=1e-8)


@pytest.mark.parametrize(
    ("lat0", "away_m", "apart_m", "longer_m", "below_m"),
    [
        (0.0, 2e4, 0.04, 0.011, 31.6),
        (48.0, 1e3, 0.087, 3e-6, 0.0785),
        (48.0, 2e4, 34.8, 0.022, 31.4),
        (75.0, 1e3, 0.292, 2e-5, 0.0782),
        (75.0, 2e4, 117.0, 0.14, 31.3),
    ],
)
def test_flat_metres_against_the_tangent_plane(
    lat0: float, away_m: float, apart_m: float, longer_m: float, below_m: float
) -> None:
    turn = np.linspace(0, 2 * np.pi, 73)
    plane = away_m * np.stack([np.sin(turn), np.cos(turn), np.zeros_like(turn)], axis=-1)
    lat, lon, _ = geodetic_of_enu(plane, lat0, 9.0)
    ground = enu_of_geodetic(lat, lon, 0.0, lat0, 9.0)
    east, north = enu_m(lat, lon, lat0, 9.0)
    assert np.hypot(east - ground[:, 0], north - ground[:, 1]).max() == pytest.approx(apart_m, rel=0.02)
    assert np.abs(np.hypot(east, north) - np.linalg.norm(ground, axis=1)).max() < longer_m
    assert -ground[:, 2].min() == pytest.approx(below_m, rel=0.01)


@pytest.mark.parametrize(("lat", "h"), [(90.1, 0), (np.nan, 0), (0, np.inf)])
def test_what_is_no_position_is_refused(lat: float, h: float) -> None:
    with pytest.raises(GeometryInvalid, match="position"):
        ecef_of_geodetic(lat, 0.0, h)


@pytest.mark.parametrize("points", [1.0, [1.0, 2.0], [np.nan, 0, 0]])
def test_what_are_no_points_is_refused(points: object) -> None:
    with pytest.raises(GeometryInvalid, match="Points"):
        geodetic_of_ecef(points)  # type: ignore[arg-type]


def test_without_pyproj_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pyproj'] = None\n"
        "from models.geometry.earth import ecef_of_geodetic\n"
        "try: ecef_of_geodetic(0, 0, 0)\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "need pyproj: install the `index` extra" in said
