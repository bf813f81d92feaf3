"""Split conformal prediction: what n photos of known place can promise about the next one.

If the next photo comes from where the n came from, a bound at the k-th smallest of their n scores holds it with
probability k / (n + 1), whatever the model; over draws of the n photos the coverage itself is Beta(k, n + 1 - k).

Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), section 2; Angelopoulos and Bates,
A Gentle Introduction to Conformal Prediction (2021), section 3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rank_for(count: int, coverage: float) -> int | None:
    """Give k = ceil((n + 1) coverage), or None where n photos are too few for that coverage."""
    k = math.ceil((count + 1) * coverage - 1e-9)
    return k if k <= count else None


def bound(scores: Floats, coverage: float) -> float | None:
    """Give the k-th smallest score, None where there are too few."""
    k = rank_for(len(scores), coverage)
    return None if k is None else float(np.sort(scores)[k - 1])


def photos_needed(coverage: float) -> int:
    """Fewest photos for any bound of that coverage: ceil((1 - alpha) / alpha) with alpha = 1 - coverage."""
    return math.ceil(coverage / (1.0 - coverage) - 1e-9)


@dataclass(frozen=True, slots=True)
class Promise:
    """What n photos say about coverage."""

    photos: int
    coverage: float
    """Wanted."""
    low: float
    high: float
    """The true coverage lies between these in 90 % of all draws of n photos."""


def promise(count: int, coverage: float, certainty: float = 0.9) -> Promise | None:
    """Give the interval of true coverage, None where there are too few photos."""
    k = rank_for(count, coverage)
    if k is None:
        return None
    tail = (1.0 - certainty) / 2
    return Promise(count, coverage, beta_quantile(tail, k, count + 1 - k), beta_quantile(1 - tail, k, count + 1 - k))


def photos_for(coverage: float, within: float, certainty: float = 0.9) -> int:
    """Fewest photos from which on the true coverage is within +- `within` with that certainty."""

    def good(count: int) -> bool:
        made = promise(count, coverage, certainty)
        return made is not None and coverage - within <= made.low and made.high <= coverage + within

    high = photos_needed(coverage)
    while not good(high):
        high *= 2
    low = high // 2
    while low < high:  # monotone but for the rounding of k, which moves the answer by a few photos
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle + 1, high)
    return high


def beta_quantile(p: float, a: int, b: int) -> float:
    """Quantile of Beta(a, b) for whole a, b: P(X <= x) is that of at least a successes in a + b - 1 trials at x."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at_least(a, a + b - 1, middle) < p else (low, middle)
    return (low + high) / 2


def at_least(k: int, trials: int, chance: float) -> float:
    """Probability of at least k successes of a binomial."""
    if not 0.0 < chance < 1.0:
        return float(chance >= 1.0 or k <= 0)
    counts = np.arange(k, trials + 1)
    choose = math.lgamma(trials + 1) - np.array([math.lgamma(c + 1) + math.lgamma(trials - c + 1) for c in counts])
    return float(np.exp(choose + counts * math.log(chance) + (trials - counts) * math.log1p(-chance)).sum())
