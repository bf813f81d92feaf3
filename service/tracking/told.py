"""What a belief amounts to: places, radii, confidence, heading, and a name for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.calibration.model import CONFIDENCE_RADIUS_M, Thresholds
from models.calibration.points import FAR_POINTS, PER_CELL, Circles, Points, disc
from models.geo import offset
from service.query import Status
from service.tracking.belief import Belief
from service.tracking.options import Options
from service.tracking.spots import Spot, spots


@dataclass(frozen=True, slots=True)
class TrackPlace:
    """Components that lie together.

    Attributes:
        heading_deg: clockwise from true north; None where it may be any.
        heading_accuracy_deg_68: the heading is no further off in 68 of 100 cases.
    """

    lat: float
    lon: float
    probability: float
    heading_deg: float | None
    heading_accuracy_deg_68: float | None


@dataclass(frozen=True, slots=True)
class TrackEstimate:
    """Where the camera is. Position and radii belong to the first place; without places there is neither.

    Attributes:
        covariance_m2: east-east, east-north, north-east, north-north of the first place.
        confidence: P(error <= 25 m) by the belief itself; not held against tracks of known places.
        probability_lost: of being somewhere in the index that no place stands for.
    """

    status: Status
    places: tuple[TrackPlace, ...]
    radius_m_68: float
    radius_m_95: float
    covariance_m2: tuple[float, float, float, float]
    confidence: float
    probability_outside: float
    probability_lost: float


def tell(
    belief: Belief, ground_m2: float, at: Thresholds, options: Options, most_places: int, *, covered: bool = True
) -> TrackEstimate:
    """Say where the camera is.

    Args:
        ground_m2: that the index shows.
        covered: False: there was a photo, and no imagery where the camera is believed to be.
    """
    held = belief.components
    found = spots(held)
    if not found:
        return TrackEstimate("no_match", (), 0.0, 0.0, (0.0, 0.0, 0.0, 0.0), 0.0, belief.outside, belief.lost)
    first = found[0]
    circles = _circles(belief, first, ground_m2)
    inside = max(1.0 - belief.outside, 0.0)
    confidence = inside * circles.within(CONFIDENCE_RADIUS_M)
    places = tuple(_place(belief, spot) for spot in found[:most_places] if spot.share > 1e-4 or spot is first)
    east, cross, north = (float(first.covariance[i, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    return TrackEstimate(
        status=_status(belief, confidence, sum(spot.share for spot in found[: at.places]), at, options, covered),
        places=places,
        radius_m_68=circles.radius(0.68),
        radius_m_95=circles.radius(0.95),
        covariance_m2=(east, cross, cross, north),
        confidence=confidence,
        probability_outside=belief.outside,
        probability_lost=belief.lost,
    )


def _status(belief: Belief, confidence: float, held: float, at: Thresholds, options: Options, covered: bool) -> Status:
    if belief.outside + belief.lost >= at.outside_at:
        return "no_match"
    if not covered:
        return "outside_coverage"
    if confidence >= at.localized_at and belief.evidence >= options.decides_from:
        return "localized"
    return "ambiguous" if held >= at.ambiguous_at else "no_match"


def _circles(belief: Belief, first: Spot, ground_m2: float) -> Circles:
    """Circles around the first place over all that is inside the index, the lost spread evenly over it."""
    held, inside = belief.components, max(1.0 - belief.outside, 1e-300)
    even, turn = disc(PER_CELL)
    away = np.sqrt(-2.0 * np.log1p(-(even**2)))
    unit = np.stack([away * np.cos(turn), away * np.sin(turn)])
    unit *= math.sqrt(2.0 / float((unit**2).sum(axis=0).mean()))
    variance, axes = np.linalg.eigh(held.covariance[:, :2, :2])
    root = axes * np.sqrt(np.maximum(variance, 0.0))[:, None, :]  # rounding may leave one below zero
    spread = held.mean[:, :2, None] + root @ unit
    far, far_turn = disc(FAR_POINTS)
    far_m = far * math.sqrt(ground_m2 / math.pi)
    points = Points(
        np.concatenate([spread[:, 0].ravel(), first.mean[0] + far_m * np.cos(far_turn)]),
        np.concatenate([spread[:, 1].ravel(), first.mean[1] + far_m * np.sin(far_turn)]),
        np.concatenate(
            [
                np.repeat(held.weight / PER_CELL, PER_CELL) / inside,
                np.full(FAR_POINTS, belief.lost / FAR_POINTS / inside),
            ]
        ),
    )
    return points.around(float(first.mean[0]), float(first.mean[1]))


def _place(belief: Belief, spot: Spot) -> TrackPlace:
    lat, lon = offset(belief.lat, belief.lon, spot.mean[0], spot.mean[1])
    spread = math.degrees(math.sqrt(float(spot.covariance[2, 2])))
    known = spread < 90.0
    return TrackPlace(
        lat=min(max(float(lat), -90.0), 90.0),
        lon=float(lon),
        probability=spot.share,
        heading_deg=math.degrees(float(spot.mean[2])) % 360.0 if known else None,
        heading_accuracy_deg_68=spread if known else None,
    )
