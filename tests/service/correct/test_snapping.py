"""Snapping by a small real server that speaks as Valhalla and as OSRM do, and by one that does not."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from models.errors import UsageError
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client
from tests.service.correct.conftest import fix
from tests.service.documents import check_answer

Json = dict[str, Any]
ROAD_LAT = 52.5
FIXES = [fix(7, second=second, device_id=device) for second in range(3) for device in ("a", "b")]


def valhalla(path: str, body: bytes) -> tuple[int, Json]:
    """Bring every point to a road along a parallel; the first one has no road."""
    asked = json.loads(body)
    if path != "/trace_attributes" or asked["shape_match"] != "map_snap":
        return 404, {"error_code": 106, "error": "Try any of: /locate /route", "status_code": 404}
    assert all({"lat", "lon", "time", "accuracy"} == set(point) for point in asked["shape"])
    assert [point["time"] for point in asked["shape"]] == sorted(point["time"] for point in asked["shape"])
    points = [{"lat": ROAD_LAT, "lon": point["lon"], "type": "matched"} for point in asked["shape"]]
    points[0] = {"lat": asked["shape"][0]["lat"], "lon": asked["shape"][0]["lon"], "type": "unmatched"}
    return 200, {"matched_points": points, "units": "kilometers"}


def osrm(path: str, body: bytes) -> tuple[int, Json]:
    """The same in the words of OSRM."""
    url = urlsplit(path)
    service, version, profile, coordinates = url.path.strip("/").split("/")
    query = {name: values[0].split(";") for name, values in parse_qs(url.query).items()}
    places = [tuple(map(float, pair.split(","))) for pair in coordinates.split(";")]
    if (service, version, profile, body) != ("match", "v1", "driving", b""):
        return 400, {"code": "InvalidUrl", "message": "URL string malformed"}
    assert len(query["timestamps"]) == len(query["radiuses"]) == len(places)
    points: list[Json | None] = [
        {"location": [lon, ROAD_LAT], "distance": 1.0, "matchings_index": 0, "waypoint_index": number, "name": ""}
        for number, (lon, _) in enumerate(places)
    ]
    points[0] = None
    return 200, {"code": "Ok", "tracepoints": points, "matchings": []}


@contextmanager
def serving(answer: Callable[[str, bytes], tuple[int, Any]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, said = answer(self.path, body)
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = reply  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(localizer: IndexLocalizer, url: str, kind: str, timeout_s: float = 5.0) -> Json:
    settings = Settings(snap_url=url, snap_kind=kind, snap_timeout_s=timeout_s)  # type: ignore[arg-type]
    answer = Client(create_app(settings, localizer)).request("POST", "/correct", json={"fixes": FIXES})
    assert answer.status_code == 200, answer.text
    check_answer(answer, "/correct")
    found: Json = answer.json()
    return found


def test_positions_are_not_logged(calibrated: IndexLocalizer, caplog: pytest.LogCaptureFixture) -> None:
    """httpx tells every URL at level info, and OSRM's hold positions."""
    with caplog.at_level(logging.INFO), serving(osrm) as url:
        ask(calibrated, url, "osrm")
    assert "13.4" not in caplog.text
    assert "/match/" not in caplog.text


@pytest.mark.parametrize(("kind", "speaks"), [("valhalla", valhalla), ("osrm", osrm)])
def test_the_road_is_told_beside_the_place_and_moves_nothing(
    calibrated: IndexLocalizer, kind: str, speaks: Callable[[str, bytes], tuple[int, Json]]
) -> None:
    with serving(speaks) as url:
        answer = ask(calibrated, url, kind)
    assert answer["notices"] == []
    for number, one in enumerate(answer["corrected"]):
        assert (one["position"]["lat"], one["position"]["lon"]) == (FIXES[number]["lat"], FIXES[number]["lon"])
        if number < 2:  # the first of each device
            assert "snapped" not in one
        else:
            assert (one["snapped"]["lat"], one["snapped"]["lon"]) == (ROAD_LAT, one["position"]["lon"])
            assert one["snapped"]["distance_m"] == pytest.approx(100.0, abs=1.0)


def never(path: str, body: bytes) -> tuple[int, Json]:  # noqa: ARG001
    time.sleep(1.0)
    return 200, {}


@pytest.mark.parametrize(
    ("says", "timeout_s"),
    [
        (lambda *_: (500, {"error": "no"}), 5.0),
        (lambda *_: (200, b"<html>"), 5.0),
        (lambda *_: (200, {"matched_points": []}), 5.0),
        (lambda *_: (200, {"matched_points": [{"type": "matched"}] * 3}), 5.0),
        (lambda *_: (200, {"matched_points": [{"type": "matched", "lat": 95, "lon": 0}] * 3}), 5.0),
        (lambda *_: (200, [1]), 5.0),
        (lambda *_: (200, b"[" + b"1," * 3_000_000), 5.0),
        (never, 0.1),
    ],
)
def test_what_fails_is_a_notice(calibrated: IndexLocalizer, says: Any, timeout_s: float) -> None:
    with serving(says) as url:
        answer = ask(calibrated, url, "valhalla", timeout_s)
    (notice,) = answer["notices"]
    assert (notice["code"], notice["fix_indexes"]) == ("snapping_failed", list(range(6)))
    assert all("snapped" not in one and one["moved_m"] == 0.0 for one in answer["corrected"])


def test_a_device_that_fails_leaves_the_others(calibrated: IndexLocalizer) -> None:
    asked: list[bytes] = []

    def second_fails(path: str, body: bytes) -> tuple[int, Json]:
        asked.append(body)
        return valhalla(path, body) if len(asked) == 1 else (503, {})

    with serving(second_fails) as url:
        answer = ask(calibrated, url, "valhalla")
    assert [notice["fix_indexes"] for notice in answer["notices"]] == [[1, 3, 5]]
    assert ["snapped" in one for one in answer["corrected"]] == [False, False, True, False, True, False]


def test_nobody_there_is_a_notice_and_no_match_is_none(calibrated: IndexLocalizer) -> None:
    assert [notice["code"] for notice in ask(calibrated, "http://127.0.0.1:9", "osrm")["notices"]] == [
        "snapping_failed"
    ]
    with serving(lambda *_: (400, {"code": "NoMatch", "message": "Could not match the trace."})) as url:
        answer = ask(calibrated, url, "osrm")
    assert answer["notices"] == []
    assert not any("snapped" in one for one in answer["corrected"])


def test_a_url_that_is_none_ends_the_start(calibrated: IndexLocalizer) -> None:
    with pytest.raises(UsageError, match="SKYFIX_SNAP_URL"):
        create_app(Settings(snap_url="roads.example"), calibrated)
