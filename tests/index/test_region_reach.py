"""Which boxes a circle can reach, held against the distances of points in them, also where longitudes end."""

from __future__ import annotations

import numpy as np
import pytest

from index.areas import Box
from index.region_reach import Boxes, check_circle, holds, middle_of, surround
from index.tiles import Bounds, fold_lon
from models.errors import ParameterError
from models.geo import distance_m

BOX = Bounds(10.0, 50.0, 10.1, 50.1)


def may_reach(box: Bounds, lat: float, lon: float, reach_m: float) -> bool:
    return Boxes([box], [0.0]).reached(lat, lon, reach_m) == [0]


@pytest.mark.parametrize(
    ("lat", "lon", "reach_m", "reached"),
    [
        (50.05, 10.05, 1.0, True),
        (50.05, 9.99, 600.0, False),  # 0.01 degrees of longitude are 717 m there
        (50.05, 9.99, 720.0, True),
        (50.11, 10.05, 1000.0, False),  # 0.01 of latitude are 1112 m
        (50.11, 10.05, 1120.0, True),
        (50.05, -169.95, 1e6, False),
        (-50.05, 10.05, 5e6, False),
        (0.0, 0.0, 25e6, True),
    ],
)
def test_a_box_is_reached_or_not(lat: float, lon: float, reach_m: float, reached: bool) -> None:
    assert may_reach(BOX, lat, lon, reach_m) is reached


def test_across_the_antimeridian() -> None:
    box = Bounds(179.9, -17.0, -179.8, -16.0)
    assert may_reach(box, -16.5, -179.9, 1.0)
    assert may_reach(box, -16.5, 179.95, 1.0)
    assert may_reach(box, -16.5, -179.79, 1200.0)
    assert not may_reach(box, -16.5, -179.79, 900.0)
    assert not may_reach(box, -16.5, 0.0, 1e6)
    assert may_reach(Bounds(-180.0, 10.0, -179.9, 11.0), 10.5, 179.995, 600.0)


def test_around_a_pole_every_meridian_is_near() -> None:
    box = Bounds(-120.0, 89.0, -110.0, 89.99)
    assert may_reach(box, 89.99, 60.0, 5000.0)
    assert not may_reach(Bounds(-120.0, 80.0, -110.0, 81.0), 89.99, 60.0, 5000.0)
    assert may_reach(Bounds(0.0, 89.95, 10.0, 89.96), 89.95, 90.0, 9000.0)


@pytest.mark.parametrize("seed", range(20))
def test_no_point_within_the_distance_is_ever_overlooked(seed: int) -> None:
    """Random boxes, also across the antimeridian and at the poles, and random points in them."""
    rng = np.random.default_rng(seed)
    seen = 0
    for _ in range(50):
        south = rng.choice([rng.uniform(-90, 88), 89.0, -90.0, 0.0])
        width, height = rng.choice([0.001, 0.1, 3.0, 200.0]), min(rng.choice([0.001, 0.1, 3.0]), 90.0 - south)
        west = float(rng.choice([rng.uniform(-180, 180), 179.95, -180.0]))
        box = Bounds(west, float(south), float(fold_lon(west + width)), float(south + height))
        lat = rng.uniform(box.south, box.north, 40)
        lon = fold_lon(west + rng.uniform(0, width, 40))
        at_lat = float(np.clip(rng.normal(box.south, 0.5), -90, 90))
        at_lon = float(fold_lon(west + rng.normal(0, 0.5 / max(0.01, np.cos(np.radians(at_lat))))))
        radius_m = float(10 ** rng.uniform(1, 6))
        near = distance_m(at_lat, at_lon, lat, lon) <= radius_m
        seen += int(near.any())
        assert may_reach(box, at_lat, at_lon, radius_m) or not near.any(), (box, at_lat, at_lon, radius_m)
        assert holds(box, lat, lon, 1.0).all(), box
    assert seen > 5


def test_points_beside_a_box_are_not_held() -> None:
    lat, lon = np.array([50.05, 50.05, 50.05, 50.2]), np.array([10.05, 10.1001, 10.2, 10.05])
    assert holds(BOX, lat, lon, 20.0).tolist() == [True, True, False, False]


def test_boxes_of_the_same_ground_are_neighbours() -> None:
    """Of footprints of 64 m: boxes that meet, also across the antimeridian, and not those 200 m away."""
    boxes = [
        BOX,
        Bounds(10.1, 50.0, 10.2, 50.1),
        Bounds(10.05, 50.1005, 10.06, 50.2),
        Bounds(10.05, 49.9, 10.06, 49.998),
        Bounds(-170.0, 50.0, -169.9, 50.1),
        Bounds(179.0, 50.0, -170.0, 50.1),
        Bounds(9.0, 49.0, 11.0, 51.0),
    ]
    found = Boxes(boxes, [64.0] * 7).neighbours()
    assert found == [[1, 2, 6], [0, 6], [0, 6], [6], [5], [4], [0, 1, 2, 3]]


def test_reached_members_are_named_by_their_numbers() -> None:
    boxes = [Bounds(10.0 + n, 50.0, 10.5 + n, 50.5) for n in range(5)]
    assert Boxes(boxes, [100.0] * 5).reached(50.2, 12.75, 18_000.0) == [2, 3]
    assert Boxes(boxes, [100.0] * 5).reached(50.2, 12.75, 17_000.0) == []


def test_boxes_are_surrounded() -> None:
    fiji = [Bounds(177.0, -18.0, 179.0, -17.0), Bounds(179.5, -17.0, -179.5, -16.0)]
    assert surround(fiji) == pytest.approx((177.0, -18.0, -179.5, -16.0))
    three = [Bounds(-170.0, 0, -20.0, 1), Bounds(-10.0, 0, 140.0, 1), Bounds(150.0, 0, 179.0, 1)]
    assert surround(three) == (150.0, 0.0, 140.0, 1.0)
    globe = [*three, Bounds(139.0, 0, 151.0, 2)]
    assert surround(globe) == (-180.0, 0.0, 180.0, 2.0)
    assert middle_of(fiji[1])[:2] == pytest.approx((-16.5, -180.0))


@pytest.mark.parametrize(("lat", "lon", "radius_m"), [(90.1, 0, 1), (0, 181, 1), (0, 0, 0), (0, 0, float("inf"))])
def test_circles_that_are_none(lat: float, lon: float, radius_m: float) -> None:
    with pytest.raises(ParameterError):
        check_circle(lat, lon, radius_m)


@pytest.mark.parametrize("seed", range(20))
def test_members_that_hold_points_of_a_box_meet_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    west, south = rng.uniform(-180, 180, 2), rng.uniform(-88, 85, 2)
    west[1], south[1] = (
        (west[0] + rng.uniform(-3, 3) + 180) % 360 - 180,
        np.clip(south[0] + rng.uniform(-3, 3), -88, 85),
    )
    box, other = (
        Bounds(float(w), float(s), float((w + 2.0 + 180) % 360 - 180), float(s) + 2.0)
        for w, s in zip(west, south, strict=True)
    )
    lat, lon = rng.uniform(box.south, box.north, 500), (box.west + rng.uniform(0, 2, 500) + 180) % 360 - 180
    inside = bool(Box(*other).holds(lat, lon).any())
    met = Boxes([box], [100.0]).meeting([other]) == [0]
    assert met or not inside
    assert Boxes([box], [100.0]).meeting([Bounds(box.west, -89.9, box.east, -89.8), other]) == ([0] if met else [])


def test_boxes_that_lie_apart_do_not_meet() -> None:
    members = Boxes([Bounds(179.5, 10.0, -179.5, 11.0), Bounds(20.0, 10.0, 21.0, 11.0)], [100.0, 100.0])
    assert members.meeting([Bounds(-179.0, 10.0, -178.0, 11.0)]) == []
    assert members.meeting([Bounds(-179.4995, 10.0, -178.0, 11.0)]) == [0]
    assert members.meeting([Bounds(21.0005, 10.5, 22.0, 10.6)]) == [1]
    assert members.meeting([Bounds(-180.0, -90.0, 180.0, 90.0)]) == [0, 1]
    assert members.meeting([Bounds(20.0, 11.01, 21.0, 12.0)]) == []
