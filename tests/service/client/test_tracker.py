"""Both clients follow a camera by a service that runs."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from models.geo import distance_m
from service import client
from service.client import AsyncClient, AsyncTracker, Camera, Client, Motion, Odometry, Prior, ProblemError, Tracker
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from service.tracking import responses, schema
from tests.service.client.conftest import Ask
from tests.service.door.conftest import Running, running
from tests.service.tracking.conftest import calibrated as calibrated
from tests.service.world import encode, panorama, position

AROUND = Camera(projection="panorama", fov_deg=360)
BEGAN = datetime(2026, 11, 21, 20, 23, 10, 500_000, UTC)
EAST = Odometry(100.0)


@pytest.fixture
def tracked(calibrated: IndexLocalizer) -> Iterator[Running]:
    with running(Settings(), calibrated) as service:
        yield service


def later(seconds: int) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def test_a_track_is_followed_by_either_client(tracked: Running) -> None:
    url = f"http://127.0.0.1:{tracked.port}"

    async def inside() -> Any:
        async with AsyncClient(url) as asks:
            tracker = AsyncTracker(asks, camera=AROUND)
            for second, number in enumerate((6, 7, 8)):
                moved = {"odometry": EAST} if second else {}
                answer = await tracker.step(later(second), image=encode(panorama(number, 90.0)), **moved)
            return answer

    with Client(url) as asks:
        tracker = Tracker(asks, camera=AROUND)
        for second, number in enumerate((6, 7, 8)):
            moved: dict[str, Any] = {"odometry": EAST} if second else {}
            answer = tracker.step(later(second), image=encode(panorama(number, 90.0)), **moved)
    assert answer.step == 3
    assert answer.position is not None
    assert distance_m(answer.position.lat, answer.position.lon, *position(8)) < 15.0
    assert asyncio.run(inside()).position == answer.position
    assert answer.track_token not in repr(answer)


def test_a_track_whose_token_is_not_believed_begins_anew(tracked: Running) -> None:
    fix = Prior(*position(7), accuracy_m=20, accuracy_percentile=68)
    with Client(f"http://127.0.0.1:{tracked.port}") as asks:
        tracker = Tracker(asks)
        first = tracker.step(later(0), fix=fix)
        tracker.last = dataclasses.replace(first, track_token="AQID")
        assert tracker.step(later(1), fix=fix, motion=Motion(0.0)).step == 1
        assert tracker.step(later(2), fix=fix).step == 2
        with pytest.raises(ProblemError, match="before that of the step"):
            tracker.step(later(1), fix=fix)


def test_what_the_service_refuses_is_told(tracked: Running, ask: Ask) -> None:
    url = f"http://127.0.0.1:{tracked.port}"
    with pytest.raises(ProblemError) as raised:
        ask(url, "track", BEGAN, fix=Prior(91.0, 13.4), track_token="AQID")
    assert [fault.pointer for fault in raised.value.errors] == ["fix.lat"]
    with pytest.raises(ValueError, match="no time zone"):
        ask(url, "track", datetime(2026, 1, 1), odometry=EAST)  # noqa: DTZ001


PAIRS: tuple[tuple[type[Any], type[BaseModel]], ...] = (
    (client.Tracked, responses.TrackResponse),
    (client.TrackCandidate, responses.TrackCandidateOut),
    (client.TrackSearched, responses.TrackSearchOut),
    (client.Odometry, schema.OdometryRequest),
    (client.Motion, schema.MotionRequest),
)


@pytest.mark.parametrize(("mine", "theirs"), PAIRS, ids=[theirs.__name__ for _, theirs in PAIRS])
def test_the_fields_are_those_of_the_service(mine: type[Any], theirs: type[BaseModel]) -> None:
    assert {each.name for each in dataclasses.fields(mine)} == set(theirs.model_fields)
