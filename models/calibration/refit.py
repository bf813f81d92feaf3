"""Fit a calibration to an operator's own photos: few numbers, and promises that hold whatever the fit is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.estimate import recalibrated
from models.calibration.evidence import area_m2, best_cells, hidden, rows_of
from models.calibration.likelihood import FIT_CELLS, FIT_OUTSIDE, log_score
from models.calibration.model import Calibration, FovCalibration
from models.calibration.outcomes import Outcome, outcomes
from models.calibration.promises import promised
from models.calibration.simplex import minimise
from models.errors import DatasetError
from models.evaluation.evidence import CellEvidence

Floats = NDArray[np.float64]
LEAST_PHOTOS = 3
LEAST_TO_FIT = 60
"""With fewer photos the likelihood stays as it is and all of them promise."""
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
            float(weight @ log_score(part, tried.at(part.fov_deg, area_m2(part)), FIT_OUTSIDE))
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
    """Set levels and confidence at all fields of view and sizes alike, as far as there are photos enough for each."""
    seen = [outcome for part in parts for outcome in outcomes(part, calibration)]
    near = np.concatenate([_confidence(calibration, part, seen_of) for part, seen_of in _by_part(parts, seen)])

    def mended(fov: FovCalibration) -> FovCalibration:
        made = [
            promised(before, seen, near, calibration.probability_outside, before.area_m2) for before in fov.promises
        ]
        return fov.model_copy(update={"promises": tuple(made)})

    return calibration.model_copy(update={"fovs": tuple(mended(fov) for fov in calibration.fovs)})


def _by_part(
    parts: Sequence[CellEvidence], seen: Sequence[Outcome]
) -> Iterator[tuple[CellEvidence, Sequence[Outcome]]]:
    start = 0
    for part in parts:
        yield part, seen[start : start + len(part)]
        start += len(part)


def _confidence(calibration: Calibration, part: CellEvidence, seen: Sequence[Outcome]) -> Floats:
    """(Q,) what was said of photos before."""
    at = calibration.at(part.fov_deg, area_m2(part))
    near = np.array([outcome.belief.near for outcome in seen])
    return recalibrated(near, at.confidence_shift, at.confidence_slope)
