"""Where several photos of one place were taken: one posterior for all of them, and a heading for each."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery
from models.calibration.estimate import Estimate, accuracy_deg
from models.calibration.points import arc, mean_heading
from models.calibration.posterior import Posterior
from models.geo import enu_m
from service.calibrated import PRIOR_CONTRADICTED
from service.evidence import Queries
from service.likelihood import Likelihood, LikelihoodSource
from service.posterior import Reckoned, candidates, reckon, reckoning, round_prior
from service.query import Answer, Mode, Notice, Prior
from service.sets.fusion import FUSION, Fusion, fused, strays, summed
from service.sets.members import Member
from service.view import View

Floats = NDArray[np.float64]
STRAY_FROM = 0.5
PLACE_M = 25.0
"""Cells within this of the answer are its place, where headings are taken from."""


@dataclass(frozen=True, slots=True)
class PhotoSaid:
    """What is said of one photo of a set."""

    heading_deg: float | None = None
    heading_accuracy_deg_68: float | None = None
    disagrees: bool = False
    """It is of another place, if the others are of the answered one."""


@dataclass(frozen=True, slots=True)
class SetAnswer:
    """One answer for all, and by the number of each photo what is said of it."""

    answer: Answer
    photos: dict[int, PhotoSaid]


class SetLocating:
    """Locates sets of photos in a gallery.

    Args:
        source: likelihoods of single photos.
        index, model: titles, for the answers.
        fusion: how photos are weighed together.
    """

    def __init__(self, source: LikelihoodSource, index: str, model: str, fusion: Fusion = FUSION) -> None:
        self._source, self._index, self._model, self._fusion = source, index, model, fusion
        self._gallery: Gallery = source.gallery
        self._margin_m = self._gallery.about.reach_m

    def answer(
        self, photos: Sequence[Member], prior: Prior | None, mode: Mode, top_k: int, notices: tuple[Notice, ...] = ()
    ) -> SetAnswer:
        """Say where photos were taken.

        As with one photo: mode `auto` looks at the whole index too if nothing near the prior explains the photos, and
        believes that only if it localizes.

        Args:
            photos: at least one, in the order of `members`.
            prior: of all of them.
            notices: of the set as a whole.
        """
        asked = _Asked(photos, [self._source.laid_out(photo.view) for photo in photos], top_k, notices)
        if prior is None or mode == "global":
            return self._everywhere(asked, prior)
        near = self._near(asked, prior)
        if mode == "prior" or near.answer.status != "no_match":
            return near
        far = self._everywhere(asked, prior)
        if far.answer.status != "localized":
            return near
        return replace(far, answer=replace(far.answer, notices=(*far.answer.notices, PRIOR_CONTRADICTED)))

    def _near(self, asked: _Asked, prior: Prior) -> SetAnswer:
        circle = round_prior(prior)
        reach_m = circle.reach_m + self._margin_m
        found = [self._source.near(view, prior.lat, prior.lon, reach_m, queries) for view, queries in asked.views]
        parts = [part for part in found if part is not None]
        ground = parts[0].evidence.ground if parts else None
        if ground is None or not (
            parts[0].evidence.covered is not None or circle.allows(ground.x_m, ground.y_m, self._source.spacing_m)
        ):
            nowhere = Answer((), "prior", 0, self._index, self._model, asked.notices, "outside_coverage")
            return SetAnswer(nowhere, {})
        if len(parts) > 1 and any(part.evidence.covered is not None for part in parts):
            parts = self._joined(asked, parts, (prior.lat, prior.lon))
        return self._conclude(asked, parts, "prior", prior, prior)

    def _everywhere(self, asked: _Asked, prior: Prior | None) -> SetAnswer:
        return self._conclude(asked, self._listed(asked), "global", None, prior)

    def evidence(self, photos: Sequence[Member]) -> list[Likelihood]:
        """What each photo says of the cells of the whole gallery that any of them lists, in one frame."""
        return self._listed(_Asked(photos, [self._source.laid_out(photo.view) for photo in photos], 1, ()))

    def _listed(self, asked: _Asked) -> list[Likelihood]:
        parts = [self._source.everywhere(view, queries) for view, queries in asked.views]
        if len(parts) == 1:
            return parts
        return self._centred(self._joined(asked, parts, (parts[0].evidence.lat, parts[0].evidence.lon)))

    def _joined(self, asked: _Asked, parts: Sequence[Likelihood], origin: tuple[float, float]) -> list[Likelihood]:
        """Compare every photo with the cells that any of them listed; the rest of each stays its own."""
        cells = self._gallery.about.cells
        keys = np.unique(np.concatenate([part.evidence.rows * cells + part.evidence.cells for part in parts]))
        rows, numbers = np.divmod(keys, cells)
        joined = []
        for (view, queries), part in zip(asked.views, parts, strict=True):
            here = self._source.at(view, rows, numbers, *origin, queries)
            evidence = replace(here.evidence, tiles_scanned=part.evidence.tiles_scanned, covered=part.evidence.covered)
            joined.append(replace(here, evidence=evidence, log_rest=part.log_rest))
        return joined

    def _centred(self, parts: Sequence[Likelihood]) -> list[Likelihood]:
        """Move the frame to the cell that the photos together like best: a flat frame is true near its origin."""
        ratio, _ = self._fused(parts)
        best, evidence = int(ratio.argmax()), parts[0].evidence
        lats, lons = self._gallery.cell_lat_lon(evidence.rows, evidence.cells)
        lat, lon = float(lats[best]), float(lons[best])
        x_m, y_m = enu_m(lats, lons, lat, lon)
        return [
            replace(
                part,
                evidence=replace(
                    part.evidence, lat=lat, lon=lon, ground=replace(part.evidence.ground, x_m=x_m, y_m=y_m)
                ),
            )
            for part in parts
        ]

    def _fused(self, parts: Sequence[Likelihood]) -> tuple[Floats, float]:
        return fused([part.log_ratio for part in parts], [part.log_rest for part in parts], self._fusion)

    def _together(self, parts: Sequence[Likelihood]) -> Likelihood:
        """What the photos say as one; it has no heading, as each of them has its own."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0].evidence
        ratio, rest = self._fused(parts)
        evidence = replace(
            first,
            similarity=summed([part.evidence.similarity for part in parts]) / len(parts),
            ground=replace(first.ground, heading_deg=None),
            log_gain=0.0,
        )
        return Likelihood(evidence, ratio, rest, max(part.fov_deg for part in parts))

    def _conclude(
        self,
        asked: _Asked,
        parts: Sequence[Likelihood],
        mode: Literal["prior", "global"],
        weighed: Prior | None,
        prior: Prior | None,
    ) -> SetAnswer:
        started = time.perf_counter()
        circle = None if weighed is None else round_prior(weighed)
        found = reckon(self._together(parts), self._source.calibration, circle, asked.top_k)
        if len(parts) > 1 and found.estimate.places[0].probability < self._fusion.localized_at:
            found = _less_sure(found)
        places = candidates(found, self._gallery, prior, asked.top_k)
        if sum(len(photo.photos) for photo in asked.photos) > 1:
            places = tuple(replace(place, heading_deg=None) for place in places)
        photos = self._said(asked.photos, parts, found)
        return SetAnswer(
            Answer(
                candidates=places,
                mode_used=mode,
                tiles_scanned=parts[0].evidence.tiles_scanned,
                index=self._index,
                model=self._model,
                notices=asked.notices,
                status=found.estimate.status,
                reckoning=replace(reckoning(found), seconds=time.perf_counter() - started),
            ),
            photos,
        )

    def _said(self, photos: Sequence[Member], parts: Sequence[Likelihood], found: Reckoned) -> dict[int, PhotoSaid]:
        said: dict[int, PhotoSaid] = {}
        share, rest = _inside(found.posterior)
        for photo, part in zip(photos, parts, strict=True):
            ratio = part.log_ratio[found.kept]
            stray = strays(ratio, part.log_rest, share, rest, self._fusion) if len(parts) > 1 else 0.0
            disagrees = found.estimate.status == "localized" and stray > STRAY_FROM
            heading = None if disagrees else self._heading(part, found, share, rest)
            for number, turn_deg in zip(photo.photos, photo.turns_deg, strict=True):
                mean_deg, accuracy = (None, None) if heading is None else ((heading[0] + turn_deg) % 360.0, heading[1])
                said[number] = PhotoSaid(mean_deg, accuracy, disagrees)
        return said

    def _heading(self, part: Likelihood, found: Reckoned, share: Floats, rest: float) -> tuple[float, float] | None:
        """Mean heading at the answered place and the turn from it that 68 of 100 are within; None: not asked for."""
        ground = part.evidence.ground
        if ground.heading_deg is None:
            return None
        estimate: Estimate = found.estimate
        if estimate.places[0].heading_deg is not None and estimate.heading_accuracy_deg_68 is not None:
            return estimate.places[0].heading_deg, estimate.heading_accuracy_deg_68
        heading, best = ground.heading_deg[found.kept], estimate.places[0]
        here = np.hypot(ground.x_m[found.kept] - best.x_m, ground.y_m[found.kept] - best.y_m) <= PLACE_M
        weight = share * here if (share * here).any() else share
        mean_deg = mean_heading(heading, weight)
        known = self._source.calibration.at(np.array([part.fov_deg]), np.array([ground.area_m2]))
        turns = arc(heading, share, rest, float(known.heading_sigma_deg[0]), mean_deg)
        return mean_deg, accuracy_deg(turns, float(known.heading_level_68[0]))


def _less_sure(found: Reckoned) -> Reckoned:
    if found.estimate.status != "localized":
        return found
    return replace(found, estimate=replace(found.estimate, status="ambiguous"))


def _inside(found: Posterior) -> tuple[Floats, float]:
    """Shares of the listed cells and of the rest, given that the place is in the index."""
    log_inside = math.log(max(-math.expm1(float(found.log_outside[0])), 1e-300))
    return np.exp(found.log_cells[0] - log_inside), math.exp(float(found.log_rest[0]) - log_inside)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked, with every member laid out at its headings once."""

    photos: Sequence[Member]
    queries: Sequence[Queries]
    top_k: int
    notices: tuple[Notice, ...]

    @property
    def views(self) -> list[tuple[View, Queries]]:
        return list(zip([photo.view for photo in self.photos], self.queries, strict=True))
