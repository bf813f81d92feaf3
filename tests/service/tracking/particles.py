"""A plain particle filter as textbooks have it (bootstrap, resampled every step): what the tracker has to beat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ParticleFilter:
    """Particles over x, y and heading on a square of cells.

    Args:
        x_m, y_m: (K,) centres of the cells.
        spacing_m: side of a cell.
        cell_of: number of the cell of each place, -1 where there is none.
    """

    def __init__(
        self,
        x_m: Floats,
        y_m: Floats,
        spacing_m: float,
        count: int,
        rng: np.random.Generator,
        cell_of: Callable[[Floats, Floats], NDArray[np.int64]],
    ) -> None:
        self._rng, self._cell_of = rng, cell_of
        side = spacing_m / 2
        self.state = np.column_stack(
            [
                rng.uniform(x_m.min() - side, x_m.max() + side, count),
                rng.uniform(y_m.min() - side, y_m.max() + side, count),
                rng.uniform(0, 2 * np.pi, count),
            ]
        )

    def step(
        self, log_ratio: Floats, heading_rad: Floats, heading_sigma_rad: float, forward_m: float, turn_rad: float
    ) -> Floats:
        """Predict with noise, weigh by the cell each particle is in, resample; give the mean of the best cluster."""
        rng, state, count = self._rng, self.state, len(self.state)
        metres = forward_m + rng.normal(0, 0.05 * abs(forward_m) + 0.5, count)
        middle = state[:, 2] + turn_rad / 2
        state[:, 0] += metres * np.sin(middle)
        state[:, 1] += metres * np.cos(middle)
        state[:, 2] += turn_rad + rng.normal(0, np.radians(1.5), count)
        found_in = self._cell_of(state[:, 0], state[:, 1])
        inside, cell = found_in >= 0, np.maximum(found_in, 0)
        off = (heading_rad[cell] - state[:, 2] + np.pi) % (2 * np.pi) - np.pi
        weight = np.where(inside, log_ratio[cell] - (off / heading_sigma_rad) ** 2 / 2, -1e9)
        share = np.exp(weight - weight.max())
        share /= share.sum()
        places = (rng.uniform() + np.arange(count)) / count
        chosen = np.minimum(np.searchsorted(np.cumsum(share), places), count - 1)
        self.state = state[chosen]
        best = self.state[int(np.argmax(share[chosen])), :2]
        near = np.hypot(*(self.state[:, :2] - best).T) < 50.0
        found: Floats = self.state[near, :2].mean(axis=0)
        return found
