"""What a count says of a rate, and what a rate says of a count: exact binomial intervals, and one for clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.conformal import at_least, beta_quantile

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
LEVEL = 0.95
NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, with two 95 % intervals of the true share.

    Attributes:
        low, high: as if all were independent (Clopper and Pearson).
        low_by_vehicle, high_by_vehicle: reckoning with what the fixes of one vehicle have in common; None for one
            vehicle.
    """

    hits: int
    count: int
    low: float
    high: float
    low_by_vehicle: float | None = None
    high_by_vehicle: float | None = None

    @property
    def share(self) -> float:
        return self.hits / self.count if self.count else math.nan


def share_of(is_hit: Bools, vehicle: Ints) -> Share:
    """Count hits (n,) of vehicles (n,), and bound the share that is behind them."""
    count, hits = len(is_hit), int(is_hit.sum())
    if not count:
        return Share(0, 0, 0.0, 1.0)
    low, high = interval(hits, count)
    return Share(hits, count, low, high, *_interval_of_clusters(is_hit, vehicle))


def interval(hits: int, count: int, level: float = LEVEL) -> tuple[float, float]:
    """Shares that a count does not contradict (Clopper and Pearson 1934)."""
    tail = (1.0 - level) / 2.0
    low = beta_quantile(tail, hits, count - hits + 1) if hits else 0.0
    high = beta_quantile(1.0 - tail, hits + 1, count - hits) if hits < count else 1.0
    return low, high


def counts_of(rate: float, count: int, level: float = LEVEL) -> tuple[int, int]:
    """Counts that a rate allows: the fewest and the most hits, each tail outside at most (1 - level) / 2."""
    tail = (1.0 - level) / 2.0
    fewest, most = 0, count
    while at_least(fewest + 1, count, rate) >= 1.0 - tail:
        fewest += 1
    guess = min(count, int(rate * count + 10.0 * math.sqrt(rate * (1.0 - rate) * count) + 20.0))
    most = guess
    while most > 0 and at_least(most, count, rate) <= tail:
        most -= 1
    return fewest, most


def _interval_of_clusters(is_hit: Bools, vehicle: Ints) -> tuple[float | None, float | None]:
    """Normal interval of a ratio of cluster totals (Cochran, Sampling Techniques, 3rd ed., eq. 6.13)."""
    names = np.unique(vehicle)
    if len(names) < 2:
        return None, None
    counts = np.array([(vehicle == name).sum() for name in names], np.float64)
    hits = np.array([is_hit[vehicle == name].sum() for name in names], np.float64)
    share = hits.sum() / counts.sum()
    spread = ((hits - share * counts) ** 2).sum() / (len(names) - 1)
    error = math.sqrt(len(names) * spread) / counts.sum()
    return max(0.0, share - NORMAL_95 * error), min(1.0, share + NORMAL_95 * error)
