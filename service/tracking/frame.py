"""What a photo says about the ground that a belief reaches, and about the whole index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.geo import offset
from service.likelihood import Likelihood, LikelihoodSource
from service.tracking.belief import Floats
from service.view import View

MOST_TILES = 1024
LEAST_KERNEL_CELLS = 0.5
"""Cells spread by less would leave gaps between them."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Squares of ground and what a photo says of each.

    Attributes:
        x_m, y_m: (K,) around a WGS84 origin.
        log_ratio: (K,) natural logarithm; 0 says nothing.
        heading_rad: (K,) direction of travel if the photo was taken there, in any turn of the circle; None where no
            heading was searched.
        area_m2: of one cell.
        sigma_m, heading_sigma_rad: spread of the true place, along each axis, and heading around those of its cell.
        log_rest: of ground between and around the cells; 0 where there is no imagery, less where cells are left out.
        tiles: how many were compared.
    """

    x_m: Floats
    y_m: Floats
    log_ratio: Floats
    heading_rad: Floats | None
    area_m2: float
    sigma_m: float
    heading_sigma_rad: float
    log_rest: float
    tiles: int


@dataclass(frozen=True, slots=True)
class Circle:
    x_m: float
    y_m: float
    reach_m: float


class Frame(Protocol):
    """One photo, ready to be asked."""

    def around(self, lat: float, lon: float, circles: Sequence[Circle]) -> Cells | None:
        """The cells within circles, metres around an origin, heaviest circle first; None: there are none."""

    def anywhere(self) -> tuple[Cells, float, float]:
        """The best cells of the index, and the origin they lie around."""


class PhotoFrame:
    """A photo in front of a gallery.

    Args:
        yaw_rad: where the camera looks, clockwise from the direction of travel.
    """

    def __init__(self, source: LikelihoodSource, view: View, yaw_rad: float = 0.0) -> None:
        self._source, self._view, self._queries = source, view, source.laid_out(view)
        self._yaw_rad = yaw_rad

    def around(self, lat: float, lon: float, circles: Sequence[Circle]) -> Cells | None:
        gallery = self._source.gallery
        margin_m = gallery.about.reach_m
        rows: NDArray[np.int64] = np.empty(0, np.int64)
        for number, circle in enumerate(circles):
            at_lat, at_lon = (float(v) for v in offset(lat, lon, circle.x_m, circle.y_m))
            reached = gallery.rows_near(at_lat, at_lon, circle.reach_m + margin_m)
            more = np.union1d(rows, reached)
            if len(more) > MOST_TILES:
                if number == 0:
                    found = self._source.near(self._view, at_lat, at_lon, circle.reach_m + margin_m, self._queries)
                    return None if found is None else self._shifted(found, circle)
                break
            rows = more
        if not rows.size:
            return None
        each = gallery.about.cells
        cells = np.tile(np.arange(each), len(rows))
        return self._cells(self._source.at(self._view, np.repeat(rows, each), cells, lat, lon, self._queries), 0.0)

    def anywhere(self) -> tuple[Cells, float, float]:
        found = self._source.everywhere(self._view, self._queries)
        return self._cells(found, found.log_rest), found.evidence.lat, found.evidence.lon

    def _shifted(self, found: Likelihood, circle: Circle) -> Cells:
        """Cells around the middle of a circle, as cells around the origin that it is told in."""
        cells = self._cells(found, found.log_rest)
        return Cells(
            cells.x_m + circle.x_m,
            cells.y_m + circle.y_m,
            cells.log_ratio,
            cells.heading_rad,
            cells.area_m2,
            cells.sigma_m,
            cells.heading_sigma_rad,
            cells.log_rest,
            cells.tiles,
        )

    def _cells(self, found: Likelihood, log_rest: float) -> Cells:
        ground = found.evidence.ground
        known = self._source.calibration.at(np.array([found.fov_deg]), np.array([ground.area_m2]))
        sigma_m = math.hypot(float(known.position_sigma_m[0]), ground.spacing_m / math.sqrt(12.0))
        heading = None if ground.heading_deg is None else np.radians(ground.heading_deg) - self._yaw_rad
        return Cells(
            x_m=ground.x_m,
            y_m=ground.y_m,
            log_ratio=found.log_ratio,
            heading_rad=heading,
            area_m2=ground.spacing_m**2,
            sigma_m=max(sigma_m, LEAST_KERNEL_CELLS * ground.spacing_m),
            heading_sigma_rad=math.radians(float(known.heading_sigma_deg[0])),
            log_rest=log_rest,
            tiles=found.evidence.tiles_scanned,
        )
