"""Tracks of files with photos, corrected without a server or by one, device by device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from models.errors import SkyfixError
from service.correct.matching import Stop
from service.correct.question import fix_of, query_of
from service.correct.schema import FixRequest, Settled
from service.correct.tracks import fix_of_point
from service.correct.work import UNCALIBRATED, options_of
from service.fleet.correct import correct
from service.fleet.fix import Corrected, FleetNotice
from service.fleet.observation import Observation, observe
from service.localizer import Localizer
from service.query import Notice
from service.track_files.values import say_time
from service.view import View

ReadPhoto = Callable[[int], bytes]
OnPhoto = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One device's stops."""

    device_id: str | None
    stops: Sequence[Stop]

    @property
    def fixes(self) -> list[FixRequest]:
        return [self._fix(stop) for stop in self.stops]

    def _fix(self, stop: Stop) -> FixRequest:
        fix = fix_of_point(stop.point, self.device_id)
        if stop.photo_time is None:
            return fix
        return fix.model_copy(update={"image_timestamp": say_time(stop.photo_time)})


@dataclass(frozen=True, slots=True)
class Done:
    """A device's answers, one a stop, in their order."""

    job: Job
    corrected: Sequence[Corrected]
    notices: tuple[FleetNotice, ...]


class Corrector(Protocol):
    """Corrects one device after another."""

    def correct(self, job: Job, read: ReadPhoto, on_photo: OnPhoto) -> Done: ...


class Here:
    """Corrects with a localizer in this process. What a photo says of its surroundings is held, no photo is."""

    def __init__(self, localizer: Localizer, settled: Settled) -> None:
        self._localizer, self._settled = localizer, settled

    def correct(self, job: Job, read: ReadPhoto, on_photo: OnPhoto) -> Done:
        fixes = job.fixes
        observations: dict[int, Observation] = {}
        notices: list[FleetNotice] = []
        for index, (stop, fix) in enumerate(zip(job.stops, fixes, strict=True)):
            if stop.photo is None:
                continue
            try:
                found = self._look(fix, index, read(stop.photo))
            except SkyfixError as error:
                notices.append(FleetNotice(error.code, str(error), (index,)))
            else:
                if found is not None:
                    observations[index], said = found
                    notices += [FleetNotice(notice.code, notice.detail, (index,)) for notice in said]
            on_photo()
        if self._localizer.likelihoods is None:
            notices.append(FleetNotice(*UNCALIBRATED, ()))
        plain = [fix_of(fix, index) for index, fix in enumerate(fixes)]
        corrected, more = correct(plain, observations, options_of(self._settled))
        return Done(job, corrected, (*notices, *more))

    def _look(self, fix: FixRequest, index: int, photo: bytes) -> tuple[Observation, tuple[Notice, ...]] | None:
        source = self._localizer.likelihoods
        if source is None:
            return None
        prepared = self._localizer.prepare(self._localizer.decode(photo), query_of(fix, self._settled.camera))
        view = View(prepared, self._localizer.describe(prepared))
        return observe(fix_of(fix, index), view, source), prepared.notices


def parts_of(
    job: Job, sizes: Callable[[int], int], most_fixes: int, most_photos: int, most_bytes: int
) -> Iterator[Job]:
    """Cut a job into such as a call takes, in time order.

    Args:
        sizes: bytes of a photo by its number.
    """
    stops: list[Stop] = []
    photos = held = 0
    for stop in job.stops:
        size = 0 if stop.photo is None else sizes(stop.photo)
        is_full = len(stops) == most_fixes or (size and (photos == most_photos or held + size > most_bytes))
        if stops and is_full:
            yield replace(job, stops=stops)
            stops, photos, held = [], 0, 0
        stops.append(stop)
        photos, held = photos + bool(size), held + size
    if stops:
        yield replace(job, stops=stops)


def joined(job: Job, parts: Iterable[Done]) -> Done:
    """Put the parts of a job together again; their notices count through."""
    corrected: list[Corrected] = []
    notices: list[FleetNotice] = []
    for part in parts:
        begin = len(corrected)
        corrected += [replace(one, index=begin + place) for place, one in enumerate(part.corrected)]
        shift = partial(_shifted, begin)
        notices += [replace(notice, fix_indexes=shift(notice.fix_indexes)) for notice in part.notices]
    return Done(job, corrected, tuple(notices))


def _shifted(begin: int, indexes: Sequence[int]) -> tuple[int, ...]:
    return tuple(begin + index for index in indexes)
