"""What a drive shows of itself: how jerky it is, how good its speeds are, how much of its error is fresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from service.fleet.drives import Drive
from service.fleet.kalman import log_likelihood
from service.fleet.motion import Movement, chain_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LOOKED_AT, FEWEST = 200, 20
ACCELERATIONS, SPEEDS, WHITES = (0.3, 1.0, 3.0, 10.0), (0.4, 0.65, 1.0, 2.0, 4.0), (0.04, 0.15, 0.5, 0.95)
SWEEPS = 2


def fitted_movement(drive: Drive, is_left_out: Bools, information: Floats, vector: Floats) -> Movement:
    """Choose the likeliest movement of a few, one number after another (empirical Bayes).

    A model that is too calm promises too much, one that is too wild too little, and no device tells which it is. Of a
    drive of few fixes nothing is learned.

    Args:
        information, vector: (N, S, S) and (N, S) of the photos.
    """
    usual = Movement()
    if len(drive.fixes) < FEWEST:
        return usual
    seen = np.flatnonzero(information.any(axis=(1, 2)))
    start = max(0, min(int(np.median(seen)) - LOOKED_AT // 2, len(drive.fixes) - LOOKED_AT)) if seen.size else 0
    part = slice(start, start + LOOKED_AT)
    tried: dict[Movement, float] = {}

    def fit(movement: Movement) -> float:
        if movement not in tried:
            bare = chain_of(drive.fixes[part], drive.xy_m[part], drive.seconds[part], is_left_out[part], movement)
            tried[movement] = log_likelihood(bare.with_more(information[part], vector[part]))
        return tried[movement]

    best = usual
    for _ in range(SWEEPS):
        for others in _ways(drive):
            best = max([best, *others(best)], key=fit)
    return best


def _ways(drive: Drive) -> Iterator[Callable[[Movement], list[Movement]]]:
    """Each gives what differs from a movement in one number."""
    usual = Movement()
    if any(fix.speed_mps is not None for fix in drive.fixes):
        yield lambda now: [
            replace(now, speed_mps=usual.speed_mps * factor, course_deg=usual.course_deg * factor) for factor in SPEEDS
        ]
    yield lambda now: [replace(now, acceleration=value) for value in ACCELERATIONS]
    yield lambda now: [replace(now, white=value) for value in WHITES]
