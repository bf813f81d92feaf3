"""A plain particle filter as textbooks have it (bootstrap, resampled every step): what the tracker has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ParticleFilter:
    """Particles over x, y and heading on a square of cells.

    Args:
        x_m, y_m: (K,) centres of the cells of a regular grid, row by row.
        spacing_m: of that grid.
    """

    def __init__(self, x_m: Floats, y_m: Floats, spacing_m: float, count: int, rng: np.random.Generator) -> None:
        self._rng, self._spacing_m = rng, spacing_m
        self._low = float(x_m.min()), float(y_m.min())
        self._columns = len(np.unique(np.round(x_m, 6)))
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
        column = np.round((state[:, 0] - self._low[0]) / self._spacing_m).astype(int)
        row = np.round((state[:, 1] - self._low[1]) / self._spacing_m).astype(int)
        rows = len(log_ratio) // self._columns
        inside = (column >= 0) & (column < self._columns) & (row >= 0) & (row < rows)
        cell = np.where(inside, row * self._columns + column, 0)
        off = (heading_rad[cell] - state[:, 2] + np.pi) % (2 * np.pi) - np.pi
        weight = np.where(inside, log_ratio[cell] - (off / heading_sigma_rad) ** 2 / 2, -1e9)
        share = np.exp(weight - weight.max())
        share /= share.sum()
        places = (rng.uniform() + np.arange(count)) / count
        self.state = state[np.minimum(np.searchsorted(np.cumsum(share), places), count - 1)]
        best = self.state[int(np.argmax(share[np.minimum(np.searchsorted(np.cumsum(share), places), count - 1)])), :2]
        near = np.hypot(*(self.state[:, :2] - best).T) < 50.0
        found: Floats = self.state[near, :2].mean(axis=0)
        return found
