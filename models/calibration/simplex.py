"""The downhill simplex: the least value of a function of a few numbers, without derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def minimise(
    cost: Callable[[Floats], float], start: Floats, step: Floats, tolerance: float = 1e-5, most_calls: int = 600
) -> Floats:
    """Walk downhill from `start`, first by `step` along each axis, until the simplex is flat.

    Source: Nelder and Mead (1965), with the usual coefficients 1, 2, 1/2, 1/2.
    """
    corners = np.vstack([start, start + np.diag(step)])
    costs = np.array([cost(corner) for corner in corners])
    calls = len(costs)
    while calls < most_calls:
        order = np.argsort(costs, kind="stable")
        corners, costs = corners[order], costs[order]
        if costs[-1] - costs[0] < tolerance:
            break
        centre = corners[:-1].mean(axis=0)
        mirrored = centre + (centre - corners[-1])
        found = cost(mirrored)
        calls += 1
        if found < costs[0]:
            further = centre + 2.0 * (centre - corners[-1])
            beyond = cost(further)
            calls += 1
            corners[-1], costs[-1] = (further, beyond) if beyond < found else (mirrored, found)
        elif found < costs[-2]:
            corners[-1], costs[-1] = mirrored, found
        else:
            nearer = centre + 0.5 * ((mirrored if found < costs[-1] else corners[-1]) - centre)
            closer = cost(nearer)
            calls += 1
            if closer < min(found, costs[-1]):
                corners[-1], costs[-1] = nearer, closer
            else:
                corners[1:] = corners[0] + 0.5 * (corners[1:] - corners[0])
                costs[1:] = [cost(corner) for corner in corners[1:]]
                calls += len(start)
    best: Floats = corners[int(costs.argmin())]
    return best
