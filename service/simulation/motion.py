"""How a vehicle moves along a route: speeds, turns, stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.sample_city.street_sizes import StreetClass
from service.simulation.roads import Road, path_length_m

Floats = NDArray[np.float64]
CRUISE_MPS = {
    StreetClass.ARTERIAL: 13.9,
    StreetClass.COLLECTOR: 11.1,
    StreetClass.RESIDENTIAL: 8.3,
    StreetClass.LANE: 5.6,
    StreetClass.PEDESTRIAN: 2.0,
}
ACCELERATION, BRAKING = 1.5, 2.0
"""m/s2, of a car that nobody hurries."""
STEP_M = 1.0
STOP_CHANCE, STOP_S, STOP_BEFORE_M = 0.3, (2.0, 25.0), 6.0
"""At every junction: red lights, right of way, passengers."""
TURN_FROM_DEG, LEAST_TURN_MPS, TURN_MPS = 25.0, 1.5, 9.0
CHORD_M = 2.5
FASTEST_MPS = max(CRUISE_MPS.values())


@dataclass(frozen=True, slots=True)
class Motion:
    """A drive as it was: arrays (n,), one entry a time step.

    Attributes:
        seconds: since the start of the drive.
        xy_m: (n, 2) city metres. heading_deg: clockwise from grid north, [0, 360). speed_mps: along the street.
        width_m: of the street, between the outer edges of the pavements.
    """

    seconds: Floats
    xy_m: Floats
    heading_deg: Floats
    speed_mps: Floats
    width_m: Floats


@dataclass(frozen=True, slots=True)
class _Line:
    """The route by its length: vertices (n, 2) and metres (n,) to them."""

    path: Floats
    metres: Floats

    def at(self, metres: Floats) -> Floats:
        """(k, 2) points."""
        return np.stack([np.interp(metres, self.metres, self.path[:, axis]) for axis in (0, 1)], axis=1)

    def heading_deg(self, metres: Floats) -> Floats:
        """Direction of a short chord, so that a corner takes as long as a vehicle does."""
        east, north = (self.at(metres + CHORD_M) - self.at(metres - CHORD_M)).T
        turned = np.hypot(east, north) < 0.2 * CHORD_M  # in the middle of a U-turn
        ahead = (self.at(metres + CHORD_M) - self.at(metres)).T
        east, north = np.where(turned, ahead[0], east), np.where(turned, ahead[1], north)
        return np.asarray(np.degrees(np.arctan2(east, north)) % 360.0)


def drive(route: Sequence[Road], duration_s: float, step_s: float, rng: np.random.Generator) -> Motion:
    """Drive a route from standing for a time.

    Args:
        route: roads that follow one another, at least as long as the drive will be.
        step_s: between two entries of the answer, from 0 s to duration_s included.
    """
    lengths = np.array([path_length_m(road.path) for road in route])
    ends = np.cumsum(lengths)
    line = _join(route)
    metres = np.arange(0.0, ends[-1], STEP_M)
    on = np.minimum(np.searchsorted(ends, metres, side="right"), len(route) - 1)
    hurry = rng.uniform(0.8, 1.1)
    limit = hurry * np.array([CRUISE_MPS[road.rank] for road in route])[on]
    waits: dict[int, float] = {}
    for number, (before, after) in enumerate(pairwise(route)):
        turn = _turn_deg(before.path, after.path)
        if turn > TURN_FROM_DEG:
            near = np.abs(metres - ends[number]) <= 3.0
            limit[near] = np.minimum(limit[near], max(LEAST_TURN_MPS, TURN_MPS * (1.0 - turn / 180.0)))
        if rng.random() < STOP_CHANCE and lengths[number] > 4 * STOP_BEFORE_M:
            at = int((ends[number] - STOP_BEFORE_M) / STEP_M)
            waits[at] = float(rng.uniform(*STOP_S))
    limit[[0, *waits]] = 0.0
    speed = _attainable(limit)
    seconds, metres, speed = _timetable(metres, speed, waits)
    times = np.arange(0.0, duration_s + 0.5 * step_s, step_s)
    driven = np.interp(times, seconds, metres)
    widths = np.array([road.width_m for road in route])
    return Motion(
        seconds=times,
        xy_m=line.at(driven),
        heading_deg=line.heading_deg(driven),
        speed_mps=np.interp(times, seconds, speed),
        width_m=widths[np.minimum(np.searchsorted(ends, driven, side="right"), len(route) - 1)],
    )


def _join(route: Sequence[Road]) -> _Line:
    path = np.concatenate([route[0].path[:1], *(road.path[1:] for road in route)])
    steps = np.hypot(*np.diff(path, axis=0).T)
    return _Line(path, np.concatenate([[0.0], np.cumsum(steps)]))


def _turn_deg(before: Floats, after: Floats) -> float:
    """Angle in [0, 180] between the end of a path and the start of the next."""
    (a, b), (c, d) = before[-1] - before[-2], after[1] - after[0]
    return float(np.degrees(abs(np.arctan2(a * d - b * c, a * c + b * d))))


def _attainable(limit: Floats) -> Floats:
    """The fastest speeds below the limits, (n,) STEP_M apart, that acceleration and brakes allow."""
    speed = limit.copy()
    for i in range(1, len(speed)):
        speed[i] = min(speed[i], np.sqrt(speed[i - 1] ** 2 + 2 * ACCELERATION * STEP_M))
    for i in range(len(speed) - 2, -1, -1):
        speed[i] = min(speed[i], np.sqrt(speed[i + 1] ** 2 + 2 * BRAKING * STEP_M))
    return speed


def _timetable(metres: Floats, speed: Floats, waits: dict[int, float]) -> tuple[Floats, Floats, Floats]:
    """When the vehicle is where, how fast; a wait is two entries at one place."""
    seconds = np.concatenate([[0.0], np.cumsum(np.diff(metres) / (0.5 * (speed[1:] + speed[:-1])))])
    for at, wait in sorted(waits.items()):
        seconds[at + 1 :] += wait
    stops = np.array(sorted(waits), np.int64)
    left = seconds[stops] + np.array([waits[int(at)] for at in stops])
    where = stops + 1
    return np.insert(seconds, where, left), np.insert(metres, where, metres[stops]), np.insert(speed, where, 0.0)
