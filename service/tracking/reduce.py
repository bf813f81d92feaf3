"""Fewer components that say the same: near ones become one with their mean and covariance, the least are left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.fleet.gaussian import log_density
from service.tracking.belief import FLAT_RAD, Components, Floats, joined
from service.tracking.motion import TWO_PI, flattened, turn_rad
from service.tracking.spots import members, moments

SECTORS = 12
NORMAL_WITHIN = 0.003
"""A place is one normal if the squared difference of densities is less than this share of their squares."""
NARROW_RAD = 0.6
FINE = 2
WIDER, MOST_ROUNDS = 1.5, 8
LEAST_SHARE = 1e-5


def reduced(held: Components, most: int, side_m: float) -> tuple[Components, float]:
    """Say of each place that looks like one normal that it is; of others merge components that lie close.

    Close are those in one square of ground and one sector of heading; squares get wider until there are few enough.
    Mean and covariance of the whole are kept, but for what is dropped.

    Args:
        side_m: of the smallest squares.

    Returns:
        The components, and the weight of what was dropped.
    """
    before = held.total
    if not len(held) or before <= 0.0:
        return held.chosen(np.empty(0, np.int64)), 0.0
    held = held.chosen(held.weight > LEAST_SHARE * before)
    held = _squared(held, FINE * most, side_m)
    held = joined(*(_one_normal(held.chosen(each)) for each in members(held)))
    held = _squared(held, most, side_m)
    return flattened(held), max(0.0, before - held.total)


def _squared(held: Components, most: int, side_m: float) -> Components:
    if len(held) <= most:
        return held
    for _ in range(MOST_ROUNDS):
        held = _merged(held, side_m)
        if len(held) <= most:
            return held
        side_m *= WIDER
    return held.chosen(np.argsort(-held.weight, kind="stable")[:most])


def _one_normal(held: Components) -> Components:
    """A single component, if that is as good: integrated squared error against that of the moments' normal."""
    whole = moments(held)
    heading = float(whole.covariance[2, 2])
    if len(held) == 1 or (NARROW_RAD**2 < heading < FLAT_RAD**2 * 0.99):
        return held
    share = held.weight / whole.share
    own = held.covariance[:, :2, :2]
    apart = held.mean[:, None, :2] - held.mean[None, :, :2]
    squared = float(share @ np.exp(log_density(apart, own[:, None] + own[None])) @ share)
    flat = whole.covariance[:2, :2]
    crossed = float(share @ np.exp(log_density(held.mean[:, :2] - whole.mean[:2], own + flat)))
    normal = float(np.exp(log_density(np.zeros(2), 2 * flat)))
    if squared - 2 * crossed + normal > NORMAL_WITHIN * (squared + normal):
        return held
    return Components(whole.mean[None], whole.covariance[None], np.array([whole.share]))


def _merged(held: Components, side_m: float) -> Components:
    """Moments of all components whose means fall into one square and one sector."""
    any_heading = held.covariance[:, 2, 2] >= FLAT_RAD**2 * 0.99
    sector = np.where(any_heading, SECTORS, (held.mean[:, 2] / TWO_PI * SECTORS).astype(np.int64) % SECTORS)
    place = np.floor(held.mean[:, :2] / side_m).astype(np.int64)
    _, first, group = np.unique(np.column_stack([place, sector]), axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    count = len(first)
    weight = _sum(group, held.weight, count)
    share = held.weight / weight[group]
    east, north = (_sum(group, share * held.mean[:, axis], count) for axis in (0, 1))
    sine, cosine = (_sum(group, share * wave(held.mean[:, 2]), count) for wave in (np.sin, np.cos))
    mean = np.column_stack([east, north, np.arctan2(sine, cosine) % TWO_PI])
    apart = held.mean - mean[group]
    apart[:, 2] = turn_rad(held.mean[:, 2], mean[group, 2])
    spread = share[:, None, None] * (held.covariance + apart[:, :, None] * apart[:, None, :])
    covariance = np.stack(
        [[_sum(group, spread[:, row, column], count) for column in range(3)] for row in range(3)]
    ).transpose(2, 0, 1)
    return Components(mean, covariance, weight)


def _sum(group: NDArray[np.int64], values: Floats, count: int) -> Floats:
    summed: Floats = np.bincount(group, values, count).astype(np.float64)
    return summed
