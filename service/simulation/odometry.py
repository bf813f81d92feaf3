"""What wheels and gyro say of a drive: a wrong scale, a slow drift, a little noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sensors:
    """Spread of the errors over vehicles, and their noise from step to step."""

    scale: float = 0.02
    """Of the speed that the wheels measure: worn tyres."""
    speed_noise_mps: float = 0.15
    drift_deg_per_s: float = 0.02
    """Of the gyro, constant over a drive."""
    turn_noise_deg: float = 0.2


@dataclass(frozen=True, slots=True)
class Odometry:
    """Per step, (n,), from the moment before to this one; the first is 0: metres ahead, degrees to the right."""

    metres: Floats
    turn_deg: Floats


def measure(
    seconds: Floats, speed_mps: Floats, heading_deg: Floats, sensors: Sensors, rng: np.random.Generator
) -> Odometry:
    """Measure a motion, (n,) each, as wheels and a gyro do; standing wheels say that they stand."""
    steps = np.diff(seconds, prepend=seconds[:1])
    scale, drift = 1.0 + rng.normal(0.0, sensors.scale), rng.normal(0.0, sensors.drift_deg_per_s)
    mean_speed = 0.5 * (speed_mps + np.concatenate([speed_mps[:1], speed_mps[:-1]]))
    noise = rng.normal(0.0, sensors.speed_noise_mps, len(seconds)) * (mean_speed > 0)
    turn = (np.diff(heading_deg, prepend=heading_deg[:1]) + 180.0) % 360.0 - 180.0
    turn_noise = rng.normal(0.0, sensors.turn_noise_deg, len(seconds))
    metres = np.maximum(scale * mean_speed + noise, 0.0) * steps
    return Odometry(metres, turn + drift * steps + np.where(steps > 0, turn_noise, 0.0))
