"""Frames whose likelihood is made by construction: a grid of cells over a square of flat ground, and drives on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.geo import enu_m
from service.tracking.frame import Cells, Circle
from service.tracking.step import Tracker

Floats = NDArray[np.float64]
LAT, LON = 52.5, 13.4


@dataclass(frozen=True)
class Grid:
    """A square of ground, `side_m` wide, its middle at LAT, LON."""

    side_m: float = 1200.0
    spacing_m: float = 16.0
    sigma_m: float = 8.0
    heading_sigma_rad: float = math.radians(6.0)
    lat: float = LAT
    lon: float = LON

    @property
    def axis(self) -> Floats:
        return np.arange(-self.side_m / 2, self.side_m / 2, self.spacing_m) + self.spacing_m / 2

    @property
    def xy(self) -> tuple[Floats, Floats]:
        x, y = np.meshgrid(self.axis, self.axis)
        return x.ravel(), y.ravel()

    def cell_of(self, x_m: Floats, y_m: Floats) -> NDArray[np.int64]:
        """Number of the cell of each place, -1 beyond the edge."""
        count = len(self.axis)
        column, row = (np.floor((v + self.side_m / 2) / self.spacing_m).astype(np.int64) for v in (x_m, y_m))
        inside = (column >= 0) & (column < count) & (row >= 0) & (row < count)
        return np.where(inside, row * count + column, -1)

    @property
    def cells(self) -> int:
        return len(self.axis) ** 2

    def tracker(self, **options: object) -> Tracker:
        return Tracker(self.cells, self.cells * self.spacing_m**2, self.spacing_m, **options)  # type: ignore[arg-type]


@dataclass(frozen=True)
class MadeFrame:
    """A photo that says `log_ratio` of each cell of a grid."""

    grid: Grid
    log_ratio: Floats
    heading_rad: Floats | None = None
    asked: list[str] = field(default_factory=list)
    """What it was asked, in order."""

    def around(self, lat: float, lon: float, circles: Sequence[Circle]) -> Cells | None:
        self.asked.append("around")
        x, y = self.grid.xy
        east, north = enu_m(self.grid.lat, self.grid.lon, lat, lon)
        x, y = x + east, y + north
        inside = np.zeros(len(x), np.bool_)
        for circle in circles:
            inside |= np.hypot(x - circle.x_m, y - circle.y_m) <= circle.reach_m
        return self._cells(x, y, np.flatnonzero(inside), 0.0) if inside.any() else None

    def anywhere(self) -> tuple[Cells, float, float]:
        self.asked.append("anywhere")
        best = np.argsort(-self.log_ratio, kind="stable")[:512]
        x, y = self.grid.xy
        rest = np.delete(self.log_ratio, best)
        log_rest = float(np.log(np.exp(rest).mean())) if rest.size else 0.0
        return self._cells(x, y, best, log_rest), self.grid.lat, self.grid.lon

    def _cells(self, x: Floats, y: Floats, chosen: NDArray[np.int64], log_rest: float) -> Cells:
        heading = None if self.heading_rad is None else self.heading_rad[chosen]
        grid = self.grid
        return Cells(
            x[chosen], y[chosen], self.log_ratio[chosen], heading, grid.spacing_m**2, grid.sigma_m,
            grid.heading_sigma_rad, log_rest, len(chosen),
        )  # fmt: skip


def scene(
    grid: Grid, x_m: float, y_m: float, heading_rad: float, rng: np.random.Generator, *, strength: float = 6.0,
    wrong: bool = False,
) -> MadeFrame:  # fmt: skip
    """A photo as models see it: similar cells by chance all over, and a bump where it was taken, unless it is wrong.

    Scores are normal, the true cells lie `strength` above; so exp(strength z - strength^2 / 2) is the exact ratio.
    """
    x, y = grid.xy
    z = rng.normal(0, 1, len(x))
    heading = rng.uniform(0, 2 * np.pi, len(x))
    if wrong:
        x_m, y_m = rng.uniform(-grid.side_m / 2, grid.side_m / 2, 2)
        heading_rad = float(rng.uniform(0, 2 * np.pi))
    bump = np.exp(-((x - x_m) ** 2 + (y - y_m) ** 2) / (2 * grid.sigma_m**2))
    z += strength * bump
    near = bump > 0.3
    heading[near] = (heading_rad + rng.normal(0, grid.heading_sigma_rad, int(near.sum()))) % (2 * np.pi)
    return MadeFrame(grid, strength * z - strength**2 / 2, heading)
