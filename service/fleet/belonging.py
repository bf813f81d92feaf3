"""Are a device's photos of here at all? Each is judged by the others (empirical Bayes)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from service.fleet.fix import Fix
from service.fleet.gaussian import round_covariance
from service.fleet.observation import Observation
from service.fleet.tilt import tilt

Floats = NDArray[np.float64]
NODES = 64
SHARES = np.sin((np.arange(NODES) + 0.5) * math.pi / (2 * NODES)) ** 2
"""Shares of photos of nothing here, each as likely before anything is seen: Beta(1/2, 1/2), whose mean is one half."""


def judged(fixes: Sequence[Fix], photos: Mapping[int, Observation]) -> dict[int, Observation]:
    """Give each photo the probability of being of nothing here that the other photos of its device leave.

    A device none of whose photos is like anything around its fixes is somewhere else, or its camera is covered; one
    whose photos all are is not. The share of photos of nothing is unknown, Beta(1/2, 1/2) before, and each photo tells
    of it by how likely it is here, against nowhere. A single photo has an even chance.

    Source: Jeffreys' prior of a proportion, integrated over a grid; each photo's own word is left out.
    """
    own: dict[str, list[Fix]] = {}
    for fix in fixes:
        if fix.index in photos:
            own.setdefault(fix.device_id, []).append(fix)
    found: dict[int, Observation] = {}
    for some in own.values():
        outside = shares_outside(np.array([log_factor(fix, photos[fix.index]) for fix in some]))
        found |= {
            fix.index: replace(photos[fix.index], outside=float(share))
            for fix, share in zip(some, outside, strict=True)
        }
    return found


def log_factor(fix: Fix, photo: Observation) -> float:
    """How much likelier a photo is of here than of nothing: of where the fix says, or of anywhere it was sought."""
    near = tilt(photo, np.zeros(2), round_covariance(fix.sigma_m)).log_factor
    return float(np.logaddexp(near, photo.alone.log_factor) - math.log(2.0))


def shares_outside(log_factors: Floats) -> Floats:
    """(K,) expected share of photos of nothing, by all log factors (K,) but each one's own."""
    each = np.logaddexp(np.log(SHARES), np.log1p(-SHARES) + log_factors[:, None])
    others = each.sum(axis=0) - each
    weight = np.exp(others - others.max(axis=1, keepdims=True))
    found: Floats = weight @ SHARES / weight.sum(axis=1)
    return found
