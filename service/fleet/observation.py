"""What one photo says around its fix: the search of a fleet's photo, to be done wherever searches are done."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.calibration.estimate import SMOOTH_CELLS, STEP_CELLS
from models.calibration.model import Calibration, Thresholds
from models.calibration.modes import SMOOTH_M, STEP_M, find_modes
from models.calibration.prior import REACH_SIGMAS, RoundPrior
from models.geo import enu_m, offset
from service.evidence import Covered, Queries
from service.fleet.fix import Fix, Place
from service.fleet.gaussian import round_covariance
from service.fleet.mixture import Mixture, mixture_of
from service.likelihood import Likelihood
from service.posterior import reckon
from service.view import View

Floats = NDArray[np.float64]
LOOKED_SIGMAS, LEAST_REACH_M, LEAST_CIRCLE_M = 8.0, 250.0, 25.0
"""A photo is compared with everything around its fix, so that a fix that is somewhat off is seen to be."""
EVEN = 0.5
LEAST_PART, MOST_PLACES = 1e-7, 12
NEAR_POLE_DEG = 89.9


class Photos(Protocol):
    """What photos are held against: `service.likelihood.LikelihoodSource`."""

    @property
    def calibration(self) -> Calibration: ...

    @property
    def spacing_m(self) -> float: ...

    def laid_out(self, view: View) -> Queries: ...

    def near(
        self, view: View, lat: float, lon: float, reach_m: float, queries: Queries | None = None
    ) -> Likelihood | None: ...

    def everywhere(self, view: View, queries: Queries | None = None) -> Likelihood: ...


@dataclass(frozen=True, slots=True)
class Alone:
    """Where the photo would be placed without its fix.

    Attributes:
        parts: its places, normal each, in metres around the fix; None: it tells no place.
        log_told: of the mean over the ground it was sought on of how much likelier it is there than at a place that it
            says nothing about; what lies off the index counts 0. known: the share that does not.
    """

    parts: Mixture | None
    place: Place | None
    log_told: float
    known: float

    @property
    def log_factor(self) -> float:
        """How much likelier it is of somewhere there than of nothing (Bayes factor)."""
        return float(np.logaddexp(self.log_told, math.log(max(1.0 - self.known, 1e-300))))

    def elsewhere(self, outside: float) -> float:
        """Probability that it is of none of its places, if it was of nothing there with `outside` before."""
        if self.parts is None:
            return 1.0
        nowhere = math.log(outside + (1.0 - outside) * (1.0 - self.known))
        return float(np.exp(nowhere - np.logaddexp(nowhere, math.log1p(-outside) + self.log_told)))


@dataclass(frozen=True, slots=True)
class Observation:
    """A photo's likelihood at every cell around its fix.

    Attributes:
        xy_m: (K, 2) cells, east and north of the fix. log_ratio: (K,) against a place that it says nothing about.
        log_rest: of the mean cell that is not listed, where `covered` says that some are not.
        sigma_m: spread of the place around its cell, along each axis.
        outside: probability before the look that the photo tells nothing of the place; `belonging` judges it.
    """

    xy_m: Floats
    log_ratio: Floats
    log_rest: float
    covered: Covered | None
    spacing_m: float
    sigma_m: float
    outside: float
    thresholds: Thresholds
    is_covered: bool
    alone: Alone


def observe(fix: Fix, view: View, source: Photos) -> Observation:
    """Hold a photo against what lies around its fix, and, if nothing there explains it, against everything.

    Pure, and safe to call from several threads at once; this is the part of a correction that costs.
    """
    queries = source.laid_out(view)
    reach_m = max(LEAST_REACH_M, LOOKED_SIGMAS * fix.sigma_m)
    near = source.near(view, fix.lat, fix.lon, reach_m, queries) if abs(fix.lat) < NEAR_POLE_DEG else None
    circle = RoundPrior(fix.sigma_m, max(LEAST_CIRCLE_M, REACH_SIGMAS * fix.sigma_m))
    if near is None:
        return _uncovered(fix, view, source, queries)
    ground = near.evidence.ground
    sigma_m = _sigma_m(near, source.calibration)
    alone = _alone(fix, near, source.calibration, RoundPrior(None, reach_m), sigma_m)
    if alone.parts is None:
        alone = _alone(fix, source.everywhere(view, queries), source.calibration, None, sigma_m)
    return Observation(
        xy_m=np.stack([ground.x_m, ground.y_m], axis=1),
        log_ratio=near.log_ratio,
        log_rest=near.log_rest,
        covered=near.evidence.covered,
        spacing_m=ground.spacing_m,
        sigma_m=sigma_m,
        outside=EVEN,
        thresholds=source.calibration.thresholds,
        is_covered=near.evidence.covered is not None or circle.allows(ground.x_m, ground.y_m, ground.spacing_m),
        alone=alone,
    )


def _uncovered(fix: Fix, view: View, source: Photos, queries: Queries) -> Observation:
    """No tile lies around the fix."""
    nothing = np.zeros(0)
    everywhere = source.everywhere(view, queries)
    return Observation(
        xy_m=np.zeros((0, 2)),
        log_ratio=nothing,
        log_rest=0.0,
        covered=None,
        spacing_m=source.spacing_m,
        sigma_m=source.spacing_m,
        outside=EVEN,
        thresholds=source.calibration.thresholds,
        is_covered=False,
        alone=_alone(fix, everywhere, source.calibration, None, _sigma_m(everywhere, source.calibration)),
    )


def _sigma_m(likelihood: Likelihood, calibration: Calibration) -> float:
    """Spread of the place around its cell, along each axis: of the field of view alone, whatever the area."""
    ground = likelihood.evidence.ground
    parameters = calibration.at(np.array([likelihood.fov_deg]), ground.area_m2)
    return math.hypot(float(parameters.position_sigma_m[0]), ground.spacing_m / math.sqrt(12.0))


def _alone(
    fix: Fix, likelihood: Likelihood, calibration: Calibration, circle: RoundPrior | None, sigma_m: float
) -> Alone:
    """Place a photo by itself: every place of a circle alike, or every place of the index.

    Near the fix anything that explains the photo will do; of the whole index only what localizes it.
    """
    found = reckon(likelihood, calibration, circle, 1).estimate
    evidence = likelihood.evidence
    area_m2 = evidence.ground.area_m2 if circle is None else math.pi * circle.reach_m**2
    share, log_told, known = _even(likelihood, area_m2)
    if found.status == "no_match" or (circle is None and found.status != "localized"):
        return Alone(None, None, log_told, known)
    parts = _places(likelihood, share, sigma_m)
    apart = np.array([float(metres) for metres in enu_m(evidence.lat, evidence.lon, fix.lat, fix.lon)])
    lat, lon = offset(evidence.lat, evidence.lon, found.places[0].x_m, found.places[0].y_m)
    return Alone(
        parts=replace(parts, mean=parts.mean + apart),
        place=Place(float(lat), float(lon), found.radius_m_68, found.radius_m_95),
        log_told=log_told,
        known=known,
    )


def _even(likelihood: Likelihood, area_m2: float) -> tuple[Floats, float, float]:
    """(K,) shares of the cells where every square metre of an area was as likely, `log_told` and `known` of `Alone`."""
    evidence = likelihood.evidence
    each = evidence.ground.spacing_m**2 / area_m2
    listed = each * len(likelihood.log_ratio)
    known = listed
    if evidence.covered is not None:
        known = len(evidence.covered.x_m) * evidence.covered.side_m**2 / area_m2
    elif evidence.ground.area_m2 == area_m2:
        known = 1.0
    scale = max(1.0, known, listed)
    log_cells = math.log(each / scale) + likelihood.log_ratio
    log_rest = math.log(max((known - listed) / scale, 1e-300)) + likelihood.log_rest
    log_told = np.logaddexp(np.logaddexp.reduce(log_cells), log_rest)
    return np.exp(log_cells - log_told), float(log_told), min(1.0, known)


def _places(likelihood: Likelihood, share: Floats, sigma_m: float) -> Mixture:
    """Make one normal of all cells that climb to the same summit."""
    ground = likelihood.evidence.ground
    kept = np.flatnonzero(share >= LEAST_PART * share.max())
    xy_m, share = np.stack([ground.x_m[kept], ground.y_m[kept]], axis=1), share[kept]
    step_m = max(STEP_M, STEP_CELLS * ground.spacing_m)
    of = find_modes(xy_m[:, 0], xy_m[:, 1], share, step_m, max(SMOOTH_M, SMOOTH_CELLS * ground.spacing_m))
    held = np.bincount(of, weights=share).astype(np.float64)
    mean = np.stack([np.bincount(of, weights=share * xy_m[:, axis]) for axis in (0, 1)], axis=1) / held[:, None]
    apart = xy_m - mean[of]
    squares = share[:, None, None] * apart[:, :, None] * apart[:, None, :]
    spread = np.zeros((len(held), 2, 2))
    np.add.at(spread, of, squares)
    covariance = spread / held[:, None, None] + round_covariance(sigma_m)
    first = np.argsort(-held, kind="stable")[:MOST_PLACES]
    return mixture_of(held[first], mean[first], covariance[first], LEAST_PART)
