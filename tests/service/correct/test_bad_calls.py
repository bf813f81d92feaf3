"""What is refused, where, and never with a word of what was sent; and whatever comes, no answer of 500."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.service.conftest import Client, check_problem
from tests.service.correct.conftest import fix, form
from tests.service.correct.test_formats import LINE, OSMAND, TRACCAR, TRACK

Json = dict[str, Any]
GOOD: Json = {"lat": 52.5, "lon": 13.4}
TIMES = [
    "2026-11-21T20:23:60Z",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-11-21T20:23:10",
    "2026-11-21 20:23:10Z",
    "2026-11-21T24:00:00Z",
    "2026-11-21T20:23:10+25:00",
    "1763756590",
    "",
    "2026-11-21T20:23:10Z\n",
    "٢٠٢٦-11-21T20:23:10Z",
]
FIXES: list[tuple[Json, str]] = [
    ({"lat": 90.0001}, "fixes.1.lat"),
    ({"lat": "52"}, "fixes.1.lat"),
    ({"lat": True}, "fixes.1.lat"),
    ({"lat": None}, "fixes.1.lat"),
    ({"lon": 180.5}, "fixes.1.lon"),
    ({"accuracy_m": 0}, "fixes.1.accuracy_m"),
    ({"accuracy_m": 1e6}, "fixes.1.accuracy_m"),
    ({"accuracy_percentile": 68}, "fixes.1.accuracy_m"),
    ({"accuracy_m": 5, "accuracy_percentile": 100}, "fixes.1.accuracy_percentile"),
    ({"heading_deg": 360}, "fixes.1.heading_deg"),
    ({"heading_deg": -1}, "fixes.1.heading_deg"),
    ({"speed_mps": -0.1}, "fixes.1.speed_mps"),
    ({"device_id": ""}, "fixes.1.device_id"),
    ({"device_id": "x" * 65}, "fixes.1.device_id"),
    ({"device_id": "van\n17"}, "fixes.1.device_id"),
    ({"device_id": "\ud800"}, "fixes.1.device_id"),
    ({"device_id": 17}, "fixes.1.device_id"),
    ({"image": "@@@"}, "fixes.1.image"),
    ({"image": "\ud800"}, "fixes.1.image"),
    ({"image": "part:img0"}, "fixes.1.image"),
    ({"image_timestamp": "2026-11-21T20:23:10Z"}, "fixes.1.image"),
    ({"image": "QUJD", "camera": {"fov_deg": 5}}, "fixes.1.camera.fov_deg"),
    ({"image": "QUJD", "camera": {"heading_accuracy_deg": 5}}, "fixes.1.camera.heading_deg"),
    *(({"timestamp": time}, "fixes.1.timestamp") for time in TIMES),
]


@pytest.mark.parametrize(("change", "pointer"), FIXES, ids=[json.dumps(change)[:50] for change, _ in FIXES])
def test_a_bad_fix_is_named(fleet: Client, change: Json, pointer: str) -> None:
    body = json.dumps({"fixes": [GOOD, {**GOOD, **change}]}).encode()
    answer = fleet.request("POST", "/correct", content=body, headers={"Content-Type": "application/json"})
    problem = check_problem(answer, 422, "invalid_parameter")
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


CALLS: list[tuple[bytes, int, str, str | None]] = [
    (b"{}", 422, "invalid_parameter", "fixes"),
    (b'{"fixes": []}', 422, "invalid_parameter", "fixes"),
    (b'{"fixes": {}}', 422, "invalid_parameter", "fixes"),
    (b"[]", 400, "malformed_json", None),
    (b"", 400, "malformed_json", None),
    (b'{"fixes": [{"lat": NaN, "lon": 1}]}', 400, "malformed_json", None),
    (b'{"fixes": [{"lat": 1e999, "lon": 1}]}', 422, "invalid_parameter", "fixes.0.lat"),
    (b'{"fixes": [{"lat": 1, "lat": 1, "lon": 1}]}', 422, "duplicate_field", ""),
    (b'{"fixes": [{"lat": 1, "lon": 1, "altitude": 1}]}', 422, "unknown_parameter", "fixes.0"),
    (b'{"fixes": [{"lat": 1, "lon": 1}], "fix": 1}', 422, "unknown_parameter", ""),
    (b'{"fixes": [{"lat": 1, "lon": 1, "image_url": "http://127.0.0.1/"}]}', 422, "unknown_parameter", "fixes.0"),
    (b'{"fixes": [{"lat": 1, "lon": 1}], "search": {"radius_m": 1}}', 422, "unknown_parameter", "search"),
    (b'{"fixes": [{"lat": 1, "lon": 1}], "false_alarm_rate": 0}', 422, "invalid_parameter", "false_alarm_rate"),
    (b'{"fixes": [{"lat": 1, "lon": 1}], "search": {"index": "../x"}}', 404, "unknown_index", None),
    (json.dumps({"fixes": [GOOD] * 1001}).encode(), 422, "invalid_parameter", "fixes"),
    (json.dumps({"fixes": [GOOD | {"image": "QUJD"}] * 33}).encode(), 422, "invalid_parameter", "fixes"),
    (b'{"fixes": [' + b"[" * 100_000, 400, "malformed_json", None),
]


@pytest.mark.parametrize(("body", "status", "code", "pointer"), CALLS, ids=[repr(call[0][:60]) for call in CALLS])
def test_a_bad_call_is_refused(fleet: Client, body: bytes, status: int, code: str, pointer: str | None) -> None:
    answer = fleet.request("POST", "/correct", content=body, headers={"Content-Type": "application/json"})
    problem = check_problem(answer, status, code)
    assert [fault["pointer"] for fault in problem.get("errors", [])] == ([] if pointer is None else [pointer])


def test_a_thousand_faults_are_told_by_the_first_ones(fleet: Client) -> None:
    problem = fleet.request("POST", "/correct", json={"fixes": [{"lat": 100, "lon": 200}] * 1000}).json()
    assert (len(problem["errors"]), problem["errors"][1]["pointer"]) == (32, "fixes.0.lon")


def test_parts_and_fixes_name_each_other_one_for_one(fleet: Client) -> None:
    photo = b"no photo"
    two = [fix(7, image="part:a"), fix(8, image="part:b")]
    for fixes, photos, pointer in (
        (two, {"a": photo}, "fixes.1.image"),
        ([two[0], two[0]], {"a": photo}, "fixes.1.image"),
        (two[:1], {"a": photo, "b": photo}, ""),
        ([fix(7)], {"a": photo}, ""),
    ):
        problem = check_problem(
            fleet.request("POST", "/correct", files=form({"fixes": fixes}, **photos)), 422, "invalid_parameter"
        )
        assert problem["errors"][0]["pointer"] == pointer
    ways = [
        ([("a", ("a.png", photo, "image/png"))], 422, "invalid_parameter"),
        ([*form({"fixes": two}, a=photo, b=photo), ("a", ("a.png", photo, "image/png"))], 422, "duplicate_field"),
        ([*form({"fixes": [fix(7)]}), *form({"fixes": [fix(7)]})], 400, "too_many_parts"),
        ([*form({"fixes": [fix(7)]}), ("device", (None, b"a", "text/plain"))], 400, "too_many_parts"),
        (form({"fixes": [fix(7)]}, **{f"p{number}": photo for number in range(33)}), 400, "too_many_parts"),
    ]
    for parts, status, code in ways:
        check_problem(fleet.request("POST", "/correct", files=parts), status, code)


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "image/jpeg", "application/xml", "application/x-www-form-urlencoded"]
)
def test_other_media_types_are_refused(fleet: Client, media_type: str) -> None:
    answer = fleet.request("POST", "/correct", content=b"{}", headers={"Content-Type": media_type})
    check_problem(answer, 415, "unsupported_media_type")


def test_nothing_that_was_sent_is_repeated(fleet: Client) -> None:
    secret = "canary-7f3a"
    bodies = [
        {"fixes": [GOOD | {secret: 1}]},
        {"fixes": [GOOD | {"timestamp": secret}]},
        {"fixes": [GOOD | {"device_id": secret + "\n"}]},
        {"fixes": [GOOD | {"image": "part:" + secret}]},
        {"fixes": [GOOD], "search": {"index": secret}},
    ]
    for body in bodies:
        answer = fleet.request("POST", "/correct", json=body)
        assert answer.status_code in (404, 422)
        assert secret not in answer.text
    for media_type, content in (
        ("application/gpx+xml", f"<{secret}/>"),
        ("application/geo+json", f'{{"type": "{secret}"}}'),
    ):
        answer = fleet.request("POST", "/correct", content=content, headers={"Content-Type": media_type})
        assert (answer.status_code, secret in answer.text) == (400, False)


SEEDS: list[tuple[str, str, bytes]] = [
    (
        "application/json",
        "",
        json.dumps({"fixes": [fix(7, speed_mps=3, heading_deg=20), GOOD | {"image": "QUJD"}]}).encode(),
    ),
    ("application/json", "?format=traccar", json.dumps([TRACCAR, TRACCAR["position"]]).encode()),
    ("application/json", "?format=osmand", json.dumps(OSMAND).encode()),
    ("application/geo+json", "", json.dumps(LINE).encode()),
    ("application/gpx+xml", "", TRACK),
    ("application/x-ndjson", "", b"\n".join(json.dumps(fix(number)).encode() for number in range(4))),
    (
        "multipart/form-data; boundary=B",
        "",
        b'--B\r\nContent-Disposition: form-data; name="fixes"\r\n\r\n'
        b'{"fixes": [{"lat": 1, "lon": 2, "image": "part:a"}]}\r\n'
        b'--B\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\nphoto\r\n--B--\r\n',
    ),
]
WORDS = [
    b"null",
    b"-1",
    b"1e308",
    b"NaN",
    b'""',
    b"[]",
    b"{}",
    b"\x00",
    b"\xff",
    b"true",
    b'"part:a"',
    b"\n",
    b"<",
    b"\\ud800",
]


def mutated(body: bytes, dice: random.Random) -> bytes:
    """Cut, repeat, overwrite or put something in, a few times."""
    for _ in range(dice.randint(1, 4)):
        begin = dice.randrange(len(body) + 1)
        end = min(len(body), begin + dice.randint(0, 12))
        piece = dice.choice([b"", dice.choice(WORDS), body[begin:end] * 2, dice.randbytes(3)])
        body = body[:begin] + piece + body[end:]
    return body


def fuzz(fleet: Client, count: int) -> dict[int, int]:
    """Send mutated bodies; give how many answers had which status."""
    dice, found = random.Random(20261121), dict[int, int]()

    async def ask_all(client: Any) -> None:
        for number in range(count):
            media_type, query, body = SEEDS[number % len(SEEDS)]
            content = mutated(body, dice)
            answer = await client.post(f"/correct{query}", content=content, headers={"Content-Type": media_type})
            assert answer.status_code in (200, 400, 404, 422), (answer.text, content)
            found[answer.status_code] = found.get(answer.status_code, 0) + 1

    fleet.run(ask_all)
    return found


def test_mutated_bodies_never_break_it(fleet: Client) -> None:
    found = fuzz(fleet, 400)
    assert min(found.get(status, 0) for status in (200, 400, 422)) > 4, found


@pytest.mark.slow
def test_ten_thousand_mutated_bodies_never_break_it(fleet: Client) -> None:
    assert sum(fuzz(fleet, 10_000).values()) == 10_000
