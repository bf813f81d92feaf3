"""How much photos of one place say together: their log likelihood ratios, tempered and added up cell by cell.

Photos of one place share its tile, the weather and whatever changed since the tile was taken, so a plain product is too
sure of itself. k photos count as k / (1 + (k - 1) dependence) independent ones, as in the design effect of a cluster
sample (Kish, Survey Sampling, 1965, section 5.4). And a photo may be of another place: then it says nothing, so no
photo can rule a cell out for good.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fusion:
    """How photos of one place are weighed together."""

    dependence: float
    """0: as if each had been taken of another world; 1: a second photo says nothing new about how sure to be."""
    stray: float
    """Share of photos that are of another place than the rest of their set."""
    localized_at: float = 0.8
    """Least probability of the best place of a set that is `localized`, beside what is asked of single photos."""

    def counted(self, photos: int) -> float:
        """Independent photos that so many count as."""
        return photos / (1.0 + (photos - 1) * self.dependence)


FUSION = Fusion(dependence=0.45, stray=0.02)
"""Fitted on sample cities that nothing else was fitted on: `python -m benchmarks.sets --fit`, docs/sets.md."""


def doubted(log_ratio: Floats, fusion: Fusion = FUSION) -> Floats:
    """Allow that a photo is of another place, where its likelihood ratio is 1 everywhere."""
    doubt: Floats = np.logaddexp(math.log(fusion.stray), math.log1p(-fusion.stray) + log_ratio)
    return doubt


def fused(log_ratios: Sequence[Floats], log_rests: Sequence[float], fusion: Fusion = FUSION) -> tuple[Floats, float]:
    """Add up what photos of one place say.

    Args:
        log_ratios: of each photo, (K,) over the same cells in the same order.
        log_rests: of each photo, of the mean cell that is not listed.

    Returns:
        (K,) and the number of the rest: those of a single photo unchanged; of several the same bits in any order of
        the photos, as each cell adds its numbers from the smallest to the largest.
    """
    if len(log_ratios) == 1:
        return log_ratios[0], log_rests[0]
    share = fusion.counted(len(log_ratios)) / len(log_ratios)
    ratio = summed([doubted(each, fusion) for each in log_ratios])
    rest = summed([doubted(np.array([each]), fusion) for each in log_rests])
    return share * ratio, share * float(rest[0])


def summed(values: Sequence[Floats]) -> Floats:
    """Add arrays of one shape from the smallest number to the largest, so that their order does not matter."""
    total: Floats = np.sort(np.stack(values), axis=0).sum(axis=0)
    return total


def strays(log_ratio: Floats, log_rest: float, share: Floats, rest: float, fusion: Fusion = FUSION) -> float:
    """Give the probability that a photo is of another place than the set, if the set's place is in the index.

    Args:
        log_ratio: (K,) of this photo alone.
        share, rest: the set's posterior over the same cells, given that the place is inside; together 1.
    """
    sane = math.log1p(-fusion.stray) - math.log(fusion.stray)
    weights = np.append(share, rest)
    stray = 1.0 / (1.0 + np.exp(np.clip(sane + np.append(log_ratio, log_rest), -700.0, 700.0)))
    return float((weights * stray).sum() / weights.sum())
