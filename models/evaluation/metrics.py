"""Recall and errors from similarities. A tie counts against the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
RECALL_AT = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Recall:
    """Shares of queries, each in [0, 1]."""

    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    recall_at_1_percent: float


def ranks(similarity: Floats, truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count, for each query, the wrong references that are at least as similar as the right one.

    Args:
        similarity: (Q, N), higher is better.
        truth: (Q,) index of the right reference.

    Returns:
        (Q,) zero-based ranks; equal similarities rank above the truth.
    """
    true = similarity[np.arange(len(truth)), truth]
    above: NDArray[np.int64] = (similarity >= true[:, None]).sum(axis=1, dtype=np.int64)
    return above - 1


def hit_ranks(similarity: Floats, right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Like `ranks`, where several references may be right: the best of them counts.

    Args:
        similarity: (Q, N).
        right: (Q, N), at least one True a row.
    """
    best = np.where(right, similarity, -np.inf).max(axis=1)
    wrong = np.where(right, -np.inf, similarity)
    above: NDArray[np.int64] = (wrong >= best[:, None]).sum(axis=1, dtype=np.int64)
    return above


def recall(rank: NDArray[np.int64], gallery: int) -> Recall:
    """Summarise ranks; the 1 % figure takes K = max(1, floor(gallery / 100))."""
    one, five, ten = (float((rank < k).mean()) for k in RECALL_AT)
    return Recall(one, five, ten, float((rank < max(1, gallery // 100)).mean()))


def heading_error_deg(found: Floats, true: Floats) -> Floats:
    """Absolute angle between headings, in [0, 180]."""
    angle: Floats = np.abs((np.asarray(found) - np.asarray(true) + 180.0) % 360.0 - 180.0)
    return angle
