"""One fix by itself: the gate, and what fix and photo make together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.model import CONFIDENCE_RADIUS_M
from models.geo import offset
from service.fleet.fix import Corrected, Covariance, Fix, Status
from service.fleet.gaussian import radius_holding, round_covariance, round_radius, share_within
from service.fleet.mixture import Mixture
from service.fleet.observation import Observation
from service.fleet.tilt import Tilted, tilt

Floats = NDArray[np.float64]
LEAST_P = 1e-12
NOMINAL = (0.68, 0.95)


def innovation(observation: Observation, sigma_m: float) -> float | None:
    """-2 ln(p) of a fix under what its photo predicts: the photo's places, spread by the fix's own error.

    p is the probability of a fix where this density is no higher (the highest density region that the fix lies on the
    edge of), and at least the probability that the photo's place is another. With one place it is the squared
    Mahalanobis distance of the innovation.
    """
    alone = observation.alone
    if alone.parts is None:
        return None
    predicted = Mixture(alone.parts.weight, alone.parts.mean, alone.parts.covariance + round_covariance(sigma_m))
    elsewhere = alone.elsewhere(observation.outside)
    p = elsewhere + (1.0 - elsewhere) * predicted.tail(np.zeros(2))
    return float(-2.0 * np.log(min(1.0, max(p, LEAST_P))))


def kept(fix: Fix, status: Status = "kept") -> Corrected:
    """The fix as it was sent."""
    sigma_m = fix.sigma_m
    return Corrected(
        index=fix.index,
        device_id=fix.device_id,
        status=status,
        lat=fix.lat,
        lon=fix.lon,
        radius_m_68=round_radius(sigma_m, NOMINAL[0]),
        radius_m_95=round_radius(sigma_m, NOMINAL[1]),
        covariance_enu_m2=(sigma_m**2, 0.0, 0.0, sigma_m**2),
    )


def moved(fix: Fix, east_m: float, north_m: float) -> tuple[float, float]:
    lat, lon = offset(fix.lat, fix.lon, east_m, north_m)
    return float(lat), float(lon)


def by_photo(fix: Fix, tilted: Tilted, chi2: float | None) -> Corrected:
    """The mean of what fix and photo leave: no other point has a smaller mean square of errors."""
    mean, covariance = tilted.mixture.moments()
    lat, lon = moved(fix, float(mean[0]), float(mean[1]))
    away, within = tilted.mixture.around(float(mean[0]), float(mean[1]))
    radius_68, radius_95 = (float(np.interp(level, within, away)) for level in NOMINAL)
    return Corrected(
        index=fix.index,
        device_id=fix.device_id,
        status="corrected",
        lat=lat,
        lon=lon,
        radius_m_68=radius_68,
        radius_m_95=radius_95,
        covariance_enu_m2=flat(covariance),
        moved_m=float(np.hypot(*mean)),
        innovation_chi2=chi2,
        visual_used=True,
        confidence=float(np.interp(CONFIDENCE_RADIUS_M, away, within)),
    )


@dataclass(frozen=True, slots=True)
class Normals:
    """Normal beliefs of many fixes: metres (N, 2) from each fix, covariances (N, 2, 2), radii and shares (N,)."""

    apart: Floats
    covariance: Floats
    radius_68_m: Floats
    radius_95_m: Floats
    within: Floats
    """Share within 25 m."""


def normals(apart: Floats, covariance: Floats) -> Normals:
    radius_68_m, radius_95_m = (radius_holding(covariance, level) for level in NOMINAL)
    return Normals(apart, covariance, radius_68_m, radius_95_m, share_within(covariance, CONFIDENCE_RADIUS_M))


def by_motion(fix: Fix, step: int, found: Normals, unexplained: float | None) -> Corrected:
    """What motion and photos make of fix number `step` of a drive.

    Args:
        unexplained: probability that the fix's own photo tells nothing; None: it has none that counted.
    """
    east_m, north_m = found.apart[step].tolist()
    lat, lon = moved(fix, east_m, north_m)
    return Corrected(
        index=fix.index,
        device_id=fix.device_id,
        status="corrected",
        lat=lat,
        lon=lon,
        radius_m_68=float(found.radius_68_m[step]),
        radius_m_95=float(found.radius_95_m[step]),
        covariance_enu_m2=flat(found.covariance[step]),
        moved_m=math.hypot(east_m, north_m),
        visual_used=unexplained is not None,
        confidence=None if unexplained is None else (1.0 - unexplained) * float(found.within[step]),
    )


def flat(covariance: Floats) -> Covariance:
    (a, b), (c, d) = covariance.tolist()
    return a, b, c, d


def alone(fix: Fix, observation: Observation) -> Tilted:
    """Put the photo to the fix itself."""
    return tilt(observation, np.zeros(2), round_covariance(fix.sigma_m))
