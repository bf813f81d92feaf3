"""Hold a calibration against photos of known place: does it keep what it promises?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.estimate import Estimate, estimate
from models.calibration.evidence import area_m2
from models.calibration.model import CONFIDENCE_RADIUS_M, Calibration
from models.calibration.outcomes import grounds, posteriors
from models.calibration.points import turn_deg
from models.evaluation.evidence import CellEvidence

Floats = NDArray[np.float64]
BINS, SURE = 10, 0.9


@dataclass(frozen=True, slots=True)
class Check:
    """What a calibration was worth on one gallery; shares are of the photos inside unless another is named."""

    fov_deg: float
    """Median."""
    gallery_cells: int
    inside: int
    outside: int
    right: float
    """Errors of at most 25 m."""
    localized: float
    ambiguous: float
    no_match: float
    median_error_m: float | None
    """Of those called localized."""
    coverage_68: float
    coverage_95: float
    median_radius_m_68: float
    median_radius_m_95: float
    heading_coverage_68: float | None
    median_heading_error_deg: float | None
    confidence_mean: float
    calibration_error: float
    """Expected calibration error of confidence, in ten bins of equal width."""
    outside_localized_surely: float | None
    """Share of photos from outside called localized with a confidence of 0.9 or more."""
    outside_localized: float | None


def check(evidence: CellEvidence, calibration: Calibration) -> Check:
    """Answer every photo and compare with the truth."""
    answers = answer_all(evidence, calibration)
    inside = evidence.inside
    x, y = (np.array([getattr(answer.places[0], name) for answer in answers]) for name in ("x_m", "y_m"))
    error_m = np.where(inside, np.hypot(x - evidence.true_x_m, y - evidence.true_y_m), np.inf)
    confidence = np.array([answer.confidence for answer in answers])
    status = np.array([answer.status for answer in answers])
    radius = {p: np.array([getattr(answer, f"radius_m_{p}") for answer in answers]) for p in (68, 95)}
    right, localized = error_m <= CONFIDENCE_RADIUS_M, status == "localized"
    off, allowed = _headings(answers, evidence)
    known = inside & ~np.isnan(off)
    found = inside & localized
    return Check(
        fov_deg=float(np.median(evidence.fov_deg)),
        gallery_cells=evidence.gallery_cells,
        inside=int(inside.sum()),
        outside=int((~inside).sum()),
        right=_share(right[inside]),
        localized=_share(localized[inside]),
        ambiguous=_share(status[inside] == "ambiguous"),
        no_match=_share(status[inside] == "no_match"),
        median_error_m=float(np.median(error_m[found])) if found.any() else None,
        coverage_68=_share(error_m[inside] <= radius[68][inside]),
        coverage_95=_share(error_m[inside] <= radius[95][inside]),
        median_radius_m_68=float(np.median(radius[68][inside])) if inside.any() else np.nan,
        median_radius_m_95=float(np.median(radius[95][inside])) if inside.any() else np.nan,
        heading_coverage_68=_share(off[known] <= allowed[known]) if known.any() else None,
        median_heading_error_deg=float(np.median(off[known])) if known.any() else None,
        confidence_mean=float(confidence[inside].mean()) if inside.any() else np.nan,
        calibration_error=expected_calibration_error(confidence[inside], right[inside]),
        outside_localized_surely=_share((localized & (confidence >= SURE))[~inside]) if (~inside).any() else None,
        outside_localized=_share(localized[~inside]) if (~inside).any() else None,
    )


def answer_all(evidence: CellEvidence, calibration: Calibration) -> list[Estimate]:
    parameters = calibration.at(evidence.fov_deg, area_m2(evidence))
    found = posteriors(evidence, parameters, calibration.probability_outside)
    return [
        estimate(found, row, parameters, ground, calibration, most_places=calibration.thresholds.places)
        for row, ground in enumerate(grounds(evidence))
    ]


def expected_calibration_error(said: Floats, happened: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean gap between what was said and what happened, over bins of equal width weighted by their photos.

    Source: Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning (AAAI 2015).
    """
    number = np.minimum((said * bins).astype(int), bins - 1)
    gaps = [abs(float((said - happened)[number == each].sum())) for each in range(bins)]
    return sum(gaps) / max(1, len(said))


def _headings(answers: list[Estimate], evidence: CellEvidence) -> tuple[Floats, Floats]:
    """(Q,) errors and accuracies of the answered headings; NaN where there is none or the truth is unknown."""
    heading = np.array([np.nan if a.places[0].heading_deg is None else a.places[0].heading_deg for a in answers])
    allowed = [np.nan if a.heading_accuracy_deg_68 is None else a.heading_accuracy_deg_68 for a in answers]
    return np.abs(turn_deg(heading, evidence.true_heading_deg)), np.array(allowed)


def _share(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if values.size else float("nan")
