"""The drives of a fleet: where every vehicle was, what its GPS said, when it took photos; all from one seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.sample_city import City
from service.simulation.canyon import building_heights, hidden_sky
from service.simulation.gnss import Fixes, Receiver, Spoof, receive, sigmas
from service.simulation.motion import FASTEST_MPS, Motion, drive
from service.simulation.odometry import Odometry, Sensors, measure
from service.simulation.roads import lay_roads, random_route

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
STREAM = 5317
"""Tells the draws of the fleet from the city's own."""
COURSE_FROM_MPS, COURSE_NOISE_DEG, SPEED_NOISE_MPS = 2.0, 5.0, 0.5
"""A standing receiver knows no course."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate."""

    vehicles: int = 10
    duration_s: float = 600.0
    step_s: float = 1.0
    photo_every_s: float = 20.0
    seed: int = 1
    inset_m: float = 90.0
    """Of the roads within the city: nearer to its edge no tile of 160 m fits into the imagery."""
    receiver: Receiver = field(default_factory=Receiver)
    sensors: Sensors = field(default_factory=Sensors)
    spoof: Spoof | None = None
    spoofed_vehicles: float = 0.5
    """Share of the fleet that is spoofed, if any is."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One vehicle: arrays (n,), one entry a step, true and as measured.

    Attributes:
        lat, lon: true position. gps_lat, gps_lon: what the receiver said. heading_deg: true, from true north.
        sigma_m: standard deviation of the receiver's error along each axis, without a spoofer.
        course_deg: as the receiver measured it, NaN where it does not know; speed_mps likewise, always known.
        takes_photo: only where there is a fix.
    """

    device_id: str
    motion: Motion
    fixes: Fixes
    odometry: Odometry
    hidden: Floats
    sigma_m: Floats
    lat: Floats
    lon: Floats
    gps_lat: Floats
    gps_lon: Floats
    heading_deg: Floats
    course_deg: Floats
    speed_mps: Floats
    takes_photo: Bools

    def __len__(self) -> int:
        return len(self.lat)


def draw_fleet(city: City, plan: Plan) -> list[Drive]:
    """Drive all vehicles; the same city and plan give the same drives, and a vehicle more changes no other's route.

    Raises:
        UsageError: the city has no streets far enough within it.
    """
    roads, heights = lay_roads(city, plan.inset_m), building_heights(city)
    motions, hidden = [], []
    for number in range(plan.vehicles):
        rng = np.random.default_rng([STREAM, city.seed, plan.seed, number, 0])
        route = random_route(roads, 1.2 * FASTEST_MPS * plan.duration_s + 100.0, rng)
        motion = drive([roads.roads[road] for road in route], plan.duration_s, plan.step_s, rng)
        motions.append(motion)
        hidden.append(hidden_sky(heights, city.margin_m, motion.xy_m, motion.heading_deg))
    spread = sigmas(hidden, plan.receiver.sigma_m)
    return [
        _measured(city, plan, number, motion, sky, sigma)
        for number, (motion, sky, sigma) in enumerate(zip(motions, hidden, spread, strict=True))
    ]


def _measured(city: City, plan: Plan, number: int, motion: Motion, hidden: Floats, sigma_m: Floats) -> Drive:
    rng = np.random.default_rng([STREAM, city.seed, plan.seed, number, 1])
    spoof = plan.spoof if number < round(plan.spoofed_vehicles * plan.vehicles) else None
    fixes = receive(motion.seconds, sigma_m, plan.receiver, rng, spoof)
    truth = np.array([city.city_to_wgs84(x, y) for x, y in motion.xy_m])
    said = np.array([city.city_to_wgs84(x, y) for x, y in motion.xy_m + fixes.error_m])
    heading = (motion.heading_deg + city.convergence_deg) % 360.0
    course = (heading + rng.normal(0.0, COURSE_NOISE_DEG, len(heading))) % 360.0
    return Drive(
        device_id=f"vehicle-{number:02d}",
        motion=motion,
        fixes=fixes,
        odometry=measure(motion.seconds, motion.speed_mps, motion.heading_deg, plan.sensors, rng),
        hidden=hidden,
        sigma_m=sigma_m,
        lat=truth[:, 0],
        lon=truth[:, 1],
        gps_lat=said[:, 0],
        gps_lon=said[:, 1],
        heading_deg=heading,
        course_deg=np.where(motion.speed_mps >= COURSE_FROM_MPS, course, np.nan),
        speed_mps=np.maximum(motion.speed_mps + rng.normal(0.0, SPEED_NOISE_MPS, len(heading)), 0.0),
        takes_photo=_photo_times(motion.seconds, plan.photo_every_s, rng) & fixes.has_fix,
    )


def _photo_times(seconds: Floats, every_s: float, rng: np.random.Generator) -> Bools:
    """(n,) true at the first moment of every interval, which begin at a moment of the vehicle's own."""
    interval = np.floor((seconds - rng.uniform(0.0, every_s)) / every_s)
    return np.concatenate([[False], np.diff(interval) > 0])
