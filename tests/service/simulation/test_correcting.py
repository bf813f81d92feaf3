"""What is sent to /correct, and what becomes of the answers; the service is a function behind httpx's own transport."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest

from service.errors import SimulationFailed
from service.simulation.calls import Caller
from service.simulation.correcting import Question, calls_of, correct, fix_of, timestamp
from service.simulation.drives import Drive
from service.simulation.outcome import outcome_of

Handler = Callable[[httpx.Request], httpx.Response]


def caller(handler: Handler, urls: tuple[str, ...] = ("http://one",)) -> Caller:
    return Caller(urls, transport=httpx.MockTransport(handler))


def sent(request: httpx.Request) -> dict[str, object]:
    """The JSON part of a form."""
    found = re.search(rb'name="fixes"\r\n.*?\r\n\r\n(.*?)\r\n--', request.content, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def moved_north(request: httpx.Request) -> httpx.Response:
    """Move every fix with a photo by 0.001 degrees, keep the others."""
    fixes = sent(request)["fixes"]
    assert isinstance(fixes, list)
    corrected = []
    for index, fix in enumerate(fixes):
        has_photo = "image" in fix
        assert not has_photo or f'name="{fix["image"].removeprefix("part:")}"'.encode() in request.content
        position = {"lat": fix["lat"] + 0.001 * has_photo, "lon": fix["lon"], "radius_m_68": 5.0, "radius_m_95": 9.0}
        status = "corrected" if has_photo else "kept"
        corrected.append({"index": index, "status": status, "position": position, "visual_used": has_photo})
    return httpx.Response(200, json={"corrected": corrected, "notices": []})


@pytest.fixture
def photos(drives: list[Drive], tmp_path: Path) -> dict[int, Path]:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"not looked at here")
    return {int(step): file for step in np.flatnonzero(drives[0].takes_photo)}


def test_a_drive_is_cut_in_order_within_both_limits(drives: list[Drive]) -> None:
    always = replace(drives[0], takes_photo=drives[0].fixes.has_fix)
    calls = list(calls_of(always))
    assert [step for call in calls for step in call] == np.flatnonzero(always.fixes.has_fix).tolist()
    assert max(map(len, calls)) == 32
    assert [len(call) for call in calls_of(replace(always, takes_photo=~always.fixes.has_fix), 50)] == [50, 50, 21]


def test_a_fix_is_written_as_the_contract_says(drives: list[Drive]) -> None:
    standing, moving = fix_of(drives[0], 0), fix_of(drives[0], int(drives[0].speed_mps.argmax()))
    assert standing["accuracy_percentile"] == 68
    assert standing["timestamp"] == timestamp(0.0) == "2026-06-01T08:00:00.000Z"
    assert "heading_deg" not in standing
    assert 0.0 <= moving["heading_deg"] < 360.0
    assert "speed_mps" not in fix_of(drives[0], 5, tell_motion=False)


def test_answers_come_back_beside_the_truth(drives: list[Drive], photos: dict[int, Path]) -> None:
    drive = drives[0]
    with caller(moved_north) as service:
        answers = correct(service, drive, photos, Question(fixes_per_call=40))
        assert service.asked == len(list(calls_of(drive, 40)))
    outcome = outcome_of([drive], [answers])
    assert len(outcome) == drive.fixes.has_fix.sum()
    assert outcome.visual_used.tolist() == outcome.has_photo.tolist()
    assert outcome.after_m[~outcome.has_photo] == pytest.approx(outcome.before_m[~outcome.has_photo], abs=0.02)
    north = drive.fixes.error_m[outcome.step, 1] + 111.2
    expected = np.hypot(drive.fixes.error_m[outcome.step, 0], north)
    assert outcome.after_m[outcome.has_photo] == pytest.approx(expected[outcome.has_photo], abs=2.0)
    assert math.isnan(outcome.chi2[0])


def test_options_go_with_the_call(drives: list[Drive]) -> None:
    seen = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(sent(request).get("false_alarm_rate"))
        return moved_north(request)

    with caller(note) as service:
        correct(service, drives[1], {}, Question(options={"false_alarm_rate": 0.05}))
    assert seen == [0.05]


def test_an_answer_that_is_not_one_for_one_is_refused(drives: list[Drive]) -> None:
    with caller(lambda _: httpx.Response(200, json={"corrected": []})) as service, pytest.raises(SimulationFailed):
        correct(service, drives[0], {}, Question())


def test_a_full_service_is_asked_again_and_replicas_by_turns(drives: list[Drive]) -> None:
    hosts = []

    def full_at_first(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(429, json={}) if len(hosts) == 1 else moved_north(request)

    with caller(full_at_first, ("http://one", "http://two")) as service:
        correct(service, drives[0], {}, Question(fixes_per_call=60))
        assert service.repeated == 1
    assert set(hosts) == {"one", "two"}
    assert all(a != b for a, b in pairwise(hosts))


def test_a_refusal_is_told_with_its_reason(drives: list[Drive]) -> None:
    with (
        caller(lambda _: httpx.Response(422, text="fixes/0: wrong")) as service,
        pytest.raises(SimulationFailed, match="422: fixes/0: wrong"),
    ):
        correct(service, drives[0], {}, Question())
