"""Fixes at the edges of what is allowed, each with a good photo: an answer of finite numbers, and never 500."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

from service.correct.schema import MOST_PHOTOS
from tests.service.conftest import Client
from tests.service.correct.conftest import PANORAMA, form
from tests.service.documents import check_answer
from tests.service.world import LAT, LON, encode, panorama

PLACES = [
    (LAT, LON),
    (90.0, 0.0),
    (-90.0, -180.0),
    (89.95, 180.0),
    (-85.0, -180.0),
    (0.0, 180.0),
    (LAT, LON + 180.0 - 14),
]
ACCURACIES = [(1e-9, 99.9), (1e-9, 1), (100_000, 1), (100_000, 99.9), (30, 68)]
TIMES = ["1970-01-01T00:00:00Z", "8999-12-31T23:59:59.999999999-12:00", "2026-11-21T20:23:10+00:00"]


def numbers(part: Any) -> list[float]:
    if isinstance(part, dict):
        return [number for each in part.values() for number in numbers(each)]
    if isinstance(part, list):
        return [number for each in part for number in numbers(each)]
    return [part] if isinstance(part, int | float) else []


def test_every_edge_is_answered(fleet: Client) -> None:
    photo = encode(panorama(7))
    cases = list(itertools.product(PLACES, ACCURACIES))
    for begin in range(0, len(cases), MOST_PHOTOS):
        chosen = cases[begin : begin + MOST_PHOTOS]
        fixes = [
            {
                "device_id": f"d{number % 2}",
                "timestamp": TIMES[number % 3],
                "lat": lat,
                "lon": lon,
                "accuracy_m": accuracy,
                "accuracy_percentile": percentile,
                "speed_mps": (0, 1000)[number % 2],
                "heading_deg": 359.99,
                "image": f"part:p{number}",
            }
            for number, ((lat, lon), (accuracy, percentile)) in enumerate(chosen)
        ]
        photos = {f"p{number}": photo for number in range(len(chosen))}
        answer = fleet.request("POST", "/correct", files=form({"fixes": fixes, "camera": PANORAMA}, **photos))
        assert answer.status_code == 200, (answer.text, json.dumps(fixes)[:500])
        check_answer(answer, "/correct")
        told = answer.json()["corrected"]
        assert all(math.isfinite(number) for number in numbers(told))
        for one in told:
            assert abs(one["position"]["lat"]) <= 90
            assert abs(one["position"]["lon"]) <= 180
            assert one["position"]["radius_m_68"] <= one["position"]["radius_m_95"]
