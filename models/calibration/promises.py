"""Levels and confidence that hold on photos which were not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.calibration.conformal import bound
from models.calibration.estimate import recalibrated
from models.calibration.model import Promises
from models.calibration.outcomes import Outcome
from models.calibration.simplex import minimise

Floats = NDArray[np.float64]
LEAST_OF_A_KIND = 60
"""Clear and divided answers get levels of their own from so many photos on; fewer take those of all together."""
OUTSIDE_LOCALIZED = 0.015
"""At most this share of photos from outside may be called localized."""


def promised(before: Promises, seen: Sequence[Outcome], near: Floats, outside: float, area_m2: float) -> Promises:
    """Set what these photos can promise; what they are too few for stays.

    Args:
        before: promises so far.
        seen: photos inside and outside, of galleries of one size.
        near: (Q,) confidence so far, or the posterior within 25 m where there is none.
        outside: share of photos from outside to reckon with.
        area_m2: of the galleries.
    """
    inside = np.array([outcome.inside for outcome in seen])
    right = np.array([outcome.right for outcome in seen])
    shift, slope = fit_confidence(near, right, inside, outside)
    believed = np.array([outcome.belief.near for outcome in seen])
    reached = bound(believed[~inside], 1.0 - OUTSIDE_LOCALIZED)
    changes: dict[str, Any] = {
        **levels([outcome for outcome in seen if outcome.inside]),
        "area_m2": area_m2,
        "confidence_shift": shift + slope * before.confidence_shift,
        "confidence_slope": slope * before.confidence_slope,
        "photos": int(inside.sum()),
    }
    if reached is not None:
        changes["localized_from"] = min(reached, 1.0)
    return before.model_copy(update=changes)


def levels(inside: Sequence[Outcome]) -> dict[str, float]:
    """Give the conformal levels for which there are photos enough."""
    every = np.array([outcome.held for outcome in inside])
    turned = np.array([outcome.turn_held for outcome in inside])
    found = {"heading_level_68": bound(turned[~np.isnan(turned)], 0.68)}
    for kind, clear in (("clear", True), ("divided", False)):
        own = np.array([outcome.held for outcome in inside if outcome.belief.clear is clear])
        scores = own if len(own) >= LEAST_OF_A_KIND else every
        for percent in (68, 95):
            found[f"{kind}_level_{percent}"] = bound(scores, percent / 100)
    return {name: min(max(value, 1e-3), 1.0) for name, value in found.items() if value is not None}


def fit_confidence(
    near: Floats, right: NDArray[np.bool_], inside: NDArray[np.bool_], outside: float
) -> tuple[float, float]:
    """Find the line through log odds that makes confidence true; with few photos it stays near shift 0, slope 1."""
    weight = np.where(inside, (1 - outside) / max(inside.sum(), 1), outside / max((~inside).sum(), 1))
    weight *= len(near)

    def cost(line: Floats) -> float:
        shift, slope = float(line[0]), float(np.exp(line[1]))
        said = np.clip(recalibrated(near, shift, slope), 1e-9, 1 - 1e-9)
        loss = -(weight * np.where(right, np.log(said), np.log1p(-said))).sum()
        return float(loss + (line**2).sum())

    shift, log_slope = minimise(cost, np.zeros(2), np.array([0.3, 0.2]), tolerance=1e-4)
    return float(shift), float(np.exp(log_slope))
