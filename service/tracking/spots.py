"""Components that lie together: places, and their moments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.modes import SMOOTH_M, STEP_M, find_modes
from service.tracking.belief import FLAT_RAD, Components, Floats
from service.tracking.motion import TWO_PI, turn_rad


@dataclass(frozen=True, slots=True)
class Spot:
    """Moments of components that lie together."""

    mean: Floats
    covariance: Floats
    share: float


def spots(held: Components) -> list[Spot]:
    """Places by falling weight."""
    return [moments(held.chosen(held_by)) for held_by in members(held)]


def members(held: Components) -> list[NDArray[np.int64]]:
    if not len(held):
        return []
    wide = np.sqrt(np.trace(held.covariance[:, :2, :2], axis1=1, axis2=2) / 2)
    usual = float(held.weight @ wide) / max(held.total, 1e-300)
    place_of = find_modes(held.mean[:, 0], held.mean[:, 1], held.weight, max(STEP_M, 2 * usual), max(SMOOTH_M, usual))
    return [np.flatnonzero(place_of == number) for number in range(int(place_of.max()) + 1)]


def moments(held: Components) -> Spot:
    share = held.weight / max(held.total, 1e-300)
    resultant = np.exp(-np.minimum(held.covariance[:, 2, 2], FLAT_RAD**2) / 2) * share
    sine, cosine = float(resultant @ np.sin(held.mean[:, 2])), float(resultant @ np.cos(held.mean[:, 2]))
    heading = math.atan2(sine, cosine) % TWO_PI
    mean = np.array([share @ held.mean[:, 0], share @ held.mean[:, 1], heading])
    apart = held.mean - mean
    apart[:, 2] = turn_rad(held.mean[:, 2], heading)
    covariance = np.einsum("k,kij->ij", share, held.covariance + apart[:, :, None] * apart[:, None, :])
    return Spot(mean, covariance, held.total)
