"""One call through the house: photos a few at once, what each says around its fix, then all fixes together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from models.errors import SkyfixError
from service.correct.question import Question, fix_of
from service.correct.schema import FixRequest, Settled
from service.deadline import Deadline
from service.fleet.correct import correct
from service.fleet.fix import Corrected, Fix, FleetNotice, Options
from service.fleet.observation import Observation, observe
from service.localizer import Localizer
from service.many_photos import few_at_once
from service.pipeline import Pipeline
from service.problems import body_of
from service.query import Notice
from service.timeline import Timeline

FEW = 4
"""Photos of one call that are decoded or encoded at once."""
UNCALIBRATED = (
    "uncalibrated",
    "This model has no calibration, so nothing can be said of the fixes and no photo was looked at: all are kept.",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What photos said, by the index of their fix."""

    observations: Mapping[int, Observation]
    notices: tuple[FleetNotice, ...]


def options_of(settled: Settled) -> Options:
    given = settled.false_alarm_rate
    return Options(smooth=settled.smooth) if given is None else Options(given, settled.smooth)


async def look(
    pipeline: Pipeline, localizer: Localizer, question: Question, deadline: Deadline, timeline: Timeline
) -> Seen:
    """Decode, describe and compare the photos of a call. A photo that is at fault is a notice for its fix.

    Raises:
        What is no deliberate error.
    """
    source = localizer.likelihoods
    if source is None:
        return Seen({}, (FleetNotice(*UNCALIBRATED, ()),))
    indexes = list(question.photos)
    photos = dict(question.photos)

    async def one(number: int) -> tuple[Observation, tuple[Notice, ...]]:
        index, own = indexes[number], timeline.photo()
        fix, query = fix_of(question.fixes[index], index), question.query(index)
        view = await pipeline.view(localizer, photos.pop(index), query, deadline, own)
        seen = await pipeline.search(partial(observe, fix, view, source), deadline, own)
        return seen, view.prepared.notices

    found = await few_at_once(len(indexes), FEW, one)
    return _gathered(dict(zip(indexes, found, strict=True)))


def _gathered(found: Mapping[int, tuple[Observation, tuple[Notice, ...]] | SkyfixError]) -> Seen:
    observations: dict[int, Observation] = {}
    notices: list[FleetNotice] = []
    for index, came in found.items():
        if isinstance(came, SkyfixError):
            notices.append(FleetNotice(came.code, str(body_of(came, "")["detail"]), (index,)))
            continue
        observations[index], said = came
        notices += [FleetNotice(notice.code, notice.detail, (index,)) for notice in said]
    return Seen(observations, tuple(notices))


def fixes_of(asked: Iterable[FixRequest]) -> list[Fix]:
    return [fix_of(fix, index) for index, fix in enumerate(asked)]


async def settle(
    pipeline: Pipeline, question: Question, seen: Seen, deadline: Deadline, timeline: Timeline
) -> tuple[Sequence[Corrected], tuple[FleetNotice, ...]]:
    """Reckon all fixes of a call; give one answer each and all notices. Raises DeadlineExceeded."""
    fixes, options = fixes_of(question.fixes), options_of(question.settled)
    reckon = partial(correct, fixes, seen.observations, options)
    found, notices = await pipeline.search(reckon, deadline, timeline)
    return found, (*question.notices, *seen.notices, *notices)
