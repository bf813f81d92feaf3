"""Make a calibration from evidence: fit on one half of the photos, promise on the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.conformal import bound
from models.calibration.estimate import Belief, Ground, believe, recalibrated
from models.calibration.evidence import fov_nodes, hidden, of_node, rows_of
from models.calibration.likelihood import fit_likelihood
from models.calibration.model import CONFIDENCE_RADIUS_M, Calibration, FovCalibration, Parameters
from models.calibration.points import turn_deg
from models.calibration.posterior import Posterior, posterior
from models.calibration.simplex import minimise
from models.errors import DatasetError
from models.evaluation.evidence import CellEvidence

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
LEAST_PHOTOS = 20
SURE, OUTSIDE_SURE = 0.9, 0.015
"""At most this share of photos from outside may be called localized with a confidence of 0.9 or more."""
NORMAL_68 = 0.9945
"""A normal variable lies within this many sigmas with probability 0.68."""


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

    log_evidence: float

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
    parameters = calibration.at(evidence.fov_deg)
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
        yield Outcome(belief, inside, error_m if inside else np.inf, held, off, turned, float(found.log_evidence[row]))


def calibrate(
    parts: Sequence[CellEvidence], probability_outside: float = 0.05, photos: Sequence[Int64s] | None = None
) -> Calibration:
    """Fit a calibration from scratch.

    Args:
        parts: evidence against galleries of several sizes.
        probability_outside: share of photos from outside the index to reckon with.
        photos: (Q,) numbers of the photos of each part, the same for the same photo; their rows when None. Even ones
            are fitted on, odd ones make the promises.

    Raises:
        DatasetError: a field of view has fewer than 20 photos inside.
    """
    nodes = fov_nodes(parts)
    numbers = [np.arange(len(part)) for part in parts] if photos is None else photos
    first, second = (
        [
            each
            for part, number in zip(parts, numbers, strict=True)
            for each in with_hidden(rows_of(part, number % 2 == half))
        ]
        for half in (0, 1)
    )
    fitted = []
    for node in nodes:
        count = min(inside_at(half, node, nodes) for half in (first, second))
        if 2 * count < LEAST_PHOTOS:
            raise DatasetError(
                f"{2 * count} photos of about {node:g}° lie inside the gallery; a fit takes {LEAST_PHOTOS} or more."
            )
        likely = fit_likelihood([of_node(part, node, nodes) for part in first], node)
        promised = promises(likely, [of_node(part, node, nodes) for part in second], probability_outside)
        fitted.append(promised.model_copy(update={"photos": 2 * count}))
    return Calibration(
        probability_outside=probability_outside,
        fovs=tuple(fitted),
        gallery_cells=tuple(sorted({part.gallery_cells for part in parts})),
    )


def promises(fitted: FovCalibration, parts: Sequence[CellEvidence], probability_outside: float) -> FovCalibration:
    """Set the levels of radii and headings and the confidence so that they hold on these photos.

    What too few photos would have to promise stays as it is in `fitted`.
    """
    alone = Calibration(probability_outside=probability_outside, fovs=(fitted,))
    seen = [outcome for part in parts for outcome in outcomes(part, alone)]
    off = np.array([outcome.heading_error_deg for outcome in seen if outcome.right])
    off = off[~np.isnan(off)]
    if len(off) >= LEAST_PHOTOS:
        sigma = max(0.05, float(np.quantile(off, 0.68)) / NORMAL_68)
        alone = Calibration(
            probability_outside=probability_outside,
            fovs=(fitted.model_copy(update={"heading_sigma_deg": sigma}),),
        )
        seen = [outcome for part in parts for outcome in outcomes(part, alone)]
    held = {
        kind: np.array([outcome.held for outcome in seen if outcome.inside and outcome.belief.clear is clear])
        for kind, clear in (("clear", True), ("divided", False))
    }
    turned = np.array([outcome.turn_held for outcome in seen if outcome.inside])
    updates: dict[str, float | None] = {
        **{f"{kind}_level_68": bound(scores, 0.68) for kind, scores in held.items()},
        **{f"{kind}_level_95": bound(scores, 0.95) for kind, scores in held.items()},
        "heading_level_68": bound(turned[~np.isnan(turned)], 0.68),
    }
    shift, slope = fit_confidence(
        np.array([outcome.belief.near for outcome in seen]),
        np.array([outcome.right for outcome in seen]),
        np.array([outcome.inside for outcome in seen]),
        probability_outside,
    )
    said = recalibrated(np.array([outcome.belief.near for outcome in seen]), shift, slope)
    loud = [
        outcome.log_evidence if sure >= SURE else -np.inf
        for outcome, sure in zip(seen, said, strict=True)
        if not outcome.inside
    ]
    reached = bound(np.array(loud), 1.0 - OUTSIDE_SURE)
    nats = fitted.evidence_nats if reached is None else max(reached, 0.0)
    known = {name: min(max(value, 1e-3), 1.0) for name, value in updates.items() if value is not None}
    return alone.fovs[0].model_copy(
        update={**known, "confidence_shift": shift, "confidence_slope": slope, "evidence_nats": nats}
    )


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


def with_hidden(part: CellEvidence) -> list[CellEvidence]:
    """Give the photos, and those from inside once more as photos from outside."""
    return [each for each in (part, hidden(part)) if len(each)]


def inside_at(parts: Sequence[CellEvidence], node: float, nodes: Sequence[float]) -> int:
    """Photos of a field of view inside the gallery that holds most of them."""
    return max(int(of_node(part, node, nodes).inside.sum()) for part in parts)
