"""Drives step by step: the token goes along, odometry from the second step on, and a lost step is seen."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.errors import SimulationFailed
from service.simulation.calls import Caller
from service.simulation.drives import Drive
from service.simulation.following import follow
from service.simulation.outcome import REJECTED


class Service:
    """Counts the steps of a track in its token, and believes every fix."""

    def __init__(self, loses_step: int | None = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self.photos = 0
        self._loses_step = loses_step

    def __call__(self, request: httpx.Request) -> httpx.Response:
        found = re.search(rb'name="request"\r\n.*?\r\n\r\n(.*?)\r\n--', request.content, re.DOTALL)
        assert found is not None
        asked = json.loads(found[1])
        self.requests.append(asked)
        self.photos += b'name="image"' in request.content
        step = int(asked.get("track_token", 0)) + 1
        answer: dict[str, Any] = {"step": step, "track_token": str(step), "status": "localized", "notices": []}
        if step == self._loses_step:
            answer["step"] -= 1
        if "fix" in asked:
            fix = asked["fix"]
            answer["position"] = {"lat": fix["lat"], "lon": fix["lon"], "radius_m_68": 1.0, "radius_m_95": 2.0}
        if step == 5:
            answer["notices"] = [{"code": "fix_rejected", "detail": ""}]
        return httpx.Response(200, json=answer)


def caller(service: Service) -> Caller:
    return Caller(["http://one", "http://two"], transport=httpx.MockTransport(service))


def test_every_step_is_asked_once_with_what_was_measured(drives: list[Drive], tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"not looked at here")
    drive, service = drives[0], Service()
    photos = {int(step): photo for step in np.flatnonzero(drive.takes_photo)}
    with caller(service) as asked:
        found = follow(asked, drive, photos)
    assert found.steps == len(service.requests) == len(drive)
    assert service.photos == len(photos)
    assert "odometry" not in service.requests[0]
    told = [request["odometry"]["forward_m"] for request in service.requests[1:]]
    assert sum(told) == pytest.approx(float(drive.odometry.metres.sum()), abs=0.5)
    assert ["fix" in request for request in service.requests] == drive.fixes.has_fix.tolist()
    assert [answer.step for answer in found.answers] == np.flatnonzero(drive.fixes.has_fix).tolist()
    assert [answer.step for answer in found.answers if answer.status == REJECTED] == [4]


def test_a_step_that_was_lost_is_an_error(drives: list[Drive]) -> None:
    with caller(Service(loses_step=7)) as asked, pytest.raises(SimulationFailed, match="Step 7"):
        follow(asked, drives[0], {})


def test_steps_can_be_paced(drives: list[Drive]) -> None:
    started = time.monotonic()
    with caller(Service()) as asked:
        found = follow(asked, drives[0], {}, pace=400.0)
    assert time.monotonic() - started >= drives[0].motion.seconds[-1] / 400.0
    assert found.latest_s >= 0.0
