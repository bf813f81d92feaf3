"""What a calibration makes of photos of known place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.estimate import Belief, Ground, believe
from models.calibration.evidence import area_m2
from models.calibration.model import CONFIDENCE_RADIUS_M, Calibration, Parameters
from models.calibration.points import turn_deg
from models.calibration.posterior import Posterior, posterior
from models.evaluation.evidence import CellEvidence

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One photo's belief beside the truth."""

    belief: Belief
    inside: bool
    error_m: float
    """Infinite outside."""
    held: float
    """Share of the posterior inside that is nearer to the answered position than the truth is; NaN outside."""
    heading_error_deg: float
    turn_held: float
    """Share of the posterior that turns less from the answered heading than the truth does."""

    @property
    def right(self) -> bool:
        return self.error_m <= CONFIDENCE_RADIUS_M


def posteriors(evidence: CellEvidence, parameters: Parameters, outside: float) -> Posterior:
    return posterior(
        evidence.similarity.astype(np.float64),
        evidence.background_mean.astype(np.float64),
        evidence.background_std.astype(np.float64),
        parameters,
        outside,
        gallery_cells=evidence.gallery_cells,
    )


def grounds(evidence: CellEvidence) -> Iterator[Ground]:
    for x_m, y_m, heading_deg in zip(evidence.x_m, evidence.y_m, evidence.heading_deg, strict=True):
        heading = None if np.isnan(heading_deg).any() else heading_deg
        yield Ground(x_m, y_m, heading, evidence.gallery_cells, evidence.spacing_m)


def outcomes(evidence: CellEvidence, calibration: Calibration) -> Iterator[Outcome]:
    """Lay every photo's posterior on the ground and look where the truth is."""
    parameters = calibration.at(evidence.fov_deg, area_m2(evidence))
    found = posteriors(evidence, parameters, calibration.probability_outside)
    for row, ground in enumerate(grounds(evidence)):
        belief = believe(found, row, parameters, ground)
        inside = bool(evidence.inside[row])
        error_m = float(np.hypot(evidence.true_x_m[row] - belief.x_m, evidence.true_y_m[row] - belief.y_m))
        held, off, turned = np.nan, np.nan, np.nan
        if inside:
            held = belief.circles.within(error_m)
        if inside and belief.heading_deg is not None and not np.isnan(evidence.true_heading_deg[row]):
            off = abs(float(turn_deg(belief.heading_deg, evidence.true_heading_deg[row])))
            turned = float(np.interp(off, *belief.turns()))
        yield Outcome(belief, inside, error_m if inside else np.inf, held, off, turned)
