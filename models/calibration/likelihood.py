"""Fit what a similarity says, by maximum likelihood of where photos were really taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.evidence import best_cells
from models.calibration.kernel import LEAST_SHAPE, MOST_SHAPE, log_density
from models.calibration.model import Calibration, FovCalibration, Parameters
from models.calibration.posterior import LEAST_SPREAD, posterior
from models.calibration.simplex import minimise
from models.evaluation.evidence import CellEvidence

Floats = NDArray[np.float64]
FIT_OUTSIDE = 0.25
"""Weight of outside photos in the fit, whatever their number: enough for a good line between inside and outside."""
FIT_CELLS = 160
STEPS = np.array([1.0, 0.2, 0.1, 0.3, 0.3, 0.2])


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Six numbers that hardly depend on each other, and the two that they are counted from.

    The log ratio at the reference, log slope in z up to it, slope in s, log sigma, log shape, log slope beyond it.
    """

    reference_z: float
    """The knee: what the best cell scores for photos from outside."""
    reference_s: float

    def calibration(self, six: Floats, fov_deg: float) -> FovCalibration:
        at_reference, log_slope, per_similarity, log_sigma, log_shape, log_above = (float(v) for v in six)
        slope, per_similarity = float(np.exp(min(log_slope, 5.0))), max(0.0, per_similarity)
        return FovCalibration(
            fov_deg=fov_deg,
            intercept=at_reference - slope * self.reference_z - per_similarity * self.reference_s,
            per_deviation=slope,
            knee=self.reference_z,
            per_deviation_above=float(np.exp(min(log_above, 5.0))),
            per_similarity=per_similarity,
            position_sigma_m=float(np.exp(np.clip(log_sigma, -2.0, 6.0))),
            position_shape=float(np.clip(np.exp(log_shape), LEAST_SHAPE, MOST_SHAPE)),
        )

    def six(self, fitted: FovCalibration) -> Floats:
        """The inverse of `calibration`."""
        above = fitted.per_deviation_above if fitted.knee < self.reference_z else fitted.per_deviation
        ratio = fitted.intercept + fitted.per_similarity * self.reference_s
        ratio += fitted.per_deviation * min(fitted.knee, self.reference_z)
        ratio += above * max(self.reference_z - fitted.knee, 0.0)
        logs = np.log(
            [max(fitted.per_deviation, 1e-3), fitted.position_sigma_m, fitted.position_shape, max(above, 1e-3)]
        )
        return np.array([ratio, logs[0], fitted.per_similarity, *logs[1:]])


def log_score(evidence: CellEvidence, parameters: Parameters, outside: float) -> Floats:
    """(Q,) log posterior of the truth: density per square metre inside, probability outside.

    A cell's share is spread over the ground by the kernel, the share of unlisted cells evenly over the gallery,
    so cells that rise together with their neighbours are one piece of evidence, not many.
    """
    found = posterior(
        evidence.similarity.astype(np.float64),
        evidence.background_mean.astype(np.float64),
        evidence.background_std.astype(np.float64),
        parameters,
        outside,
        gallery_cells=evidence.gallery_cells,
    )
    score = found.log_outside.copy()
    inside = evidence.inside
    sigma_m = np.hypot(parameters.position_sigma_m[inside], evidence.spacing_m / np.sqrt(12.0))
    density = log_density(evidence.error_m[inside], sigma_m[:, None], parameters.position_shape[inside, None])
    near = np.logaddexp.reduce(found.log_cells[inside] + density, axis=1)
    area_m2 = evidence.gallery_cells * evidence.spacing_m**2
    score[inside] = np.logaddexp(near, found.log_rest[inside] - np.log(area_m2))
    return np.maximum(score, -60.0)


def fit_likelihood(
    parts: Sequence[CellEvidence], fov_deg: float, start: FovCalibration | None = None, pull: float = 0.0
) -> FovCalibration:
    """Fit intercept, slopes and kernel.

    Args:
        parts: evidence of photos of about this field of view, any galleries, some photos from outside.
        fov_deg: what to call the result.
        start: where to begin; and, with `pull`, where to stay when the photos say little.
        pull: photos that `start` counts for.
    """
    parts = [best_cells(part, FIT_CELLS) for part in parts]
    z = np.concatenate([_best_z(part)[~part.inside] for part in parts])
    s = np.concatenate([part.similarity[part.inside, 0] for part in parts])
    names = Likelihood(max(0.0, float(np.median(z))), float(np.median(s)))
    begin = names.six(start) if start else np.array([6.0, np.log(3.0), 0.0, np.log(5.0), np.log(2.0), np.log(3.0)])
    inside, outside = sum(int(p.inside.sum()) for p in parts), sum(int((~p.inside).sum()) for p in parts)
    if not outside:
        raise ValueError("a fit needs photos from outside; `hidden` makes them of photos from inside")
    weights = [np.where(part.inside, (1 - FIT_OUTSIDE) / max(inside, 1), FIT_OUTSIDE / outside) for part in parts]

    def cost(six: Floats) -> float:
        fitted = names.calibration(six, fov_deg)
        total = -sum(
            float(weight @ log_score(part, _everywhere(fitted, len(part)), FIT_OUTSIDE))
            for part, weight in zip(parts, weights, strict=True)
        )
        kept = pull / (inside + pull) if pull else 0.0
        return total + kept * float((((six - begin) / STEPS) ** 2).sum()) / 2

    found = minimise(cost, begin, STEPS, tolerance=1e-4)
    return names.calibration(minimise(cost, found, STEPS / 2), fov_deg)  # a fresh simplex leaves where one was stuck


def _best_z(part: CellEvidence) -> Floats:
    spread = np.maximum(part.background_std, LEAST_SPREAD)
    best: Floats = (part.similarity[:, 0].astype(np.float64) - part.background_mean) / spread
    return best


def _everywhere(fitted: FovCalibration, count: int) -> Parameters:
    return Calibration(fovs=(fitted,)).at(np.full(count, fitted.fov_deg), fitted.promises[0].area_m2)
