"""From photos that were decoded and described to the answer of their set; what HTTP and the command line share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.errors import ImageError, ParameterError, SkyfixError
from models.geo import distance_m
from service.index_localizer import UNCALIBRATED
from service.localizer import Localizer
from service.query import Notice, Prior, Query
from service.sets.locating import SetAnswer, SetLocating
from service.sets.members import Taken, members
from service.sets.ranking import SetRanking
from service.view import View

PHOTO_DISAGREES = Notice("photo_disagrees", "The other photos agree on a place that this photo does not fit.")
PHOTO_SKIPPED = Notice("photo_skipped", "The photo could not be used; the answer is that of the others.")
RELATIVE_HEADING_IGNORED = Notice(
    "relative_heading_ignored", "This model knows no headings, so those between the photos were not used."
)
UNUSABLE = (ImageError, ParameterError)
"""What is wrong with a photo itself, as opposed to the service that could not look at it."""


@dataclass(frozen=True, slots=True)
class SetQuery:
    """What is asked about a set: `whole` but for the cameras, which are those of `each`."""

    whole: Query
    each: tuple[Query, ...]
    relative_deg: tuple[float | None, ...]


def set_query(queries: Sequence[Query], relative_deg: Sequence[float | None]) -> SetQuery:
    """Make the query of each photo: a relative heading is taken for a true one until the photos are laid together.

    Args:
        queries: of the photos, alike but for their cameras.
    """
    each = []
    for query, turn in zip(queries, relative_deg, strict=True):
        camera = query.camera if turn is None else replace(query.camera, heading_deg=turn, heading_accuracy_deg=None)
        each.append(replace(query, mode="auto", camera=camera))
    return SetQuery(queries[0], tuple(each), tuple(relative_deg))


def answer_set(localizer: Localizer, query: SetQuery, views: Sequence[View | SkyfixError]) -> SetAnswer:
    """Say where photos of one place were taken.

    Args:
        views: of the photos in the order sent; an error stands for one that is left out. At least one is a view.

    Raises:
        ParameterError: mode `prior`, and nothing says where.
    """
    gallery, about = localizer.gallery, localizer.about
    taken = [
        Taken(number, view, query.relative_deg[number]) for number, view in enumerate(views) if isinstance(view, View)
    ]
    prior = shared_prior(query.whole, [photo.view.prepared.prior for photo in taken])
    photos = members(taken, gallery.about.embedding)
    notices = query.whole.prior.notices if query.whole.prior else ()
    if localizer.likelihoods is None:
        ranking = SetRanking(gallery, about.index, about.model)
        return ranking.answer(photos, prior, query.whole.mode, query.whole.top_k, (UNCALIBRATED, *notices))
    locating = SetLocating(localizer.likelihoods, about.index, about.model)
    return locating.answer(photos, prior, query.whole.mode, query.whole.top_k, notices)


def shared_prior(query: Query, own: Sequence[Prior | None]) -> Prior | None:
    """Give the prior of a set: the request's, else of the photos' own positions the one in their middle.

    It is as wide as the widest of them.

    Raises:
        ParameterError: mode `prior`, and no photo holds a position.
    """
    found = [prior for prior in own if prior is not None]
    if query.prior is not None or not found:
        if query.prior is None and query.mode == "prior":
            raise ParameterError("use_gps_as_prior", "no photo holds a GPS position; send lat and lon.")
        return query.prior

    def apart_m(prior: Prior) -> tuple[float, float, float]:
        away = (float(distance_m(prior.lat, prior.lon, other.lat, other.lon)) for other in found)
        return math.fsum(away), prior.lat, prior.lon

    middle = min(found, key=apart_m)
    spreads = [prior.sigma_m for prior in found if prior.sigma_m is not None]
    sigma_m = max(spreads) if len(spreads) == len(found) else None
    return replace(middle, radius_m=max(prior.radius_m for prior in found), sigma_m=sigma_m)


def photo_notices(query: SetQuery, number: int, view: View | SkyfixError, *, disagrees: bool) -> tuple[Notice, ...]:
    """What to know about one photo; what is known of all is said of the set."""
    if not isinstance(view, View):
        return (PHOTO_SKIPPED,)
    said_once = (UNCALIBRATED, *(query.whole.prior.notices if query.whole.prior else ()))
    notices = [notice for notice in view.prepared.notices if notice not in said_once]
    if query.relative_deg[number] is not None and len(view.columns) == 1:
        notices.append(RELATIVE_HEADING_IGNORED)
    return (*notices, PHOTO_DISAGREES) if disagrees else tuple(notices)
