"""Both clients ask about several photos at once, of a service that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from index.bundle import Index
from index.search import Searcher
from service.client import (
    Answered,
    AsyncClient,
    BatchAnswer,
    BatchPhoto,
    Camera,
    Client,
    Prior,
    Problem,
    ProblemError,
    SetAnswer,
    SetShot,
)
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.door.conftest import Running, running
from tests.service.sets.photos import calibrated, quarter
from tests.service.world import encode, panorama, position

QUARTER = Camera(projection="panorama", fov_deg=90)
HEADINGS = (0.0, 90.0, 180.0, 270.0)


@pytest.fixture(scope="module")
def served(painted_index: Index) -> Iterator[Running]:
    with running(Settings(), IndexLocalizer(calibrated(), Searcher(painted_index))) as service:
        yield service


def url(served: Running) -> str:
    return f"http://127.0.0.1:{served.port}"


def test_a_batch_has_answers_and_problems_in_order(served: Running) -> None:
    lat, lon = position(7)
    photos: list[BatchPhoto | bytes] = [
        BatchPhoto(encode(panorama(7)), camera=Camera(fov_deg=360), prior=Prior(lat, lon, 30, 68)),
        b"this is no picture at all",
        quarter(7, 0.0),
    ]

    async def inside() -> BatchAnswer:
        async with AsyncClient(url(served)) as client:
            return await client.localize_batch(photos, camera=QUARTER, top_k=1)

    with Client(url(served)) as client:
        answers = [client.localize_batch(photos, camera=QUARTER, top_k=1), asyncio.run(inside())]
    for found in answers:
        first, second, third = found.results
        assert isinstance(first, Answered)
        assert (first.answer.search.mode_used, first.answer.candidates[0].tile.id) == ("prior", "t7")
        assert isinstance(second, Problem)
        assert (second.status, second.errors[0].pointer) == (415, "images.1")
        assert isinstance(third, Answered)
        assert len(third.answer.candidates) == 1
        assert [each is None for each in found.answers] == [False, True, False]


def test_a_set_has_one_place_and_a_heading_for_each(served: Running) -> None:
    photos = [SetShot(quarter(7, heading), relative_heading_deg=heading) for heading in HEADINGS]

    async def inside() -> SetAnswer:
        async with AsyncClient(url(served)) as client:
            return await client.localize_set(photos, camera=QUARTER)

    with Client(url(served)) as client:
        answers = [client.localize_set(photos, camera=QUARTER), asyncio.run(inside())]
    for found in answers:
        assert found.candidates[0].tile.id == "t7"
        assert found.is_localized
        assert all(photo.used and photo.heading is not None for photo in found.photos)


def test_a_bad_photo_of_a_set_is_named_or_skipped(served: Running) -> None:
    photos = [quarter(7, 0.0), quarter(7, 90.0), b"this is no picture at all"]
    with Client(url(served)) as client:
        with pytest.raises(ProblemError) as refused:
            client.localize_set(photos, camera=QUARTER)
        assert [fault.pointer for fault in refused.value.errors] == ["images.2"]
        found = client.localize_set(photos, camera=QUARTER, skip_unusable=True)
    assert [photo.used for photo in found.photos] == [True, True, False]
    assert found.photos[2].problem is not None
