"""Prediction, against samples drawn from what it assumes and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.errors import ParameterError
from models.geo import distance_m
from service.tracking.belief import FLAT_RAD, Belief, Components, belief_of
from service.tracking.motion import Odometry, Velocity, headed, predict, turn_rad
from service.tracking.options import USUAL, Options
from service.tracking.step import Fix, Observation
from tests.service.tracking.synthetic import Grid

STILL = Options(drift_m2_per_s=0.0)


def one(heading_rad: float, heading_sigma: float, position_sigma: float = 3.0) -> Components:
    covariance = np.diag([position_sigma**2, position_sigma**2, heading_sigma**2])
    return Components(np.array([[10.0, -5.0, heading_rad]]), covariance[None], np.ones(1))


@pytest.mark.parametrize(("sigma_deg", "steps"), [(1.0, 3), (10.0, 2), (30.0, 2), (60.0, 1)])
def test_driving_moves_and_spreads_as_samples_do(sigma_deg: float, steps: int) -> None:
    """Exact for one step; after several a wide heading bends the cloud, and moments are what is left of that."""
    rng, count = np.random.default_rng(1), 400_000
    held = one(0.7, math.radians(sigma_deg))
    states = rng.multivariate_normal(held.mean[0], held.covariance[0], count)
    for _ in range(steps):  # what the heading errs goes on
        held, moved_m = predict(held, Odometry(40.0, 30.0, 2.0, 4.0), 1.0, STILL)
        turn = math.radians(30.0) + rng.normal(0, math.radians(4.0), count)
        metres = 40.0 + rng.normal(0, 2.0, count)
        middle = states[:, 2] + turn / 2
        states = states + np.column_stack([metres * np.sin(middle), metres * np.cos(middle), turn])
    assert moved_m == 40.0
    assert held.mean[0, :2] == pytest.approx(states[:, :2].mean(axis=0), abs=1.5)
    spread = np.cov(states[:, :2].T)
    assert held.covariance[0, :2, :2] == pytest.approx(spread, abs=0.06 * float(np.trace(spread)))
    assert turn_rad(held.mean[0, 2], 0.7 + steps * math.radians(30.0)) == pytest.approx(0.0, abs=1e-9)


def test_any_heading_spreads_to_all_sides() -> None:
    held, _ = predict(one(1.0, FLAT_RAD), Odometry(50.0, 0.0, 1e-3, 1.0), 1.0, STILL)
    assert held.mean[0, :2] == pytest.approx([10.0, -5.0], abs=0.5)
    assert np.diag(held.covariance[0])[:2] == pytest.approx([9 + 1250.0] * 2, rel=0.01)
    assert held.covariance[0, 2, 2] == FLAT_RAD**2


def test_speed_and_heading_go_that_way() -> None:
    held, moved_m = predict(one(0.0, FLAT_RAD), Velocity(12.0, 90.0, 5.0), 2.0, USUAL)
    assert moved_m == 24.0
    assert held.mean[0, 0] - 10.0 == pytest.approx(24.0, rel=0.05)
    assert math.degrees(held.mean[0, 2]) == pytest.approx(90.0, abs=2.0)


def test_a_walk_grows_with_time_as_an_integrated_ornstein_uhlenbeck_motion() -> None:
    for elapsed_s in (0.5, 5.0, 100.0):
        held, moved_m = predict(one(0.0, 0.1), None, elapsed_s, STILL)
        usual, tau = USUAL.fastest_mps / 3, USUAL.walk_tau_s
        grown = usual**2 * tau * (elapsed_s - tau * (1 - math.exp(-elapsed_s / tau)))
        assert held.covariance[0, 0, 0] == pytest.approx(9.0 + grown)
        assert moved_m < 0
    still, moved_m = predict(one(0.0, 0.1), None, 0.0, STILL)
    assert (moved_m, still.covariance[0, 0, 0]) == (0.0, 9.0)


def test_a_compass_is_a_kalman_update_and_a_wild_one_a_rough_one() -> None:
    held = headed(one(math.radians(350.0), math.radians(10.0)), math.radians(10.0), math.radians(10.0))
    assert math.degrees(held.mean[0, 2]) == pytest.approx(0.0, abs=1e-6)
    assert math.degrees(math.sqrt(held.covariance[0, 2, 2])) == pytest.approx(10.0 / math.sqrt(2))
    wild = headed(one(0.0, math.radians(2.0)), math.radians(120.0), math.radians(2.0))
    assert math.degrees(wild.mean[0, 2]) < 30.0


def test_time_backwards_is_refused_and_none_is_no_motion() -> None:
    tracker = Grid().tracker()
    first = tracker.step(None, Observation(100.0, fix=Fix(52.5, 13.4, 10.0)))
    again = tracker.step(first.belief, Observation(100.0, motion=Odometry(0.0)))
    assert again.belief.components.covariance == pytest.approx(first.belief.components.covariance, abs=0.2)
    with pytest.raises(ParameterError, match="timestamp"):
        tracker.step(first.belief, Observation(99.9, motion=Odometry(0.0)))


@pytest.mark.parametrize(("lat", "lon"), [(-16.8, 179.9995), (-16.8, -179.9995), (89.0, 0.0), (0.0, 0.0)])
def test_tracks_cross_the_antimeridian(lat: float, lon: float) -> None:
    tracker = Grid().tracker()
    belief: Belief | None = None
    for second in range(8):
        fix = Fix(lat, lon, 8.0) if second == 0 else None
        motion = Velocity(20.0, 90.0, 2.0) if second else None
        step = tracker.step(belief, Observation(float(second), fix=fix, motion=motion))
        belief = step.belief
    place = step.estimate.places[0]
    assert -180 <= place.lon < 180
    assert float(distance_m(place.lat, place.lon, lat, lon)) == pytest.approx(140.0, abs=8.0)


def test_fixes_of_one_moment_are_not_counted_twice() -> None:
    """A receiver errs the same way for half a minute; two minutes on it is another witness."""
    tracker = Grid().tracker()
    fix = Fix(52.5, 13.4, 20.0)
    step = tracker.step(None, Observation(0.0, fix=fix))
    wide = step.estimate.radius_m_68
    for second in range(1, 11):
        step = tracker.step(step.belief, Observation(float(second), fix=fix, motion=Odometry(0.0)))
    assert step.estimate.radius_m_68 > 0.8 * wide
    later = tracker.step(step.belief, Observation(200.0, fix=fix, motion=Odometry(0.0)))
    assert later.estimate.radius_m_68 < 0.8 * wide


def test_a_long_gap_makes_a_track_lost_but_not_wrong() -> None:
    tracker = Grid().tracker()
    step = tracker.step(None, Observation(0.0, fix=Fix(52.5, 13.4, 10.0)))
    later = tracker.step(step.belief, Observation(3e8, motion=None, fix=None))
    assert [notice.code for notice in later.notices if notice.code in ("gap", "lost")] == ["gap", "lost"]
    assert later.belief.lost > 0.9


@pytest.mark.parametrize("lat", [89.9999, -89.9999, 90.0])
def test_beyond_a_pole_there_is_no_place(lat: float) -> None:
    tracker = Grid().tracker()
    step = tracker.step(None, Observation(0.0, fix=Fix(lat, 30.0, 10.0)))
    onward = Velocity(100.0, 0.0 if lat > 0 else 180.0, 1.0)
    step = tracker.step(belief_of(step.belief.to_bytes()), Observation(60.0, motion=onward))
    assert abs(step.estimate.places[0].lat) <= 90.0
    assert abs(belief_of(step.belief.to_bytes()).lat) <= 90.0
