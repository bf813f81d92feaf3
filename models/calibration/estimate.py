"""From a posterior over cells to what an answer says: places, radii, confidence, heading, status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.calibration.model import CLEAR_SHARE, CONFIDENCE_RADIUS_M, Calibration, Parameters, Thresholds
from models.calibration.modes import SMOOTH_M, STEP_M, find_modes
from models.calibration.points import Circles, arc, mean_heading, spread_points
from models.calibration.posterior import Posterior

Status = Literal["localized", "ambiguous", "no_match"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STEP_CELLS, SMOOTH_CELLS = 1.6, 0.8


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the listed cells of one photo lie, in metres of a flat frame."""

    x_m: Floats
    y_m: Floats
    """(K,) east and north."""
    heading_deg: Floats | None
    """(K,) heading of the photo's centre if it stood there; None where no heading is asked for."""
    gallery_cells: int
    spacing_m: float

    @property
    def area_m2(self) -> float:
        return max(1, self.gallery_cells) * self.spacing_m**2


@dataclass(frozen=True, slots=True)
class Place:
    """Cells that lie together, one candidate of an answer."""

    x_m: float
    y_m: float
    probability: float
    heading_deg: float | None
    best: int
    """Number of its likeliest cell."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of where a photo was taken. Position and radii belong to the first place."""

    status: Status
    places: tuple[Place, ...]
    """By falling probability."""
    radius_m_68: float
    radius_m_95: float
    covariance_m2: tuple[float, float, float, float]
    """East-east, east-north, north-east, north-north of the first place."""
    confidence: float
    """P(error <= 25 m)."""
    probability_outside: float
    heading_accuracy_deg_68: float | None


@dataclass(frozen=True, slots=True)
class Belief:
    """One photo's posterior laid on the ground; what fitting, checking and answering have in common."""

    ground: Ground
    share: Floats
    """(K,) of what is inside."""
    rest: float
    log_outside: float
    sigma_m: float
    heading_sigma_deg: float
    place_of: Ints
    """(K,) number of the place of each cell."""
    circles: Circles
    """Around the mean of the first place."""
    x_m: float
    y_m: float
    """Mean of the first place."""
    heading_deg: float | None

    @property
    def inside(self) -> float:
        return float(-np.expm1(self.log_outside))

    @property
    def near(self) -> float:
        """Probability, before it is held against photos of known place, that the error is at most 25 m."""
        return self.inside * self.circles.within(CONFIDENCE_RADIUS_M)

    @property
    def clear(self) -> bool:
        """Does one place hold nearly all of what is inside?"""
        return float(self.share[self.place_of == 0].sum()) >= CLEAR_SHARE

    def turns(self) -> tuple[Floats, Floats]:
        """Turns from the answered heading and the share of the posterior within each."""
        if self.heading_deg is None or self.ground.heading_deg is None:
            raise ValueError("no heading is asked for")
        return arc(self.ground.heading_deg, self.share, self.rest, self.heading_sigma_deg, self.heading_deg)


def believe(found: Posterior, row: int, parameters: Parameters, ground: Ground) -> Belief:
    """Lay the posterior of photo `row` on the ground."""
    log_outside = float(found.log_outside[row])
    log_inside = np.log(max(-np.expm1(log_outside), 1e-300))
    share = np.exp(found.log_cells[row] - log_inside)
    rest = float(np.exp(found.log_rest[row] - log_inside))
    sigma_m = float(np.hypot(parameters.position_sigma_m[row], ground.spacing_m / np.sqrt(12.0)))
    shape = float(parameters.position_shape[row])
    step_m = max(STEP_M, STEP_CELLS * ground.spacing_m)
    place_of = find_modes(ground.x_m, ground.y_m, share, step_m, max(SMOOTH_M, SMOOTH_CELLS * ground.spacing_m))
    first = place_of == 0
    weight = share[first] / max(share[first].sum(), 1e-300)
    heading = None
    if ground.heading_deg is not None:
        heading = mean_heading(ground.heading_deg[first], weight)
    points = spread_points(ground.x_m, ground.y_m, share, rest, sigma_m, shape, ground.area_m2)
    x_m, y_m = float(weight @ ground.x_m[first]), float(weight @ ground.y_m[first])
    return Belief(
        ground=ground,
        share=share,
        rest=rest,
        log_outside=log_outside,
        sigma_m=sigma_m,
        heading_sigma_deg=float(parameters.heading_sigma_deg[row]),
        place_of=place_of,
        circles=points.around(x_m, y_m),
        x_m=x_m,
        y_m=y_m,
        heading_deg=heading,
    )


def estimate(
    found: Posterior, row: int, parameters: Parameters, ground: Ground, calibration: Calibration, most_places: int = 50
) -> Estimate:
    """Say where photo `row` was taken."""
    belief = believe(found, row, parameters, ground)
    shift, slope = float(parameters.confidence_shift[row]), float(parameters.confidence_slope[row])
    confidence = float(recalibrated(np.array(belief.near), shift, slope))
    places = _places(belief, most_places)
    told = max(float(found.log_evidence[row]), float(found.information[row]))
    weak = belief.near < float(parameters.localized_from[row])
    outside = float(np.exp(belief.log_outside))
    level = parameters.heading_level_68[row]
    kind = "clear" if belief.clear else "divided"
    level_68, level_95 = (float(getattr(parameters, f"{kind}_level_{percent}")[row]) for percent in (68, 95))
    return Estimate(
        status=judge(confidence, outside, told, weak, places, calibration.thresholds),
        places=places,
        radius_m_68=belief.circles.radius(level_68),
        radius_m_95=belief.circles.radius(level_95),
        covariance_m2=_covariance(belief),
        confidence=confidence,
        probability_outside=outside,
        heading_accuracy_deg_68=None if belief.heading_deg is None else accuracy_deg(belief.turns(), float(level)),
    )


def judge(
    confidence: float, outside: float, told: float, weak: bool, places: tuple[Place, ...], at: Thresholds
) -> Status:
    """Name what the numbers amount to.

    Args:
        told: nats that the photo says for the index or in it, whichever is more.
        weak: photos from outside the index look as convincing as this one.
    """
    if outside >= at.outside_at or told < at.told_nats:
        return "no_match"
    if confidence >= at.localized_at and not weak:
        return "localized"
    held = sum(place.probability for place in places[: at.places])
    return "ambiguous" if held >= at.ambiguous_at else "no_match"


def recalibrated(probability: Floats, shift: Floats | float, slope: Floats | float) -> Floats:
    """Move the log odds of probabilities along a line."""
    clipped = np.clip(probability, 1e-9, 1.0 - 1e-9)
    moved: Floats = 1.0 / (1.0 + np.exp(-(shift + slope * np.log(clipped / (1.0 - clipped)))))
    return moved


def accuracy_deg(turns: tuple[Floats, Floats], level: float) -> float:
    away, held = turns
    return float(np.interp(level, np.append(0.0, held), np.append(0.0, away)))


def _places(belief: Belief, most: int) -> tuple[Place, ...]:
    ground, places = belief.ground, []
    for number in range(min(most, int(belief.place_of.max()) + 1)):
        cells = np.flatnonzero(belief.place_of == number)
        held = float(belief.share[cells].sum())
        weight = belief.share[cells] / max(held, 1e-300)
        heading = None if ground.heading_deg is None else mean_heading(ground.heading_deg[cells], weight)
        places.append(
            Place(
                x_m=float(weight @ ground.x_m[cells]),
                y_m=float(weight @ ground.y_m[cells]),
                probability=held * belief.inside,
                heading_deg=heading,
                best=int(cells[belief.share[cells].argmax()]),
            )
        )
    return tuple(places)


def _covariance(belief: Belief) -> tuple[float, float, float, float]:
    first = belief.place_of == 0
    weight = belief.share[first] / max(belief.share[first].sum(), 1e-300)
    dx, dy = belief.ground.x_m[first] - belief.x_m, belief.ground.y_m[first] - belief.y_m
    own = belief.sigma_m**2
    cross = float(weight @ (dx * dy))
    return float(weight @ dx**2) + own, cross, cross, float(weight @ dy**2) + own
