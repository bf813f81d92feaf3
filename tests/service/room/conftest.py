"""A room whose workers do what photos say, and photos to ask for."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from service.deadline import NEVER, Deadline
from service.index_localizer import IndexLocalizer
from service.prepared import Prepared
from service.query import CameraHints, Query
from service.room.processes import ProcessRoom, Watched
from service.timeline import Timeline

AROUND = Query(camera=CameraHints(fov_deg=360.0, projection="panorama"))


@dataclass
class Rooms:
    """A room and what it told of its workers."""

    room: ProcessRoom
    localizer: IndexLocalizer
    ended: Counter[str] = field(default_factory=Counter)

    def prepare(self, photo: bytes, deadline: Deadline = NEVER, timeline: Timeline | None = None) -> Prepared:
        return asyncio.run(self.room.prepare(self.localizer, photo, AROUND, deadline, timeline or Timeline()))

    def wait(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)


def open_rooms(localizer: IndexLocalizer, workers: int = 1, recycled_after: int = 100, decode_s: float = 1.5) -> Rooms:
    ended: Counter[str] = Counter()
    watched = Watched(ended=lambda reason: ended.update([reason]))
    cook = "tests.service.room.cooks:obedient"
    room = ProcessRoom(workers, cook=cook, decode_s=decode_s, recycled_after=recycled_after, watched=watched)
    return Rooms(room, localizer, ended)


@pytest.fixture(scope="module")
def rooms(localizer: IndexLocalizer) -> Iterator[Rooms]:
    """One worker."""
    opened = open_rooms(localizer)
    yield opened
    opened.room.close()
