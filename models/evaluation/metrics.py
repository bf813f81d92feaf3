"""Ranks, recall and errors from similarities.

Two rules for a tie between the right reference and a wrong one. `pessimistic`, which everything here reports first: the
tie counts against the model, so a model that says one thing finds nothing. `published`: only strictly more similar
references count, as in the code of the published methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
TieRule = Literal["pessimistic", "published"]
OnePercentName = Literal["floor", "floor-plus-one", "rounded-plus-one"]
RECALL_AT = (1, 5, 10)
ONE_PERCENT: Mapping[OnePercentName, str] = MappingProxyType(
    {
        "floor": "K = M // 100, at least 1 (TransGeo, Sample4Geo)",
        "floor-plus-one": "K = int(0.01 M) + 1 (SAFA, DSM, VIGOR code)",
        "rounded-plus-one": "K = round(0.01 M) + 1 (University-1652 code)",
    }
)
"""Readings of "recall at 1 %" of a gallery of M, by name. University-1652 takes element round(0.01 M) of a curve that
begins with recall at 1."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Shares of queries, each in [0, 1]."""

    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    recall_at_1_percent: float


def one_percent_k(gallery: int, convention: OnePercentName = "floor") -> int:
    """Give the K of "recall at 1 %": 88, 89 or 90 of CVUSA's 8,884 references, after `ONE_PERCENT`."""
    if convention == "floor":
        return max(1, gallery // 100)
    return (int(0.01 * gallery) if convention == "floor-plus-one" else round(0.01 * gallery)) + 1


def ranks(similarity: Floats, truth: Ints, ties: TieRule = "pessimistic") -> Ints:
    """Count, for each query, the wrong references that come before the right one.

    Args:
        similarity: (Q, N), higher is better.
        truth: (Q,) index of the right reference.
        ties: whether equal similarities come before it.

    Returns:
        (Q,) zero-based ranks.
    """
    right = np.zeros(similarity.shape, dtype=bool)
    right[np.arange(len(truth)), truth] = True
    return hit_ranks(similarity, right, ties)


def hit_ranks(similarity: Floats, right: NDArray[np.bool_], ties: TieRule = "pessimistic") -> Ints:
    """Like `ranks`, where several references may be right: the best of them counts.

    Args:
        similarity: (Q, N).
        right: (Q, N); a row without any True ranks behind everything.
        ties: as in `ranks`.
    """
    best = np.where(right, similarity, -np.inf).max(axis=1, keepdims=True)
    before = similarity >= best if ties == "pessimistic" else similarity > best
    above: Ints = (before & ~right).sum(axis=1, dtype=np.int64)
    return above


def recall_at(rank: Ints, k: int) -> float:
    """Share of the queries whose zero-based rank is below K."""
    return float((rank < k).mean())


def recall(rank: Ints, gallery: int) -> Recall:
    """Summarise ranks; the 1 % figure takes K = max(1, floor(gallery / 100))."""
    one, five, ten = (recall_at(rank, k) for k in RECALL_AT)
    return Recall(one, five, ten, recall_at(rank, one_percent_k(gallery)))


def average_precision(rank: Ints) -> float:
    """Mean average precision where every query has one right reference, as University-1652's code sums it.

    The precision is averaged over the two ends of each step of recall, so a right answer at zero-based rank r > 0 is
    worth 1 / (2 (r + 1)), half of what the usual definition gives it.
    """
    worth = np.where(rank == 0, 1.0, 0.5 / (rank + 1.0))
    return float(worth.mean())


def heading_error_deg(found: Floats, true: Floats) -> Floats:
    """Absolute angle between headings, in [0, 180]."""
    angle: Floats = np.abs((np.asarray(found) - np.asarray(true) + 180.0) % 360.0 - 180.0)
    return angle
