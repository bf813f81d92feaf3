from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.areas import AnyOf, Area, Box, Circle
from index.geojson import MOST_POSITIONS, area_from_geojson, read_area
from index.polygon import Polygon
from index.tiles import Bounds
from models.errors import ParameterError, SkyfixError, UsageError
from models.geo import offset

SQUARE = [[10.0, 50.0], [11.0, 50.0], [11.0, 51.0], [10.0, 51.0], [10.0, 50.0]]
HOLE = [[10.25, 50.25], [10.25, 50.75], [10.75, 50.75], [10.75, 50.25], [10.25, 50.25]]


def _holds(area: Area, *lon_lat: tuple[float, float]) -> list[bool]:
    lon, lat = np.array(lon_lat).T
    return [bool(found) for found in area.holds(lat, lon)]


def _polygon(*rings: list[list[float]]) -> Area:
    return area_from_geojson({"type": "Polygon", "coordinates": list(rings)})


def test_a_polygon_with_a_hole() -> None:
    area = _polygon(SQUARE, HOLE)
    assert _holds(area, (10.1, 50.5), (10.5, 50.5), (10.9, 50.9), (11.1, 50.5), (10.5, 49.9)) == [1, 0, 1, 0, 0]
    assert area.bounds == Bounds(10.0, 50.0, 11.0, 51.0)


def test_areas_that_share_an_edge_share_no_point() -> None:
    east = [[lon + 1, lat] for lon, lat in SQUARE]
    north = [[lon, lat + 1] for lon, lat in SQUARE]
    points = [(11.0, 50.5), (10.5, 51.0), (10.0, 50.0), (11.0, 50.0)]
    found = np.array([_holds(_polygon(ring), *points) for ring in (SQUARE, east, north)])
    assert found.sum(axis=0).tolist() == [1, 1, 1, 1]


def test_an_island_in_a_hole_is_a_polygon_of_its_own() -> None:
    island = [[10.4, 50.4], [10.6, 50.4], [10.5, 50.6], [10.4, 50.4]]
    area = area_from_geojson({"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], [island]]})
    assert _holds(area, (10.5, 50.45), (10.3, 50.5), (10.1, 50.5)) == [True, False, True]
    assert area.bounds == Bounds(10.0, 50.0, 11.0, 51.0)


def test_the_antimeridian_is_no_edge() -> None:
    across = _polygon([[179.0, -17.0], [-179.0, -17.0], [-179.0, -16.0], [179.0, -16.0], [179.0, -17.0]])
    halves: list[list[list[list[float]]]] = [
        [[[179, -17], [180, -17], [180, -16], [179, -16], [179, -17]]],
        [[[-180, -17], [-179, -17], [-179, -16], [-180, -16], [-180, -17]]],
    ]
    cut = area_from_geojson({"type": "MultiPolygon", "coordinates": halves})
    points = [(179.5, -16.5), (-179.5, -16.5), (180.0, -16.5), (-180.0, -16.5), (178.9, -16.5), (-178.9, -16.5)]
    for area in (across, cut, Box(179.0, -17.0, -179.0, -16.0)):
        assert _holds(area, *points) == [True, True, True, True, False, False]
        assert _holds(area, (0.0, -16.5), (179.5, 16.5)) == [False, False]
        assert area.bounds == Bounds(179.0, -17.0, -179.0, -16.0)


def test_many_corners_and_points_go_by_the_winding_of_a_star() -> None:
    angle = np.linspace(0, 2 * np.pi, 9001)[:-1]
    length = 0.1 + 0.05 * np.cos(6 * angle)
    star = Polygon(np.stack([50 + length * np.sin(angle), 10 + length * np.cos(angle)], axis=1))
    lat, lon = np.random.default_rng(0).uniform(-0.2, 0.2, (2, 5000))
    away, round_ = np.hypot(lat, lon), np.arctan2(lat, lon)
    assert np.array_equal(star.holds(50 + lat, 10 + lon), away < 0.1 + 0.05 * np.cos(6 * round_))


def test_a_box_knows_both_names_of_the_antimeridian() -> None:
    assert _holds(Box(170.0, 0.0, 180.0, 10.0), (-180.0, 5.0), (180.0, 5.0), (175.0, 10.0), (-179.0, 5.0)) == [
        1,
        1,
        1,
        0,
    ]
    assert _holds(Box(-180.0, -90.0, 180.0, 90.0), (-180.0, 5.0), (33.0, -90.0)) == [True, True]


@pytest.mark.parametrize("lat", [0.0, 50.0, -84.0])
@pytest.mark.parametrize("lon", [10.0, 180.0, -179.999])
@pytest.mark.parametrize("radius_m", [0.5, 500.0, 90_000.0, 300_000.0])
def test_the_bounds_of_a_circle_hold_it(lat: float, lon: float, radius_m: float) -> None:
    circle, angle = Circle(lat, lon, radius_m), np.linspace(0, 2 * np.pi, 1000)
    lats, lons = offset(lat, lon, 1.02 * radius_m * np.sin(angle), 1.02 * radius_m * np.cos(angle))
    inside = circle.holds(lats, lons)
    box = circle.bounds
    assert box.width_deg < 90
    assert Box(*box).holds(lats, lons)[inside].all()


def test_a_circle_around_a_pole_has_every_meridian() -> None:
    assert Circle(89.9, 0.0, 50_000.0).bounds[::2] == (-180.0, 180.0)


def test_any_of_several_priors() -> None:
    both = AnyOf((Circle(50.0, 179.9, 20_000.0), Circle(50.0, -179.5, 20_000.0)))
    assert _holds(both, (179.8, 50.0), (-179.4, 50.0), (179.0, 50.0), (0.0, 50.0)) == [True, True, False, False]
    assert both.bounds.width_deg < 2
    with pytest.raises(ParameterError, match="at least one"):
        AnyOf(())


def test_features_are_looked_into() -> None:
    feature = {"type": "Feature", "properties": None, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}
    other = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[p[0] + 5, p[1], 7.0] for p in SQUARE]]},
    }
    area = area_from_geojson({"type": "FeatureCollection", "features": [feature, other]})
    assert _holds(area, (10.5, 50.5), (15.5, 50.5), (13.0, 50.5)) == [True, True, False]
    assert len(area.parts) == 2
    assert not area_from_geojson(feature).parts


def _ring(*positions: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(positions)]}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "area: An area is a GeoJSON Polygon or MultiPolygon, not a NoneType"),
        ({"type": "Point", "coordinates": [1, 2]}, "not type 'Point'"),
        ({"type": ["Polygon"]}, r"not type \['Polygon'\]"),
        ({"type": "Polygon"}, "area.coordinates: A Polygon has a list of coordinates"),
        ({"type": "MultiPolygon", "coordinates": [[]]}, "area.coordinates.0: A polygon is a list of rings"),
        ({"type": "Feature", "geometry": None}, "area.geometry: "),
        ({"type": "FeatureCollection", "features": [{"type": "FeatureCollection"}]}, "area.features.0: "),
        (_ring(*SQUARE[:4]), "area.coordinates.0: .* last is the first again"),
        (_ring(*SQUARE[:2], SQUARE[0]), "at least four positions"),
        (_ring([50.0, 100.0], *SQUARE), "area.coordinates.0.0: lon 50, lat 100 .*; the longitude comes first"),
        (_ring([1, 2], [3, "4"]), r"area.coordinates.0.1: \[3, '4'\] is no position"),
        (_ring([1, 2], [True, 4]), "is no position"),
        (_ring([1, float("nan")]), "is no position"),
        (_ring([1, 10**400]), "is no position"),
        (_ring([1]), "is no position"),
        ({"type": "Polygon", "coordinates": [7]}, "area.coordinates.0: A ring is a list"),
        (_ring([-120, 80], [0, 80], [120, 80], [-120, 80]), "area.coordinates: A ring goes around a pole"),
        (_ring([-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]), "encloses no ground"),
        (_ring([0, 1], [5, 1], [9, 1], [0, 1]), "encloses no ground"),
        (_ring([0, 0], [180, 0], [90, 9], [0, 0]), "half around the globe"),
        (_ring(*[[0, 0]] * (MOST_POSITIONS + 1)), "more than 100,000 positions"),
    ],
)
def test_what_is_no_area_is_told_where(value: object, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        area_from_geojson(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Box(0.0, 10.0, 1.0, 9.0),
        lambda: Box(0.0, 10.0, 181.0, 11.0),
        lambda: Box(0.0, float("nan"), 1.0, 9.0),
        lambda: Circle(0.0, 0.0, -1.0),
        lambda: Polygon(np.zeros((4, 3))),
        lambda: Polygon(np.zeros((2, 2))),
        lambda: Polygon(np.array([[0, 0], [0, 1], [95, 0]])),
    ],
)
def test_what_is_no_shape_is_refused(make: Any) -> None:
    with pytest.raises(ParameterError):
        make()


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [SQUARE]}))
    assert _holds(read_area(path), (10.5, 50.5)) == [True]
    for text in ("{", "[" * 100_000, "\udcff".encode("utf-8", "surrogateescape")):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UsageError, match="no JSON"):
            read_area(path)
    with pytest.raises(SkyfixError, match="cannot be read"):
        read_area(tmp_path)
