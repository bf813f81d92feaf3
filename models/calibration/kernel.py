"""The bump around a cell in which the true place lies: density exp(-(r / s)^shape) of the distance r.

Shape 2 is the round normal, a larger one is flatter with a sharper edge, a smaller one has longer tails. `sigma_m` is
the spread in each direction whatever the shape, so r^2 has the mean 2 sigma^2.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_SHAPE, MOST_SHAPE = 0.6, 6.0
GRID = 512


def scale(shape: float) -> float:
    """s / sigma: E[r^2] = s^2 gamma(4 / shape) / gamma(2 / shape)."""
    return math.sqrt(2.0 * math.exp(math.lgamma(2.0 / shape) - math.lgamma(4.0 / shape)))


def log_density(distance_m: Floats, sigma_m: Floats, shape: Floats) -> Floats:
    """Log density per square metre; arrays broadcast, sigma and shape usually (Q, 1)."""
    s = sigma_m * np.vectorize(scale, otypes=[np.float64])(shape)
    norm = np.vectorize(lambda b: math.log(2.0 * math.pi / b) + math.lgamma(2.0 / b), otypes=[np.float64])(shape)
    density: Floats = -((distance_m / s) ** shape) - 2.0 * np.log(s) - norm
    return density


def radii(levels: Floats, shape: float) -> Floats:
    """Distances, in units of sigma, within which given shares lie."""
    edge, held = _held(shape)
    found: Floats = np.interp(levels, held, edge)
    return found


@lru_cache(64)
def _held(shape: float) -> tuple[Floats, Floats]:
    """Distances and the share within each, by summing r exp(-(r / s)^shape) on a grid."""
    s = scale(shape)
    end = s * 30.0 ** (1.0 / shape)
    edge = np.linspace(0.0, 1.0, GRID + 1) ** 2 * end
    middle = (edge[1:] + edge[:-1]) / 2
    held = np.append(0.0, np.cumsum(middle * np.exp(-((middle / s) ** shape)) * np.diff(edge)))
    return edge, held / held[-1]
