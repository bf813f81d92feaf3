"""Weighted points on the ground: a posterior as something that circles and arcs can be laid over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.kernel import radii

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))
PER_CELL, FAR_POINTS = 16, 128
ARC_POINTS = 9
LEAST_SHARE = 1e-5
"""Cells that hold less of what is inside are counted with the rest."""
NORMAL_QUANTILES = np.array([-1.593, -0.967, -0.589, -0.282, 0.0, 0.282, 0.589, 0.967, 1.593])
"""Of the middles of nine equal shares of a standard normal variable."""


@dataclass(frozen=True, slots=True)
class Points:
    """Points that share 1, that is, all that is inside the index."""

    x_m: Floats
    y_m: Floats
    share: Floats

    def around(self, x_m: float, y_m: float) -> Circles:
        """Lay circles around a place."""
        away = np.hypot(self.x_m - x_m, self.y_m - y_m)
        order = np.argsort(away)
        return Circles(np.append(0.0, away[order]), np.append(0.0, np.cumsum(self.share[order])))


@dataclass(frozen=True, slots=True)
class Circles:
    """Circles around one place and the share that lies in each; between two it grows evenly."""

    radius_m: Floats
    """Rising, from 0."""
    held: Floats

    def within(self, radius_m: float) -> float:
        """Share within a circle."""
        return float(np.interp(radius_m, self.radius_m, self.held))

    def radius(self, level: float) -> float:
        """Radius of the circle that holds a share."""
        return float(np.interp(level, self.held, self.radius_m))


def disc(count: int) -> tuple[Floats, Floats]:
    """(count,) radii and angles of points spread evenly over the unit disc, on a sunflower."""
    steps = np.arange(count)
    return np.sqrt((steps + 0.5) / count), steps * GOLDEN_ANGLE


def spread_points(
    x_m: Floats, y_m: Floats, share: Floats, rest: float, sigma_m: float, shape: float, gallery_area_m2: float
) -> Points:
    """Spread each cell by the kernel, and the rest evenly over a disc of the gallery's area.

    Args:
        x_m, y_m, share: (K,); shares and `rest` are of what is inside and sum to 1.
    """
    kept = share >= LEAST_SHARE
    rest += float(share[~kept].sum())
    even, turn = disc(PER_CELL)
    away = sigma_m * radii(even**2, shape)
    far, far_turn = disc(FAR_POINTS)
    far_m = far * np.sqrt(gallery_area_m2 / np.pi)
    middle = np.mean(x_m), np.mean(y_m)
    return Points(
        np.concatenate([(x_m[kept, None] + away * np.cos(turn)).ravel(), middle[0] + far_m * np.cos(far_turn)]),
        np.concatenate([(y_m[kept, None] + away * np.sin(turn)).ravel(), middle[1] + far_m * np.sin(far_turn)]),
        np.concatenate([np.repeat(share[kept] / PER_CELL, PER_CELL), np.full(FAR_POINTS, rest / FAR_POINTS)]),
    )


def turn_deg(heading_deg: Floats | float, from_deg: Floats | float) -> Floats:
    """Smallest turn from one heading to another, in [-180, 180)."""
    turned: Floats = (np.asarray(heading_deg, dtype=np.float64) - from_deg + 180.0) % 360.0 - 180.0
    return turned


def arc(heading_deg: Floats, share: Floats, rest: float, sigma_deg: float, around_deg: float) -> tuple[Floats, Floats]:
    """Give turns from a heading, rising in [0, 180], and the share of the posterior that lies within each.

    Each cell's heading is spread as a normal of `sigma_deg`; the rest may head anywhere.
    """
    kept = share >= LEAST_SHARE
    rest += float(share[~kept].sum())
    off = turn_deg(heading_deg[kept], around_deg)[:, None] + sigma_deg * NORMAL_QUANTILES
    anywhere = (np.arange(FAR_POINTS) + 0.5) * 180.0 / FAR_POINTS
    turns = np.concatenate([np.abs(turn_deg(off.ravel(), 0.0)), anywhere])
    shares = np.concatenate([np.repeat(share[kept] / ARC_POINTS, ARC_POINTS), np.full(FAR_POINTS, rest / FAR_POINTS)])
    order = np.argsort(turns)
    return turns[order], np.cumsum(shares[order])


def mean_heading(heading_deg: Floats, share: Floats) -> float:
    """Weighted mean direction, [0, 360)."""
    angle = np.radians(heading_deg)
    east, north = (share * np.sin(angle)).sum(), (share * np.cos(angle)).sum()
    return float(np.degrees(np.arctan2(east, north)) % 360.0)
