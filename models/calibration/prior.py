"""A position known roughly beforehand, as shares of cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OUTLIERS, OUTLIER_FACTOR = 0.05, 3.0
"""GPS in streets errs further than it says: this share of fixes has a spread so many times as wide."""
REACH_SIGMAS = 4.0


class PlacePrior(Protocol):
    """What was known of a place before the photo was looked at, in the metres of a flat frame."""

    @property
    def reach_m(self) -> float:
        """Radius of the circle whose area the answer's promises are looked up for."""

    def log_share(self, x_m: Floats, y_m: Floats, spacing_m: float) -> Floats:
        """(K,) log share of the prior on each cell's square of ground; together at most 1, the rest lies elsewhere."""


@dataclass(frozen=True, slots=True)
class RoundPrior:
    """A round normal around (0, 0) of the frame, cut to a circle; even over the circle when sigma is None."""

    sigma_m: float | None
    reach_m: float
    """Nothing is believed further away; what lies between the last cells and this circle is outside the index."""

    def allows(self, x_m: Floats, y_m: Floats, spacing_m: float) -> bool:
        """Does the ground of any cell reach into the circle?"""
        return bool((np.hypot(x_m, y_m) <= self.reach_m + spacing_m / math.sqrt(2.0)).any())

    def log_share(self, x_m: Floats, y_m: Floats, spacing_m: float) -> Floats:
        """(K,) log share of the prior on each cell's square of ground, minus infinity beyond the circle."""
        away = np.hypot(x_m, y_m)
        if self.sigma_m is None:
            density = np.full(away.shape, -math.log(math.pi * self.reach_m**2))
        else:
            wide = OUTLIER_FACTOR * self.sigma_m
            density = np.logaddexp(
                math.log1p(-OUTLIERS) + _normal(away, math.hypot(self.sigma_m, spacing_m / math.sqrt(12.0))),
                math.log(OUTLIERS) + _normal(away, wide),
            )
        allowed = away <= self.reach_m + spacing_m / math.sqrt(2.0)
        share: Floats = np.where(allowed, density + 2 * math.log(spacing_m), -np.inf)
        return share - max(0.0, float(np.log(max(np.exp(share).sum(), 1e-300))))


def _normal(away_m: Floats, sigma_m: float) -> Floats:
    density: Floats = -((away_m / sigma_m) ** 2) / 2 - math.log(2 * math.pi * sigma_m**2)
    return density
