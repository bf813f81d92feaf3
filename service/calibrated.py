"""Answers of a calibrated model: the posterior near the prior, or over the whole index where the prior is wrong."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery
from models.calibration.model import Calibration
from service.evidence import Queries
from service.likelihood import Likelihood, LikelihoodSource
from service.posterior import candidates, reckon, reckoning, round_prior
from service.prepared import Prepared
from service.query import Answer, Notice, Prior, Query
from service.view import View

Float32s = NDArray[np.float32]
PRIOR_CONTRADICTED = Notice(
    "prior_contradicted", "Nothing near the prior explains the photo; another place of the index does."
)


class Locating:
    """Locates photos in a gallery.

    Args:
        gallery: of tiles.
        calibration: of the model that described them.
        model: title of the model, for the answers.
    """

    def __init__(self, gallery: Gallery, calibration: Calibration, model: str) -> None:
        self.source = LikelihoodSource(gallery, calibration)
        self._gallery, self._calibration, self._model = gallery, calibration, model
        self._title, self._margin_m = gallery.about.title, gallery.about.reach_m

    def answer(self, query: Query, prepared: Prepared, columns: Float32s) -> Answer:
        """Say where a photo was taken.

        With a prior, mode `auto` looks at the whole index too if nothing near it explains the photo, and believes
        that only if it localizes.

        Args:
            columns: (w, E), the photo's description.
        """
        view = View(prepared, columns)
        prior, queries = prepared.prior, self.source.laid_out(view)
        if prior is None or query.mode == "global":
            return self._everywhere(query, view, queries)
        near = self._near(query, view, queries, prior)
        if query.mode == "prior" or near.status != "no_match":
            return near
        far = self._everywhere(query, view, queries)
        if far.status != "localized":
            return near
        return replace(far, notices=(*far.notices, PRIOR_CONTRADICTED))

    def _near(self, query: Query, view: View, queries: Queries, prior: Prior) -> Answer:
        circle = round_prior(prior)
        found = self.source.near(view, prior.lat, prior.lon, circle.reach_m + self._margin_m, queries)
        reached = found is not None and (
            found.evidence.covered is not None
            or circle.allows(found.evidence.ground.x_m, found.evidence.ground.y_m, self.source.spacing_m)
        )
        if found is None or not reached:
            return Answer((), "prior", 0, self._title, self._model, view.prepared.notices, "outside_coverage")
        return self._conclude(query, view.prepared, found, "prior", prior)

    def _everywhere(self, query: Query, view: View, queries: Queries) -> Answer:
        return self._conclude(query, view.prepared, self.source.everywhere(view, queries), "global", None)

    def _conclude(
        self,
        query: Query,
        prepared: Prepared,
        likelihood: Likelihood,
        mode: Literal["prior", "global"],
        prior: Prior | None,
    ) -> Answer:
        started = time.perf_counter()
        circle = None if prior is None else round_prior(prior)
        found = reckon(likelihood, self._calibration, circle, query.top_k)
        said = reckoning(found)
        places = candidates(found, self._gallery, prepared.prior, query.top_k)
        return Answer(
            candidates=places,
            mode_used=mode,
            tiles_scanned=likelihood.evidence.tiles_scanned,
            index=self._title,
            model=self._model,
            notices=prepared.notices,
            status=found.estimate.status,
            reckoning=replace(said, seconds=time.perf_counter() - started),
            at_large=likelihood.evidence.background_mean,
        )
