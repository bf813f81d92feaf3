"""Tiles within some metres of a photo: the right answers of protocols that go by position."""

from __future__ import annotations

import numpy as np

from models.datasets.pairset import Floats, Ints, Positions
from models.errors import DatasetError
from models.evaluation.ranking import RightAnswers

BLOCK = 4096


def right_within(positions: Positions | None, radius_m: float) -> RightAnswers:
    """Count every tile whose centre lies at most `radius_m` from the photo, in a flat frame.

    Raises:
        DatasetError: positions are unknown or are not metres.
    """
    if positions is None or positions.frame != "metres":
        raise DatasetError(
            f"This protocol counts every tile within {radius_m:g} m, and the data set gives no positions in metres."
        )
    order = np.argsort(positions.aerial[:, 0], kind="stable")  # NaN goes last and is never within
    east = positions.aerial[order, 0]
    counts, rows = [], []
    for start in range(0, len(positions.ground), BLOCK):
        query, row = _strip(positions.ground[start : start + BLOCK, 0], east, order, radius_m)
        near = positions.error_m(query + start, row) <= radius_m
        query, row = query[near], row[near]
        sort = np.lexsort((row, query))
        counts.append(np.bincount(query, minlength=min(BLOCK, len(positions.ground) - start)))
        rows.append(row[sort])
    return RightAnswers(np.concatenate([[0], np.cumsum(np.concatenate(counts))]), np.concatenate(rows))


def _strip(x: Floats, east: Floats, order: Ints, radius_m: float) -> tuple[Ints, Ints]:
    """Pairs of photos and tiles whose eastings differ by at most about the radius."""
    margin = radius_m + 1e-6
    low = np.searchsorted(east, x - margin, side="left")
    high = np.searchsorted(east, x + margin, side="right")
    count = np.maximum(high - low, 0)
    count[np.isnan(x)] = 0
    query = np.repeat(np.arange(len(x)), count)
    within = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
    return query, order[low[query] + within]
