"""Mixtures of normals on the plane: what a photo and a fix leave of where a vehicle may be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.points import disc
from service.fleet.gaussian import chi2_tail, mahalanobis2

Floats = NDArray[np.float64]
PER_PART = 32
"""Points that stand for one part when circles are laid over a mixture."""
RINGS, SPOKES, LAST_CHI2 = 120, 12, 60.0
"""Of the quadrature of a tail; beyond the last ring lies 1e-13 of a part."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Parts with weights (K,) that sum to 1, means (K, 2) in metres east and north, covariances (K, 2, 2)."""

    weight: Floats
    mean: Floats
    covariance: Floats

    def moments(self) -> tuple[Floats, Floats]:
        """Mean (2,) and covariance (2, 2) of the whole."""
        mean = self.weight @ self.mean
        apart = self.mean - mean
        spread = self.covariance + apart[:, :, None] * apart[:, None, :]
        return mean, np.einsum("k,kij->ij", self.weight, spread)

    def around(self, x_m: float, y_m: float) -> tuple[Floats, Floats]:
        """Distances from a place, rising, and the share of the mixture within each."""
        points = self._points()
        away = np.hypot(points[..., 0] - x_m, points[..., 1] - y_m).ravel()
        share = np.repeat(self.weight / PER_PART, PER_PART)
        order = np.argsort(away)
        return np.append(0.0, away[order]), np.append(0.0, np.cumsum(share[order]))

    def _points(self) -> Floats:
        """(K, PER_PART, 2) points of equal share."""
        even, turn = disc(PER_PART)
        away = np.sqrt(-2.0 * np.log1p(-(even**2)))
        unit = np.stack([away * np.cos(turn), away * np.sin(turn)], axis=1)
        points: Floats = self.mean[:, None] + np.einsum("kij,pj->kpi", np.linalg.cholesky(self.covariance), unit)
        return points

    def log_density(self, at: Floats) -> Floats:
        """(M,) log of the density at points (M, 2)."""
        whiten = np.linalg.inv(np.linalg.cholesky(self.covariance))
        scale = np.log(np.maximum(self.weight, 1e-300)) - math.log(2.0 * math.pi)
        scale += np.log(whiten[:, 0, 0] * whiten[:, 1, 1])
        found = np.full(len(at), -np.inf)
        for part, white, mean in zip(scale, whiten, self.mean, strict=True):
            found = np.logaddexp(found, part - (((at - mean) @ white.T) ** 2).sum(axis=1) / 2.0)
        return found

    def tail(self, at: Floats) -> float:
        """Probability of a place where the mixture is no denser than at a point (2,): 1 less the level of its contour.

        Of one part that is exp(-d^2 / 2), d the Mahalanobis distance; of several a quadrature in rings around each.
        """
        if len(self.weight) == 1:
            return chi2_tail(float(mahalanobis2(at - self.mean[0], self.covariance[0])))
        edge = LAST_CHI2 * np.linspace(0.0, 1.0, RINGS + 1) ** 2
        away, held = np.sqrt((edge[1:] + edge[:-1]) / 2.0), -np.diff(np.exp(-edge / 2.0))
        turn = 2.0 * np.pi * (np.arange(SPOKES)[:, None] + np.arange(RINGS) * 0.382) / SPOKES
        unit = np.stack([away * np.cos(turn), away * np.sin(turn)], axis=-1)
        points = self.mean[:, None, None] + np.einsum("kij,srj->ksri", np.linalg.cholesky(self.covariance), unit)
        is_tail = self.log_density(points.reshape(-1, 2)) <= self.log_density(at[None])
        return float(self.weight @ (is_tail.reshape(points.shape[:-1]).mean(axis=1) @ held))


def mixture_of(weight: Floats, mean: Floats, covariance: Floats, least: float = 0.0) -> Mixture:
    """Make a mixture of parts whose weights need not sum to 1; those below `least` of the whole are dropped."""
    share = weight / weight.sum()
    kept = share >= min(least, float(share.max()))
    return Mixture(share[kept] / share[kept].sum(), mean[kept], covariance[kept])
