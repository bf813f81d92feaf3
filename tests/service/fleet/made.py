"""A city of cells made by hand, whose photos say exactly as much as they promise: truth and noise are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from index.hits import Background
from models.calibration.estimate import Ground
from models.calibration.model import Calibration, FovCalibration
from models.geo import enu_m, offset
from service.evidence import PhotoEvidence, Queries
from service.fleet.fix import Fix
from service.fleet.gaussian import round_radius
from service.likelihood import Likelihood
from service.prepared import Prepared
from service.view import View

Floats = NDArray[np.float64]
HALF, SPACING_M = 40, 8.0
FOV_DEG = 360.0
NOISE_M = 6.0
TELLING = 1000.0
"""A photo of a place looks so many times likelier there than a photo of nothing does."""
CALIBRATION = Calibration(
    probability_outside=0.01,
    fovs=(FovCalibration(fov_deg=FOV_DEG, intercept=0.0, per_deviation=1.0, position_sigma_m=0.1),),
)


@dataclass(frozen=True)
class MadeCity:
    """Cells 8 m apart, 640 m by 640 m around a position."""

    lat: float = 52.5
    lon: float = 13.4
    calibration: Calibration = CALIBRATION
    spacing_m: float = SPACING_M
    telling: float = TELLING

    def at(self, east_m: float, north_m: float) -> tuple[float, float]:
        lat, lon = offset(self.lat, self.lon, east_m, north_m)
        return float(lat), float(lon)

    def laid_out(self, view: View) -> Queries:
        return Queries(view.columns, Background(0.0, 1.0))

    def near(
        self,
        view: View,
        lat: float,
        lon: float,
        reach_m: float,
        queries: Queries | None = None,  # noqa: ARG002
    ) -> Likelihood | None:
        cells = self._cells()
        at = np.array([float(metres) for metres in enu_m(lat, lon, self.lat, self.lon)])
        kept = np.hypot(*(cells - at).T) <= reach_m
        return self._likelihood(view, cells[kept], at, (lat, lon)) if kept.any() else None

    def everywhere(self, view: View, queries: Queries | None = None) -> Likelihood:  # noqa: ARG002
        return self._likelihood(view, self._cells(), np.zeros(2), (self.lat, self.lon))

    def _cells(self) -> Floats:
        steps = np.arange(-HALF, HALF + 1) * SPACING_M
        return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)

    def _likelihood(self, view: View, cells: Floats, origin: Floats, at: tuple[float, float]) -> Likelihood:
        """Of N(seen | cell, noise) against a photo of nothing, which hardly looks like the city; places share it."""
        area_m2 = (2 * HALF + 1) ** 2 * SPACING_M**2
        noise_m = float(view.columns[0, 2])
        ratio = np.zeros(len(cells))
        if noise_m > 0:
            away2 = ((cells[:, None] - view.columns[:, :2]) ** 2).sum(axis=2)
            peak = self.telling * area_m2 / (2 * math.pi * noise_m**2)
            each = -away2 / (2 * noise_m**2) + math.log(peak / len(view.columns))
            ratio = np.asarray(np.logaddexp.reduce(each, axis=1))
        nothing = np.zeros(len(cells), np.int64)
        east_m, north_m = (cells - origin).T
        ground = Ground(east_m, north_m, None, (2 * HALF + 1) ** 2, SPACING_M)
        evidence = PhotoEvidence(nothing, nothing, np.zeros(len(cells)), 0.0, 1.0, ground, *at, 1, 0.0)
        return Likelihood(evidence, ratio, float(ratio.min()), FOV_DEG)


def glimpse(*seen_m: tuple[float, float], noise_m: float = NOISE_M) -> View:
    """A photo that shows one place, or as likely another; metres east and north of the city's middle."""
    return View(cast(Prepared, None), np.array([[*place, noise_m] for place in seen_m], np.float32))


NOTHING = glimpse((0.0, 0.0), noise_m=0.0)
"""A photo that is as likely anywhere."""


def fix_at(city: MadeCity, index: int, east_m: float, north_m: float, sigma_m: float = 20.0) -> Fix:
    lat, lon = city.at(east_m, north_m)
    return Fix(index, "van", None, lat, lon, round_radius(sigma_m, 0.68), 68.0)
