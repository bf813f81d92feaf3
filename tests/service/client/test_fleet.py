"""Both clients have fixes corrected by a service that runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from models.geo import distance_m
from service import client
from service.client import Camera, Corrections, Fix, ProblemError
from service.correct import responses, schema
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.client.conftest import Ask
from tests.service.correct.conftest import calibrated as calibrated
from tests.service.correct.conftest import fix
from tests.service.door.conftest import Running, running
from tests.service.world import encode, panorama, position

AROUND = Camera(projection="panorama", fov_deg=360)
BEGAN = datetime(2026, 11, 21, 20, 23, 10, 500_000, UTC)


@pytest.fixture
def fleet(calibrated: IndexLocalizer) -> Iterator[Running]:
    with running(Settings(), calibrated) as service:
        yield service


def test_fixes_are_corrected_one_for_one(fleet: Running, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encode(panorama(7)))
    off = fix(7, east_m=40.0)
    known: dict[str, Any] = {"accuracy_m": 30.0, "accuracy_percentile": 68.0}
    fixes = [
        Fix(off["lat"], off["lon"], "van-17", BEGAN, image=tmp_path / "photo.png", **known),
        Fix(*position(8), device_id="van-18", timestamp=BEGAN + timedelta(seconds=1), speed_mps=3.0, **known),
        Fix(off["lat"], off["lon"], "van-19", "2026-11-21T20:23:10Z", image=encode(panorama(7)), **known),
    ]
    answer = ask(f"http://127.0.0.1:{fleet.port}", "correct", fixes, camera=AROUND, request_id="r-1")
    assert isinstance(answer, Corrections)
    assert (answer.request_id, answer.index) == ("r-1", "painted@1")
    assert [(each.index, each.status, each.device_id) for each in answer.corrected] == [
        (0, "corrected", "van-17"),
        (1, "kept", "van-18"),
        (2, "corrected", "van-19"),
    ]
    moved = answer.corrected[0]
    assert distance_m(moved.position.lat, moved.position.lon, *position(7)) < 35.0
    assert (moved.original.lat, moved.original.timestamp) == (off["lat"], "2026-11-21T20:23:10.500000+00:00")
    assert moved.position.radius_m_95 is not None
    assert moved.confidence is not None
    assert answer.corrected[1].original.speed_mps == 3.0


def test_what_the_service_refuses_is_told(fleet: Running, ask: Ask) -> None:
    with pytest.raises(ProblemError) as raised:
        ask(f"http://127.0.0.1:{fleet.port}", "correct", [Fix(52.5, 13.4), Fix(91.0, 13.4)])
    assert [fault.pointer for fault in raised.value.errors] == ["fixes.1.lat"]


def test_too_many_and_times_without_a_zone_are_not_sent(ask: Ask) -> None:
    for fixes, word in (
        ([], "0 fixes"),
        ([Fix(1.0, 2.0)] * 1001, "1001 fixes"),
        ([Fix(1.0, 2.0, image=b"x")] * 33, "33 photos"),
        ([Fix(1.0, 2.0, timestamp=datetime(2026, 1, 1))], "no time zone"),  # noqa: DTZ001
    ):
        with pytest.raises(ValueError, match=word):
            ask("http://127.0.0.1:9", "correct", fixes)


PAIRS: tuple[tuple[type[Any], type[BaseModel]], ...] = (
    (client.Fix, schema.FixRequest),
    (client.Corrections, responses.CorrectResponse),
    (client.Correction, responses.CorrectedOut),
    (client.Original, responses.OriginalOut),
    (client.Snapped, responses.SnappedOut),
    (client.FleetNotice, responses.FleetNoticeOut),
)


@pytest.mark.parametrize(("mine", "theirs"), PAIRS, ids=[theirs.__name__ for _, theirs in PAIRS])
def test_the_fields_are_those_of_the_service(mine: type[Any], theirs: type[BaseModel]) -> None:
    assert {each.name for each in dataclasses.fields(mine)} == set(theirs.model_fields)


def test_photos_are_not_shown() -> None:
    assert "secret" not in repr(Fix(1.0, 2.0, image=b"secret"))
