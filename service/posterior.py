"""From what an index says to what an answer says: Bayes' rule with the prior, places on the map, a name for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery
from index.hits import Int64s
from models.calibration.estimate import Estimate, Ground, Place, estimate
from models.calibration.model import Calibration, Parameters
from models.calibration.posterior import Posterior, bayes, even_prior
from models.calibration.prior import REACH_SIGMAS, PlacePrior, RoundPrior
from models.geo import distance_m, offset
from service.evidence import Covered, PhotoEvidence
from service.likelihood import Likelihood
from service.query import Candidate, Prior, Reckoning

Floats = NDArray[np.float64]
MOST_CELLS = 2048
SMALLEST = 1e-12
"""Places that hold less are no candidates unless there is nothing else."""


@dataclass(frozen=True, slots=True)
class Reckoned:
    """An estimate and the cells that its places refer to."""

    estimate: Estimate
    evidence: PhotoEvidence
    kept: Int64s
    posterior: Posterior
    """Of the kept cells, in their order; the others count with the rest."""


def round_prior(prior: Prior) -> RoundPrior:
    """A normal where the prior tells its spread, else every place of its circle alike."""
    if prior.sigma_m is None:
        return RoundPrior(None, prior.radius_m)
    reach_m = prior.radius_m if prior.is_cut else max(prior.radius_m, REACH_SIGMAS * prior.sigma_m)
    return RoundPrior(prior.sigma_m, reach_m)


def reckon(likelihood: Likelihood, calibration: Calibration, prior: PlacePrior | None, places: int) -> Reckoned:
    """Say where the photo, or the photos, of a likelihood were taken.

    Args:
        prior: in the frame of the likelihood; None: every cell of the gallery is as likely as another.
        places: candidates wanted.
    """
    evidence = likelihood.evidence
    ground = evidence.ground
    area_m2 = ground.area_m2 if prior is None else math.pi * prior.reach_m**2
    parameters = calibration.at(np.array([likelihood.fov_deg]), area_m2)
    ratio = likelihood.log_ratio[None]
    if prior is None:
        log_prior, unlisted = even_prior(ratio.shape, ground.gallery_cells)
    else:
        log_prior = prior.log_share(ground.x_m, ground.y_m, ground.spacing_m)[None]
        unlisted = _unlisted(evidence.covered, prior, log_prior)
    rest = np.array([likelihood.log_rest])
    found = bayes(ratio, rest, calibration.probability_outside, log_prior=log_prior, unlisted_share=unlisted)
    kept = np.argsort(-found.log_cells[0], kind="stable")[:MOST_CELLS]
    part = _only(found, kept)
    return Reckoned(_estimate(part, parameters, ground, kept, calibration, places), evidence, kept, part)


def _unlisted(covered: Covered | None, prior: PlacePrior, log_prior: Floats) -> float:
    """Share of the prior that falls on tiles whose cells are not listed."""
    if covered is None:
        return 0.0
    whole = float(np.exp(prior.log_share(covered.x_m, covered.y_m, covered.side_m)).sum())
    return max(0.0, min(1.0, whole) - float(np.exp(log_prior).sum()))


def _only(found: Posterior, kept: Int64s) -> Posterior:
    """Keep some cells of a single photo; the others go to the rest."""
    dropped = np.setdiff1d(np.arange(found.log_cells.shape[1]), kept)
    if not dropped.size:
        return replace(found, log_cells=found.log_cells[:, kept])
    more = np.logaddexp.reduce(found.log_cells[:, dropped], axis=1)
    return replace(found, log_cells=found.log_cells[:, kept], log_rest=np.logaddexp(found.log_rest, more))


def _estimate(
    found: Posterior, parameters: Parameters, ground: Ground, kept: Int64s, calibration: Calibration, places: int
) -> Estimate:
    heading = None if ground.heading_deg is None else ground.heading_deg[kept]
    part = replace(ground, x_m=ground.x_m[kept], y_m=ground.y_m[kept], heading_deg=heading)
    return estimate(found, 0, parameters, part, calibration, max(places, calibration.thresholds.places))


def candidates(reckoned: Reckoned, gallery: Gallery, prior: Prior | None, top_k: int) -> tuple[Candidate, ...]:
    """Put places on the map, each with the tile of its likeliest cell."""
    places = [place for place in reckoned.estimate.places if place.probability > SMALLEST]
    places = places or list(reckoned.estimate.places[:1])
    return tuple(
        _candidate(rank, place, reckoned, gallery, prior) for rank, place in enumerate(places[:top_k], start=1)
    )


def _candidate(rank: int, place: Place, reckoned: Reckoned, gallery: Gallery, prior: Prior | None) -> Candidate:
    evidence = reckoned.evidence
    cell = int(reckoned.kept[place.best])
    row = int(evidence.rows[cell])
    at_lat, at_lon = gallery.cell_lat_lon(evidence.rows[cell : cell + 1], evidence.cells[cell : cell + 1])
    east_m, north_m = place.x_m - evidence.ground.x_m[cell], place.y_m - evidence.ground.y_m[cell]
    lat, lon = (float(v[0]) for v in offset(at_lat, at_lon, east_m, north_m))  # from the cell: that is near
    return Candidate(
        rank=rank,
        lat=lat,
        lon=lon,
        similarity=float(evidence.similarity[cell]),
        tile=gallery.tile(row),
        heading_deg=place.heading_deg,
        distance_to_prior_m=float(distance_m(lat, lon, prior.lat, prior.lon)) if prior else None,
        probability=place.probability,
        row=row,
        cell=int(evidence.cells[cell]),
    )


def reckoning(reckoned: Reckoned) -> Reckoning:
    """What the answer says of its first candidate and of itself."""
    found = reckoned.estimate
    return Reckoning(
        radius_m_68=found.radius_m_68,
        radius_m_95=found.radius_m_95,
        covariance_enu_m2=found.covariance_m2,
        confidence=found.confidence,
        probability_outside_index=found.probability_outside,
        heading_accuracy_deg_68=found.heading_accuracy_deg_68,
    )
