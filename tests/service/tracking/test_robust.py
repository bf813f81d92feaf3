"""Tracks among wrong photos, against single photos and a plain particle filter; standing, carried off, lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from models.geo import enu_m
from service.tracking.belief import Belief, belief_of
from service.tracking.motion import Odometry
from service.tracking.step import Observation, Step
from tests.service.tracking.particles import ParticleFilter
from tests.service.tracking.synthetic import LAT, LON, Grid, MadeFrame, scene

GRID = Grid()
TILE_M = 64.0
FRAMES = 30


@dataclass
class Drive:
    """A drive with odometry that errs, and errors in metres after each photo."""

    tracked: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    particles: list[float] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def error_m(step: Step, x_m: float, y_m: float) -> float:
    if not step.estimate.places:
        return math.inf
    first = step.estimate.places[0]
    east, north = enu_m(first.lat, first.lon, LAT, LON)
    return math.hypot(float(east) - x_m, float(north) - y_m)


def drive(seed: int, *, wrong: float = 0.3, frames: int = FRAMES, carried_at: int = -1, strength: float = 5.0) -> Drive:
    rng, tracker, told = np.random.default_rng(seed), GRID.tracker(), Drive()
    x, y = GRID.xy
    particles = ParticleFilter(x, y, GRID.spacing_m, 4000, np.random.default_rng(seed + 1), GRID.cell_of)
    place, heading, belief = rng.uniform(-300, 300, 2), float(rng.uniform(0, 2 * np.pi)), None
    for number in range(frames):
        turn = float(rng.normal(0, 0.1) if rng.random() < 0.8 else rng.choice([-1, 1]) * np.pi / 2)
        metres = float(rng.normal(8.0, 1.0)) if number else 0.0
        there = place + metres * np.array([np.sin(heading + turn / 2), np.cos(heading + turn / 2)])
        if np.abs(there).max() > 540:  # turns round at the edge
            there, turn, metres = place, np.pi, 0.0
        place, heading = there, (heading + turn) % (2 * np.pi)
        if number == carried_at:
            place = rng.uniform(-400, 400, 2)
        frame = scene(
            GRID, float(place[0]), float(place[1]), heading, rng, strength=strength, wrong=rng.random() < wrong
        )
        said = Odometry(1.02 * metres + rng.normal(0, 0.2), math.degrees(turn) + rng.normal(0, 0.5))
        step = tracker.step(belief, Observation(float(number), frame, motion=said if number else None))
        belief = belief_of(step.belief.to_bytes())
        told.steps.append(step)
        told.tracked.append(error_m(step, *place))
        best = int(np.argmax(frame.log_ratio))
        told.alone.append(math.hypot(x[best] - place[0], y[best] - place[1]))
        assert frame.heading_rad is not None
        sigma = GRID.heading_sigma_rad
        guess = particles.step(frame.log_ratio, frame.heading_rad, sigma, said.forward_m, math.radians(said.turn_deg))
        told.particles.append(math.hypot(guess[0] - place[0], guess[1] - place[1]))
    return told


def test_with_a_third_of_wrong_photos_the_end_is_found_where_others_are_lost() -> None:
    drives = [drive(seed) for seed in range(4)]
    last = np.array([each.tracked[-1] for each in drives])
    assert last.max() < TILE_M
    assert np.median(last) < GRID.spacing_m / 2
    assert np.median([each.particles[-1] for each in drives]) > 2 * np.median(last)
    assert np.mean([error > TILE_M for each in drives for error in each.alone]) > 0.3
    sure = [
        error
        for each in drives
        for error, step in zip(each.tracked, each.steps, strict=True)
        if step.estimate.status == "localized"
    ]
    assert len(sure) > 0.6 * 4 * FRAMES
    assert max(sure) < TILE_M
    assert max(len(step.belief.to_bytes()) for each in drives for step in each.steps) < 8 * 1024


def test_a_camera_that_was_carried_off_is_found_again() -> None:
    """Within six photos 8 m apart; what was known is not given up for a single one."""
    for seed in range(4):
        told = drive(seed, wrong=0.0, frames=20, carried_at=9)
        assert max(told.tracked[2:9]) < TILE_M
        found = next(number for number in range(9, 20) if told.tracked[number] < TILE_M)
        assert 10 <= found <= 14
        assert "kidnapped" in [notice.code for notice in told.steps[found].notices]
        assert max(told.tracked[found:]) < TILE_M
        assert told.steps[19].estimate.status == "localized"


def standing(frame: MadeFrame, count: int, *, says_so: bool) -> list[Belief]:
    tracker, belief, found = GRID.tracker(), None, []
    for number in range(count):
        motion = Odometry(0.0) if says_so and number else None
        step = tracker.step(belief, Observation(float(number), frame, motion=motion))
        belief = step.belief
        found.append(belief)
        assert step.estimate.status != "localized"
    return found


@pytest.mark.parametrize(("says_so", "count", "most"), [(True, 100, 2.5), (False, 30, 2.5)])
def test_a_hundred_times_the_same_photo_is_hardly_more_than_once(says_so: bool, count: int, most: float) -> None:
    """Two places explain the photo, one by e^1.5 better: that stays about so, and no place gets sharper for ever."""
    x, y = GRID.xy
    better, other = (np.exp(-((x - x0) ** 2 + y**2) / (2 * GRID.sigma_m**2)) for x0 in (-200.0, 200.0))
    beliefs = standing(MadeFrame(GRID, 12.0 * better + 10.5 * other - 1.0), count, says_so=says_so)
    held = beliefs[-1].components
    left = float(held.weight[np.hypot(*(held.mean[:, :2] - [-200.0, 0.0]).T) < 60].sum())
    right = float(held.weight[np.hypot(*(held.mean[:, :2] - [200.0, 0.0]).T) < 60].sum())
    assert 0.5 < math.log(left / right) < most
    assert beliefs[-1].evidence < 1.5


def test_photos_of_nothing_leave_what_odometry_knows() -> None:
    told = drive(1, wrong=0.0, frames=8)
    belief, tracker = told.steps[-1].belief, GRID.tracker()
    blank = MadeFrame(GRID, np.zeros(GRID.cells), np.random.default_rng(1).uniform(0, 6, GRID.cells))
    before = told.steps[-1].estimate
    for number in range(30):
        step = tracker.step(belief, Observation(8.0 + number, blank, motion=Odometry(0.0, 0.0)))
        belief = step.belief
    assert step.estimate.status == "localized"
    east, north = enu_m(before.places[0].lat, before.places[0].lon, LAT, LON)
    assert error_m(step, float(east), float(north)) < 2.0
    assert step.estimate.places[0].heading_deg == pytest.approx(before.places[0].heading_deg, abs=6.0)


def test_the_whole_index_is_asked_only_when_what_is_near_does_not_explain_the_photo() -> None:
    rng, tracker = np.random.default_rng(3), GRID.tracker()
    belief, asked = None, []
    for number in range(5):
        frame = scene(GRID, 0.0, 8.0 * number, 0.0, rng, wrong=number == 4)
        step = tracker.step(belief, Observation(float(number), frame, motion=Odometry(8.0) if number else None))
        belief = step.belief
        asked.append((frame.asked, step.mode_used))
    assert asked[0] == (["anywhere"], "global")
    assert asked[2:] == [(["around"], "prior"), (["around"], "prior"), (["around", "anywhere"], "global")]


def test_the_same_seen_twice_gives_the_same_bytes() -> None:
    beliefs = [drive(2, frames=4).steps[-1].belief for _ in range(2)]
    assert beliefs[0].to_bytes() == beliefs[1].to_bytes()
