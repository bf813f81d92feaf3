"""Vehicles stay on their streets, move as vehicles can, and come out of the seed alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from models.errors import UsageError
from models.geo import distance_m
from models.sample_city import City
from models.sample_city.street_sizes import StreetClass
from service.simulation.canyon import hidden_sky
from service.simulation.drives import Drive, draw_fleet
from service.simulation.motion import ACCELERATION, BRAKING, CRUISE_MPS, drive
from service.simulation.odometry import Sensors, measure
from service.simulation.roads import Road, lay_roads, path_length_m, random_route
from tests.service.simulation.conftest import PLAN


def straight(start: int, end: int, *points: tuple[float, float]) -> Road:
    return Road(start, end, np.array(points, np.float64), StreetClass.RESIDENTIAL, 10.0)


def test_both_ways_of_every_road_follow_one_another(city: City) -> None:
    roads = lay_roads(city, 30.0)
    for number, road in enumerate(roads.roads):
        back = roads.roads[number ^ 1]
        assert (road.start, road.end) == (back.end, back.start)
        assert np.array_equal(road.path, back.path[::-1])
        for onward in roads.after(number):
            assert np.hypot(*(roads.roads[onward].path[0] - road.path[-1])) < 2.0


def test_a_route_is_connected_and_turns_back_only_at_the_end_of_a_blind_alley(city: City) -> None:
    roads = lay_roads(city, 30.0)
    route = random_route(roads, 3000.0, np.random.default_rng(1))
    assert sum(path_length_m(roads.roads[number].path) for number in route) >= 3000.0
    for before, after in pairwise(route):
        assert roads.roads[before].end == roads.roads[after].start
        assert after != before ^ 1 or len(roads.leaving[roads.roads[before].end]) == 1


def test_a_city_without_roads_within_the_inset_is_refused(city: City) -> None:
    with pytest.raises(UsageError, match="larger extent"):
        lay_roads(city, 199.0)


def test_vehicles_stay_on_centre_lines(city: City, drives: list[Drive]) -> None:
    lines = np.concatenate([road.path for road in lay_roads(city, PLAN.inset_m).roads])
    for one in drives:
        nearest = np.hypot(*(one.motion.xy_m[:, None] - lines[None]).transpose(2, 0, 1)).min(axis=1)
        assert nearest.max() < 2.0  # vertices are up to 2 m apart
        assert one.motion.xy_m.min() >= PLAN.inset_m
        assert one.motion.xy_m.max() <= city.extent_m - PLAN.inset_m


def test_speed_is_what_a_car_can_do_and_agrees_with_the_way_made(drives: list[Drive]) -> None:
    for one in drives:
        speed, steps = one.motion.speed_mps, np.diff(one.motion.xy_m, axis=0)
        assert speed[0] == 0.0
        assert speed.max() <= 1.1 * max(CRUISE_MPS.values())
        assert np.diff(speed).max() <= ACCELERATION + 0.3
        assert -np.diff(speed).min() <= BRAKING + 0.3
        assert np.hypot(*steps.T).sum() == pytest.approx(speed.sum(), rel=0.03)


def test_a_turn_is_taken_slowly_and_ends_in_the_new_direction() -> None:
    corner = [straight(0, 1, (0, 0), (100, 0)), straight(1, 2, (100, 0), (100, 300))]
    motion = drive(corner, 30.0, 0.5, np.random.default_rng(5))
    at_corner = np.abs(motion.xy_m - np.array([100.0, 0.0])).max(axis=1) < 2.0
    assert motion.speed_mps[at_corner].max() < 5.5
    assert motion.heading_deg[0] == pytest.approx(90.0)
    assert motion.heading_deg[-1] == pytest.approx(0.0, abs=1e-6)
    assert motion.speed_mps.max() > 6.0


def test_walls_on_both_sides_hide_half_the_sky_where_they_are_as_high_as_far() -> None:
    heights = np.zeros((200, 200), np.float32)
    heights[:, :81] = heights[:, 120:] = 11.8  # 10 m from the middle, 10 m above the antenna
    at = np.array([[50.0, 50.0]])
    assert hidden_sky(heights, 0.0, at, np.array([0.0]))[0] == pytest.approx(0.5, abs=0.01)
    assert hidden_sky(heights, 0.0, at, np.array([90.0]))[0] == 0.0
    assert hidden_sky(np.zeros_like(heights), 0.0, at, np.array([0.0]))[0] == 0.0


def test_perfect_sensors_add_up_to_the_drive() -> None:
    seconds, speed = np.arange(11.0), np.full(11, 5.0)
    heading = np.arange(350.0, 372.0, 2.0) % 360.0
    odometry = measure(seconds, speed, heading, Sensors(0.0, 0.0, 0.0, 0.0), np.random.default_rng(1))
    assert odometry.metres.tolist() == [0.0] + [5.0] * 10
    assert odometry.turn_deg == pytest.approx([0.0] + [2.0] * 10)


def test_the_same_seed_gives_the_same_fleet_and_another_one_another(city: City, drives: list[Drive]) -> None:
    again, other = draw_fleet(city, PLAN), draw_fleet(city, replace(PLAN, seed=5))
    for one, same, different in zip(drives, again, other, strict=True):
        for name in ("lat", "gps_lat", "gps_lon", "course_deg", "takes_photo"):
            assert np.array_equal(getattr(one, name), getattr(same, name), equal_nan=True), name
        assert not np.array_equal(one.lat, different.lat)


def test_a_vehicle_more_changes_no_route(city: City, drives: list[Drive]) -> None:
    more = draw_fleet(city, replace(PLAN, vehicles=4))
    for one, same in zip(drives, more, strict=False):
        assert np.array_equal(one.lat, same.lat)


def test_gps_errs_by_what_it_was_told_and_photos_come_at_their_rate(drives: list[Drive]) -> None:
    for one in drives:
        error = distance_m(one.lat, one.lon, one.gps_lat, one.gps_lon)
        assert error == pytest.approx(np.hypot(*one.fixes.error_m.T), abs=0.05)
        assert 4 <= one.takes_photo.sum() <= 6
        assert not one.takes_photo[~one.fixes.has_fix].any()
    every = np.concatenate([one.sigma_m for one in drives])
    assert np.sqrt((every**2).mean()) == pytest.approx(PLAN.receiver.sigma_m)
