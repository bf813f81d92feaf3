"""Both clients against a service that runs: answers, refusals, keys, and many questions at once."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.client import Answer, AsyncClient, Camera, Exif, Prior, ProblemError, Retries, Search
from service.door.issuing import new_key
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.client.conftest import Ask
from tests.service.door.conftest import Running, running
from tests.service.world import encode, panorama, position

AROUND = Camera(projection="panorama", fov_deg=360)


def url(service: Running) -> str:
    return f"http://127.0.0.1:{service.port}"


@pytest.mark.parametrize("kind", ["path", "text path", "bytes", "view", "file"])
def test_a_photo_is_found_however_it_is_handed_over(
    served: Running, ask: Ask, photo: bytes, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(photo)
    given: dict[str, Any] = {
        "path": path,
        "text path": str(path),
        "bytes": photo,
        "view": memoryview(photo),
        "file": io.BytesIO(photo),
    }
    answer = ask(url(served), "localize", given[kind], camera=AROUND, top_k=3)
    assert isinstance(answer, Answer)
    assert [candidate.rank for candidate in answer.candidates] == [1, 2, 3]
    assert (answer.candidates[0].tile.id, answer.search.index) == ("t7", "painted@1")
    assert answer.position is not None
    assert (round(answer.position.lat, 5), round(answer.position.lon, 5)) == tuple(round(x, 5) for x in position(7))
    assert answer.status is None
    assert not answer.is_localized
    assert "inference" in answer.timings_ms


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_the_type_goes_by_the_bytes(served: Running, ask: Ask, format_: str) -> None:
    answer = ask(url(served), "localize", encode(panorama(7, 90), format_, quality=95), camera=AROUND)
    assert answer.candidates[0].tile.id == "t7"
    assert answer.heading is not None
    assert answer.heading.deg == pytest.approx(90, abs=1)


def test_everything_that_can_be_said_arrives(served: Running, ask: Ask, photo: bytes) -> None:
    lat, lon = position(8)
    answer = ask(
        url(served),
        "localize",
        photo,
        prior=Prior(lat, lon, accuracy_m=150, accuracy_percentile=95),
        camera=Camera(360, "panorama", heading_deg=2, heading_accuracy_deg=20, pitch_deg=0, roll_deg=0),
        search=Search(mode="prior", radius_m=180.0, index="painted"),
        exif=Exif(use_gps_as_prior=False, use_focal_length=False),
        top_k=2,
        include=["attention"],
        request_id="van-17.a",
    )
    assert (answer.request_id, answer.search.mode_used, len(answer.candidates)) == ("van-17.a", "prior", 2)
    assert answer.search.tiles_scanned < 36
    assert answer.candidates[0].distance_to_prior_m == pytest.approx(100, abs=1)
    grid = answer.attention.photo
    assert len(grid.cells) == grid.width * grid.height
    assert sum(answer.attention.columns.cosines) / 8 == pytest.approx(answer.candidates[0].similarity, abs=1e-3)


def test_a_refusal_says_which_parameter(served: Running, ask: Ask, photo: bytes) -> None:
    with pytest.raises(ProblemError) as caught:
        ask(url(served), "localize", photo, camera=Camera(fov_deg=3000), request_id="r-1")
    problem = caught.value
    assert (problem.status, problem.code, problem.request_id) == (422, "invalid_parameter", "r-1")
    assert [fault.pointer for fault in problem.errors] == ["fov_deg"]
    assert "fov_deg" in str(problem)
    with pytest.raises(ProblemError) as caught:
        ask(url(served), "localize", b"no image at all")
    assert (caught.value.status, caught.value.code, caught.value.errors) == (415, "image_type_unsupported", ())


def test_info_and_readiness(served: Running, ask: Ask) -> None:
    info = ask(url(served), "info")
    assert (info.model.name, info.index.name, info.index.licence) == ("mean-colour@1", "painted@1", "CC0")
    assert info.limits.top_k == 50
    west, south, east, north = info.index.bounds
    assert west < 13.4 < east
    assert south < 52.5 < north
    ready = ask(url(served), "ready")
    assert (ready.is_ready, ready.index, ready.degraded) == (True, "painted@1", False)
    assert [(state.name, state.status) for state in ready.indexes] == [("painted", "ready")]


@pytest.fixture
def loading() -> Iterator[Running]:
    """A service whose index has not come yet."""
    with running(Settings(), None) as service:  # type: ignore[arg-type]
        yield service


def test_not_ready_is_an_answer_and_no_place_for_photos(loading: Running, ask: Ask, photo: bytes) -> None:
    ready = ask(url(loading), "ready")
    assert (ready.is_ready, ready.code, ready.reason) == (False, "not_ready", "loading")
    with pytest.raises(ProblemError) as caught:
        ask(url(loading), "localize", photo, options={"retries": Retries(most=0)})
    assert (caught.value.status, caught.value.code) == (503, "not_ready")


def test_keys(localizer: IndexLocalizer, ask: Ask, photo: bytes, tmp_path: Path) -> None:
    key_file, own = tmp_path / "keys.json", tmp_path / "key.txt"
    key = new_key(key_file, "fleet", ("localize",), datetime.now(UTC))[0]
    own.write_text(key + "\n")
    with running(Settings(key_file=key_file), localizer) as service:
        for options in ({"api_key": key}, {"api_key_file": own}):
            assert ask(url(service), "localize", photo, camera=AROUND, options=options).candidates[0].tile.id == "t7"
        with pytest.raises(ProblemError) as caught:
            ask(url(service), "info")
        assert (caught.value.status, caught.value.code) == (401, "unauthorized")
        assert ask(url(service), "ready").is_ready


def test_a_crowd_of_one_client_gets_all_its_answers_from_few_places(localizer: IndexLocalizer) -> None:
    """Six photos at once into two places: the 429 are asked again until they are answered."""
    photos = [encode(panorama(number)) for number in range(6)]

    async def crowd(at: str) -> list[Answer]:
        patient = Retries(most=60, first_s=0.01, longest_s=0.05)
        async with AsyncClient(at, retries=patient) as client:
            return await asyncio.gather(*(client.localize(photo, camera=AROUND) for photo in photos))

    with running(Settings(places=2), localizer) as service:
        answers = asyncio.run(crowd(url(service)))
    assert [answer.candidates[0].tile.id for answer in answers] == [f"t{number}" for number in range(6)]
