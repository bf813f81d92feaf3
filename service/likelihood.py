"""How much likelier a photo is at each cell of a gallery than at a place that it says nothing about.

What every answer starts from: that of one photo, of several of one place, of a fix with a photo, of a step of a track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery
from index.hits import Int64s
from models.calibration.model import Calibration
from models.calibration.posterior import log_ratios
from service.evidence import EvidenceSource, PhotoEvidence, Queries
from service.view import View

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Log likelihood ratios over cells; those of photos that do not depend on each other add up, cell by cell."""

    evidence: PhotoEvidence
    """The cells, K, where they lie, and the heading that the photo would have at each."""
    log_ratio: Floats
    """(K,) natural logarithm; 0 says nothing."""
    log_rest: float
    """Of the mean cell that is not listed."""
    fov_deg: float
    """Field of view whose calibration tells how far the place may lie from its cell."""


class LikelihoodSource:
    """Asks a gallery about photos, by a calibration.

    Args:
        gallery: of tiles.
        calibration: of the model that described them.
    """

    def __init__(self, gallery: Gallery, calibration: Calibration) -> None:
        self.gallery, self.calibration = gallery, calibration
        self._source = EvidenceSource(gallery)

    @property
    def spacing_m(self) -> float:
        """Side of the square of ground that each cell stands for."""
        return self._source.spacing_m

    def laid_out(self, view: View) -> Queries:
        """Lay out a photo at its headings, to be asked about several times."""
        return self._source.laid_out(view.columns, view.prepared)

    def everywhere(self, view: View, queries: Queries | None = None) -> Likelihood:
        """The best cells of the whole gallery, in metres around the best one."""
        queries = queries or self.laid_out(view)
        return self._told(view, self._source.everywhere(queries, view.prepared))

    def near(
        self, view: View, lat: float, lon: float, reach_m: float, queries: Queries | None = None
    ) -> Likelihood | None:
        """Every cell of the tiles whose centres lie within a circle, in metres around its centre; None: there is none.

        In a circle of very many tiles the best of their cells; then `evidence.covered` says where the tiles lie. The
        order of the cells depends on the circle alone, so those of several photos add up, unless some are `covered`.
        """
        queries = queries or self.laid_out(view)
        evidence = self._source.near(queries, view.prepared, lat, lon, reach_m)
        return None if evidence is None else self._told(view, evidence)

    def at(
        self,
        view: View,
        rows: Int64s,
        cells: Int64s,
        lat: float,
        lon: float,
        queries: Queries | None = None,
    ) -> Likelihood:
        """Chosen cells, (K,) rows and cells, in their order, in metres around a WGS84 origin."""
        queries = queries or self.laid_out(view)
        return self._told(view, self._source.at(queries, view.prepared, rows, cells, (lat, lon)))

    def _told(self, view: View, evidence: PhotoEvidence) -> Likelihood:
        parameters = self.calibration.at(np.array([view.prepared.fov_deg]), evidence.ground.area_m2)
        ratio, rest = log_ratios(
            evidence.similarity[None],
            np.array([evidence.background_mean]),
            np.array([evidence.background_std]),
            parameters,
            evidence.log_gain,
        )
        return Likelihood(evidence, ratio[0], float(rest[0]), view.prepared.fov_deg)
