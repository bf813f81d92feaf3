"""Make a calibration from evidence: fit on one half of the photos, promise on the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.calibration.evidence import area_m2, area_nodes, fov_nodes, hidden, nearest_area, of_node, rows_of
from models.calibration.likelihood import fit_likelihood
from models.calibration.model import Calibration, FovCalibration, Promises
from models.calibration.outcomes import outcomes
from models.calibration.promises import promised
from models.errors import DatasetError
from models.evaluation.evidence import CellEvidence

Int64s = NDArray[np.int64]
LEAST_PHOTOS = 20
NORMAL_68 = 0.9945
"""A normal variable lies within this many sigmas with probability 0.68."""


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
        fitted.append(_with_promises(likely, [of_node(part, node, nodes) for part in second], probability_outside))
    return Calibration(
        probability_outside=probability_outside,
        fovs=tuple(fitted),
        gallery_cells=tuple(sorted({part.gallery_cells for part in parts})),
    )


def _with_promises(fitted: FovCalibration, parts: Sequence[CellEvidence], outside: float) -> FovCalibration:
    """Measure the spread of headings, then levels and confidence at every size of gallery."""
    off = np.array(
        [
            outcome.heading_error_deg
            for part in parts
            for outcome in outcomes(rows_of(part, part.inside), _alone(fitted, outside))
            if outcome.right
        ]
    )
    off = off[~np.isnan(off)]
    if len(off) >= LEAST_PHOTOS:
        sigma = max(0.05, float(np.quantile(off, 0.68)) / NORMAL_68)
        fitted = fitted.model_copy(update={"heading_sigma_deg": sigma})
    alone, nodes = _alone(fitted, outside), area_nodes(parts)
    made = []
    for node in nodes:
        alike = [part for part in parts if nearest_area(area_m2(part), nodes) == node]
        seen = [outcome for part in alike for outcome in outcomes(part, alone)]
        near = np.array([outcome.belief.near for outcome in seen])
        made.append(promised(Promises(), seen, near, outside, node))
    return fitted.model_copy(update={"promises": tuple(made)})


def _alone(fitted: FovCalibration, outside: float) -> Calibration:
    return Calibration(probability_outside=outside, fovs=(fitted,))


def with_hidden(part: CellEvidence) -> list[CellEvidence]:
    """Give the photos, and those from inside once more as photos from outside."""
    return [each for each in (part, hidden(part)) if len(each)]


def inside_at(parts: Sequence[CellEvidence], node: float, nodes: Sequence[float]) -> int:
    """Photos of a field of view inside the gallery that holds most of them."""
    return max(int(of_node(part, node, nodes).inside.sum()) for part in parts)
