"""Photos, fixes and movement, taken in by a tracker in the order of time, one step a photo."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from models.errors import ImageError, UsageError
from service.errors import NotCalibrated
from service.localizer import Localizer
from service.query import ASSUMED_ACCURACY_M, ASSUMED_PERCENTILE, Notice, Query
from service.track_files.frames import Frame
from service.track_files.movement_log import MovementLog
from service.track_files.points import Oddities, TrackPoint
from service.tracking.belief import Belief
from service.tracking.frame import Frame as SeenFrame
from service.tracking.frame import PhotoFrame
from service.tracking.motion import Motion, Odometry, Velocity
from service.tracking.step import Fix, Observation, Step, Tracker, tracker_of
from service.view import View

BEFORE_S = 60.0
"""Fixes longer before the first photo than this are of no use to it."""
SAME_S = 0.05
"""A fix this close to a photo is taken in with it."""


@dataclass(frozen=True, slots=True)
class Read:
    """A photo that is ready to be weighed, and the position that it carries, where that is to be used."""

    frame: SeenFrame
    fix: Fix | None = None


class Reader(Protocol):
    """Makes photos ready for a tracker."""

    def read(self, data: bytes) -> Read:
        """Raises ImageError, ParameterError."""


class PhotoReader:
    """Decodes, projects and describes photos; keeps what there was to say about them, each kind once.

    Args:
        query: the hints about the camera, and whether the photos' own GPS is used.

    Raises:
        NotCalibrated: nothing can be weighed by similarities alone.
    """

    def __init__(self, localizer: Localizer, query: Query) -> None:
        if localizer.likelihoods is None:
            raise NotCalibrated(
                f"{localizer.about.model} has no calibration, so no photo can be weighed against what is known. "
                "Calibrate it with `skyfix calibrate`, or take another bundle."
            )
        self._localizer, self._query, self._source = localizer, query, localizer.likelihoods
        self.tracker = tracker_of(self._source)
        self.notices: dict[str, Notice] = {}

    def read(self, data: bytes) -> Read:
        prepared = self._localizer.prepare(self._localizer.decode(data), self._query)
        for notice in prepared.notices:
            self.notices.setdefault(notice.code, notice)
        own = prepared.prior
        fix = None if own is None or own.sigma_m is None else Fix(own.lat, own.lon, own.sigma_m)
        return Read(PhotoFrame(self._source, View(prepared, self._localizer.describe(prepared))), fix)


@dataclass(frozen=True, slots=True)
class Followed:
    """One photo and what is believed with it."""

    number: int
    name: str
    seconds: float
    timestamp: datetime | None
    step: Step


@dataclass(slots=True)
class Follower:
    """Follows one camera.

    Args:
        tracker: predicts and weighs.
        reader: makes photos ready for it.
        fixes: positions of a receiver by rising time; those without a time count for nothing.
        movement: how it moved; None: as things do.
        start: where it begins.
    """

    tracker: Tracker
    reader: Reader
    fixes: Sequence[TrackPoint] = ()
    movement: MovementLog | None = None
    start: Fix | None = None
    rejected: Counter[str] = field(default_factory=Counter)
    """Notices of the steps, counted by their code."""
    used_fixes: list[TrackPoint] = field(default_factory=list)
    _oddities: Oddities = field(default_factory=Oddities)

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self._oddities.notices()

    def follow(self, frames: Iterable[Frame]) -> Iterator[Followed]:
        """Give one step a photo; one that cannot be decoded is left out with a notice.

        Raises:
            UsageError: there are fixes and the photos have no time.
        """
        belief: Belief | None = None
        waiting = deque(sorted((fix for fix in self.fixes if fix.timestamp is not None), key=_seconds_of))
        start = self.start
        for frame in frames:
            if waiting and frame.timestamp is None:
                raise UsageError("The photos have no time, so no fix belongs to any. Say when they begin with --begin.")
            now_s = frame.seconds if frame.timestamp is None else frame.timestamp.timestamp()
            try:
                seen = self.reader.read(frame.data)
            except ImageError as error:
                self._oddities.add("photo_unusable", "photo left out", f"{frame.name}: {error}")
                continue
            while waiting and _seconds_of(waiting[0]) < now_s - (BEFORE_S if belief is None else math.inf):
                waiting.popleft()
            while waiting and _seconds_of(waiting[0]) < now_s - SAME_S:
                belief = self._take(belief, waiting.popleft(), start)
                start = None
            fix, start = start, None
            if waiting and abs(_seconds_of(waiting[0]) - now_s) <= SAME_S:
                point = waiting.popleft()
                self.used_fixes.append(point)
                fix = fix or self._fix(point)
            fix = fix or seen.fix
            motion = None if belief is None else self._motion(belief.time_s, now_s)
            if belief is not None:
                now_s = max(now_s, belief.time_s)
            step = self.tracker.step(belief, Observation(now_s, seen.frame, fix, motion))
            belief = step.belief
            self.rejected.update(notice.code for notice in step.notices)
            yield Followed(frame.number, frame.name, frame.seconds, frame.timestamp, step)

    def _take(self, belief: Belief | None, point: TrackPoint, start: Fix | None) -> Belief:
        """Take in a fix that comes between photos."""
        self.used_fixes.append(point)
        now_s = _seconds_of(point)
        if belief is not None:
            now_s = max(now_s, belief.time_s)
        motion = None if belief is None else self._motion(belief.time_s, now_s)
        step = self.tracker.step(belief, Observation(now_s, None, start or self._fix(point), motion))
        self.rejected.update(notice.code for notice in step.notices)
        return step.belief

    def _motion(self, start_s: float, end_s: float) -> Motion | None:
        moved = None if self.movement is None else self.movement.between(start_s, end_s)
        if moved is None:
            return None
        if moved.forward_m is not None:
            return Odometry(moved.forward_m, moved.turn_deg)
        return Velocity(moved.speed_mps or 0.0, moved.heading_deg)

    def _fix(self, point: TrackPoint) -> Fix:
        accuracy_m, percentile = point.accuracy_m, point.accuracy_percentile
        if accuracy_m is None:
            what = f"fix without accuracy, taken for {ASSUMED_ACCURACY_M:g} m with {ASSUMED_PERCENTILE:g} %"
            self._oddities.add("fix_accuracy_assumed", what, _name(point))
        elif percentile is None:
            what = f"fix whose accuracy has no percentile, taken for {ASSUMED_PERCENTILE:g} %"
            self._oddities.add("accuracy_percentile_assumed", what, _name(point))
        return Fix(point.lat, point.lon, sigma_of(accuracy_m or ASSUMED_ACCURACY_M, percentile or ASSUMED_PERCENTILE))


def sigma_of(radius_m: float, percentile: float) -> float:
    """Turn a radius at a percentile into the standard deviation of a round Gaussian along each axis."""
    return radius_m / math.sqrt(-2.0 * math.log1p(-percentile / 100.0))


def _seconds_of(point: TrackPoint) -> float:
    return 0.0 if point.timestamp is None else point.timestamp.timestamp()


def _name(point: TrackPoint) -> str:
    return "" if point.timestamp is None else point.timestamp.isoformat()
