"""A normal belief and a photo's likelihood put together: Bayes' rule over cells, exact for normal parts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.prior import OUTLIER_FACTOR, OUTLIERS
from service.fleet.gaussian import log_density, product, round_covariance
from service.fleet.mixture import Mixture, mixture_of
from service.fleet.observation import Observation

Floats = NDArray[np.float64]
LEAST_SHARE = 1e-6
MOST_DOUBT = 0.02
"""A photo that is not of here looks like somewhere near now and then: it has to be fifty to one."""


@dataclass(frozen=True, slots=True)
class Tilted:
    """A belief after a photo.

    Attributes:
        mixture: of what the cells make of the belief, and of the belief itself where the photo tells nothing.
        unexplained: share of the latter.
        told_nats: what the photo told of the place (Kullback-Leibler, after from before).
        log_factor: how much likelier the photo is of somewhere in the belief than of nothing (Bayes factor).
        narrows: is the place better known than before?
    """

    mixture: Mixture
    unexplained: float
    told_nats: float
    log_factor: float
    narrows: bool

    @property
    def explains(self) -> bool:
        """Is the photo of somewhere in the belief at all? Many a vehicle's is of nothing that the index knows."""
        return self.unexplained < MOST_DOUBT

    def supports(self, observation: Observation) -> bool:
        """Does the photo say enough of the place to move what was believed?"""
        return self.explains and self.narrows and self.told_nats >= observation.thresholds.told_nats


def tilt(observation: Observation, mean: Floats, covariance: Floats) -> Tilted:
    """Put a photo to a belief, normal around `mean` (2,) metres from the fix with `covariance` (2, 2).

    The photo was taken in cell j with the belief's share on it, and is exp(log ratio) as likely there as at a place it
    says nothing of; or, with probability `outside` and with what the belief lays off the index, it says nothing, and
    the belief stays as it was. Some beliefs err `OUTLIER_FACTOR` times as far as they say.
    """
    wide = covariance * OUTLIER_FACTOR**2
    log_parts, means, covariances, nothing = [], [], [], []
    for share, spread in ((1.0 - OUTLIERS, covariance), (OUTLIERS, wide)):
        at_cells = log_share(observation.xy_m, mean, spread, observation.sigma_m, observation.spacing_m)
        covered = _covered(observation, mean, spread, at_cells)
        off = observation.outside + (1.0 - observation.outside) * (1.0 - covered[1])
        rest = (1.0 - observation.outside) * (covered[1] - covered[0]) * math.exp(min(observation.log_rest, 0.0))
        nothing.append(share * (off + rest))
        log_parts.append(math.log(share * (1.0 - observation.outside)) + at_cells)
        centre, left = product(mean, spread, observation.xy_m, round_covariance(observation.sigma_m))
        means.append(centre)
        covariances.append(np.broadcast_to(left, (len(centre), 2, 2)))
    log_prior, ratio = np.concatenate(log_parts), np.tile(observation.log_ratio, 2)
    joint = log_prior + ratio
    total = np.logaddexp(np.logaddexp.reduce(joint, initial=-np.inf), math.log(sum(nothing)))
    cells, unexplained = np.exp(joint - total), np.exp(np.log(nothing) - total)
    mixture = mixture_of(
        np.concatenate([cells, unexplained]),
        np.concatenate([*means, mean[None], mean[None]]),
        np.concatenate([*covariances, covariance[None], wide[None]]),
        LEAST_SHARE,
    )
    lost = float(unexplained.sum())
    even = math.log((1.0 - observation.outside) / observation.outside)
    return Tilted(
        mixture=mixture,
        unexplained=lost,
        told_nats=float(cells @ ratio - total),
        log_factor=math.log(max(1.0 - lost, 1e-300)) - math.log(max(lost, 1e-300)) - even,
        narrows=bool(np.linalg.det(mixture.moments()[1]) < np.linalg.det(covariance)),
    )


def log_share(xy_m: Floats, mean: Floats, covariance: Floats, sigma_m: float, spacing_m: float) -> Floats:
    """(K,) log share of a normal belief on the ground of each cell, at most 1 together."""
    spread = covariance + round_covariance(sigma_m)
    share = log_density(xy_m - mean, spread) + 2.0 * math.log(spacing_m)
    return share - max(0.0, float(np.logaddexp.reduce(share, initial=-np.inf)))


def _covered(observation: Observation, mean: Floats, covariance: Floats, at_cells: Floats) -> tuple[float, float]:
    """Shares of a belief that fall on listed cells, and on the index."""
    listed = min(1.0, float(np.exp(at_cells).sum()))
    tiles = observation.covered
    if tiles is None:
        return listed, listed
    centres = np.stack([tiles.x_m, tiles.y_m], axis=1)
    side_m = tiles.side_m
    whole = np.exp(log_share(centres, mean, covariance, side_m / math.sqrt(12.0), side_m)).sum()
    return listed, max(listed, min(1.0, float(whole)))
