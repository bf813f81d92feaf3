"""Fit a calibration to an operator's own photos: few numbers, and promises that hold whatever the fit is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.conformal import bound
from models.calibration.estimate import recalibrated
from models.calibration.evidence import best_cells, hidden, rows_of
from models.calibration.fit import OUTSIDE_SURE, SURE, Outcome, fit_confidence, outcomes
from models.calibration.likelihood import FIT_CELLS, FIT_OUTSIDE, log_score
from models.calibration.model import Calibration, FovCalibration
from models.calibration.simplex import minimise
from models.errors import DatasetError
from models.evaluation.evidence import CellEvidence

Floats = NDArray[np.float64]
LEAST_PHOTOS = 3
LEAST_TO_FIT = 60
"""With fewer photos the likelihood stays as it is and all of them promise."""
LEAST_OF_A_KIND = 60
"""Clear and divided answers get levels of their own from so many photos on."""
PULL = 20.0
"""Photos that the calibration before counts for."""
STEPS = np.array([1.0, 0.2, 0.3])


@dataclass(frozen=True, slots=True)
class Refit:
    """A new calibration and how it came about."""

    calibration: Calibration
    photos: int
    fitted_on: int
    """Photos behind the likelihood; 0 where it stayed."""
    promised_by: int
    """Photos behind radii and confidence."""


def refit(before: Calibration, parts: Sequence[CellEvidence]) -> Refit:
    """Fit to own photos.

    Args:
        before: calibration of the bundle.
        parts: evidence of own photos; row i of every part is the same photo.

    Raises:
        DatasetError: fewer than 3 photos lie inside the gallery, too few even for a radius of 68 %.
    """
    count = max(int(part.inside.sum()) for part in parts)
    if count < LEAST_PHOTOS:
        raise DatasetError(f"{count} photos with a place in the gallery; a radius of 68 % takes {LEAST_PHOTOS}.")
    fits = count >= LEAST_TO_FIT
    first, second = ([rows_of(part, np.arange(len(part)) % 2 == half) for part in parts] for half in (0, 1))
    changed = _likelihood(before, first) if fits else before
    promising = second if fits else list(parts)
    after = _promises(changed, [each for part in promising for each in (part, hidden(part))])
    fitted_on = max(int(part.inside.sum()) for part in first) if fits else 0
    return Refit(after, count, fitted_on, max(int(part.inside.sum()) for part in promising))


def _likelihood(before: Calibration, parts: Sequence[CellEvidence]) -> Calibration:
    """Move the log ratio by a shift and a factor, and sigma by a factor, the same at all fields of view."""
    listed = [best_cells(each, FIT_CELLS) for part in parts for each in (part, hidden(part))]
    inside, outside = (sum(int((part.inside == which).sum()) for part in listed) for which in (True, False))
    weights = [np.where(part.inside, (1 - FIT_OUTSIDE) / inside, FIT_OUTSIDE / outside) for part in listed]

    def cost(three: Floats) -> float:
        tried = _moved(before, three)
        score = sum(
            float(weight @ log_score(part, tried.at(part.fov_deg), FIT_OUTSIDE))
            for part, weight in zip(listed, weights, strict=True)
        )
        return PULL / (inside + PULL) * float(((three / STEPS) ** 2).sum()) / 2 - score

    return _moved(before, minimise(cost, np.zeros(3), STEPS))


def _moved(before: Calibration, three: Floats) -> Calibration:
    shift, factor, wider = float(three[0]), float(np.exp(three[1])), float(np.exp(three[2]))

    def moved(fov: FovCalibration) -> FovCalibration:
        """The factor turns the line about the knee, where background ends."""
        knee = min(fov.knee, 10.0)
        at_knee = fov.intercept + fov.per_deviation * knee
        return fov.model_copy(
            update={
                "intercept": at_knee + shift - factor * fov.per_deviation * knee,
                "per_deviation": factor * fov.per_deviation,
                "per_deviation_above": factor * fov.per_deviation_above,
                "position_sigma_m": min(1000.0, wider * fov.position_sigma_m),
            }
        )

    return before.model_copy(update={"fovs": tuple(moved(fov) for fov in before.fovs)})


def _promises(calibration: Calibration, parts: Sequence[CellEvidence]) -> Calibration:
    """Set levels and confidence at all fields of view alike, as far as there are photos enough for each."""
    seen = [
        (outcome, float(fov))
        for part in parts
        for outcome, fov in zip(outcomes(part, calibration), part.fov_deg, strict=True)
    ]
    inside = [outcome for outcome, _ in seen if outcome.inside]
    update = _levels(inside)
    near = np.array([_confidence(calibration, outcome, fov) for outcome, fov in seen])
    right, within = (np.array([getattr(outcome, name) for outcome, _ in seen]) for name in ("right", "inside"))
    shift, slope = fit_confidence(near, right, within, calibration.probability_outside)
    said = recalibrated(near, shift, slope)
    loud = [
        outcome.log_evidence if sure >= SURE else -np.inf
        for (outcome, _), sure in zip(seen, said, strict=True)
        if not outcome.inside
    ]
    reached = bound(np.array(loud), 1.0 - OUTSIDE_SURE)
    if reached is not None:
        update["evidence_nats"] = max(reached, 0.0)

    def promised(fov: FovCalibration) -> FovCalibration:
        line = {
            "confidence_shift": shift + slope * fov.confidence_shift,
            "confidence_slope": slope * fov.confidence_slope,
        }
        return fov.model_copy(update={**update, **line, "photos": len(inside)})

    return calibration.model_copy(update={"fovs": tuple(promised(fov) for fov in calibration.fovs)})


def _levels(inside: Sequence[Outcome]) -> dict[str, float]:
    every = np.array([outcome.held for outcome in inside])
    found = {}
    for kind, clear in (("clear", True), ("divided", False)):
        own = np.array([outcome.held for outcome in inside if outcome.belief.clear is clear])
        scores = own if len(own) >= LEAST_OF_A_KIND else every
        for percent in (68, 95):
            found[f"{kind}_level_{percent}"] = bound(scores, percent / 100)
    turned = np.array([outcome.turn_held for outcome in inside])
    found["heading_level_68"] = bound(turned[~np.isnan(turned)], 0.68)
    return {name: min(max(value, 1e-3), 1.0) for name, value in found.items() if value is not None}


def _confidence(calibration: Calibration, outcome: Outcome, fov_deg: float) -> float:
    """What was said of a photo before."""
    at = calibration.at(fov_deg)
    return float(recalibrated(np.array(outcome.belief.near), float(at.confidence_shift), float(at.confidence_slope)))
