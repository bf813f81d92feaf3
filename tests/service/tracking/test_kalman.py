"""Where everything is linear and normal, a track is a Kalman filter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.geo import offset
from service.tracking.belief import Belief, belief_of
from service.tracking.motion import Odometry
from service.tracking.options import Options
from service.tracking.step import Fix, Observation
from tests.service.tracking.synthetic import LAT, LON, Grid, MadeFrame

EXACT = Options(
    outlier_share=1e-9, fix_tau_s=0.0, fix_outliers=1e-9, fix_gross=1e-9, kidnapped=1e-9, photo_length_m=1e-3
)
GRID = Grid(side_m=800.0, spacing_m=4.0, sigma_m=3.0)


def position(belief: Belief) -> tuple[np.ndarray, np.ndarray]:
    """Mean (2,) around LAT, LON and covariance (2, 2) of all that is placed."""
    held = belief.around(LAT, LON).components
    share = held.weight / held.total
    mean = share @ held.mean[:, :2]
    apart = held.mean[:, :2] - mean
    return mean, np.einsum("k,kij->ij", share, held.covariance[:, :2, :2] + apart[:, :, None] * apart[:, None, :])


def gaussian(x_m: float, y_m: float, sigma_m: float) -> MadeFrame:
    x, y = GRID.xy
    return MadeFrame(GRID, 5.0 - ((x - x_m) ** 2 + (y - y_m) ** 2) / (2 * sigma_m**2))


@pytest.mark.parametrize("sends_bytes", [False, True])
def test_photos_fixes_and_odometry_are_a_kalman_filter(sends_bytes: bool) -> None:
    rng, tracker = np.random.default_rng(1), GRID.tracker(options=EXACT)
    truth, step = np.array([-120.0, 40.0]), None
    mean, covariance = np.zeros(2), np.zeros((2, 2))
    for number in range(25):
        east_m = 9.0
        odometry = Odometry(east_m, 0.0, forward_sigma_m=1.5, turn_sigma_deg=1e-6)
        if number == 0:
            fix = truth + rng.normal(0, 12, 2)
            lat, lon = offset(LAT, LON, *fix)
            seen = Observation(0.0, fix=Fix(float(lat), float(lon), 12.0), heading_deg=90.0, heading_sigma_deg=1e-3)
            step = tracker.step(None, seen)
            step = tracker.step(step.belief, Observation(0.0, heading_deg=90.0, heading_sigma_deg=1e-4))
            mean, covariance = fix, np.eye(2) * 144.0
            continue
        truth = truth + np.array([east_m + rng.normal(0, 1.5), 0.0])
        mean = mean + np.array([east_m, 0.0])
        covariance = covariance + np.diag([1.5**2, 0.0]) + np.eye(2) * EXACT.drift_m2_per_s
        sigma_m = (20.0, 15.0)[number % 2]
        measured = truth + rng.normal(0, sigma_m, 2)
        if number % 3 == 2:
            lat, lon = offset(LAT, LON, *measured)
            seen, noise = (
                Observation(float(number), fix=Fix(float(lat), float(lon), sigma_m), motion=odometry),
                sigma_m**2,
            )
        else:
            seen, noise = (
                Observation(float(number), gaussian(float(measured[0]), float(measured[1]), sigma_m), motion=odometry),
                sigma_m**2 + 9.0,
            )
        gain = covariance @ np.linalg.inv(covariance + np.eye(2) * noise)
        mean, covariance = mean + gain @ (measured - mean), covariance - gain @ covariance
        assert step is not None
        belief = belief_of(step.belief.to_bytes()) if sends_bytes else step.belief
        step = tracker.step(belief, seen)
        found, spread = position(step.belief)
        sigma = math.sqrt(float(np.trace(covariance)) / 2)
        assert np.hypot(*(found - mean)) < 0.01 * sigma + (0.01 if sends_bytes else 0.0), number
        assert spread == pytest.approx(covariance, abs=0.01 * sigma**2)
