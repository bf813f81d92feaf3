"""Fixes as other programs write them, and what cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.errors import SkyfixError
from service.correct.reading import read_question
from service.errors import InvalidParameters
from tests.service.conftest import Client, check_problem
from tests.service.correct.conftest import form
from tests.service.documents import check_answer
from tests.service.world import encode, panorama

Json = dict[str, Any]
JSON, GPX, GEOJSON = "application/json", "application/gpx+xml", "application/geo+json"
TRACCAR: Json = {
    "position": {
        "id": 18336,
        "attributes": {"ignition": True, "distance": 44.2},
        "deviceId": 7,
        "protocol": "osmand",
        "serverTime": "2026-11-21T20:23:12.000+00:00",
        "deviceTime": "2026-11-21T20:23:10.000+00:00",
        "fixTime": "2026-11-21T20:23:10.000+00:00",
        "outdated": False,
        "valid": True,
        "latitude": 52.5163,
        "longitude": 13.3777,
        "altitude": 34.0,
        "speed": 10.0,
        "course": 208.0,
        "address": None,
        "accuracy": 12.5,
        "network": None,
    },
    "device": {"id": 7, "uniqueId": "van-17", "name": "Van 17", "status": "online"},
}
OSMAND: Json = {
    "location": {
        "timestamp": "2026-11-21T20:23:10.500Z",
        "coords": {
            "latitude": 52.5163,
            "longitude": 13.3777,
            "accuracy": 4.7,
            "speed": 7.9,
            "heading": 208.0,
            "altitude": 34.0,
        },
        "is_moving": True,
        "odometer": 123.4,
        "event": "motionchange",
        "battery": {"level": 0.85, "is_charging": False},
        "activity": {"type": "in_vehicle"},
    },
    "device_id": "123456",
}
TRACK = b"""<?xml version="1.0"?>
<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">
 <wpt lat="52.0" lon="13.0"><name>a bench</name></wpt>
 <trk><name>van-17</name><trkseg>
  <trkpt lat="52.5163" lon="13.3777"><time>2026-11-21T20:23:10Z</time></trkpt>
  <trkpt lat="52.5164" lon="13.3778"><time>2026-11-21T20:23:11.5Z</time></trkpt>
 </trkseg></trk>
 <trk><trkseg><trkpt lat="52.5" lon="13.4"/></trkseg></trk>
</gpx>"""
LINE: Json = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": [[13.3777, 52.5163, 34.0], [13.3778, 52.5164]]},
            "properties": {"name": "van-17", "coordTimes": ["2026-11-21T20:23:10Z", "2026-11-21T20:23:11Z"]},
        }
    ],
}


def read(media_type: str, body: bytes | Json | list[Any], *query: tuple[str, str]) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_question(media_type, media_type, query, raw)


def test_traccar_speaks_knots_and_fix_time() -> None:
    (fix,) = read(JSON, TRACCAR, ("format", "traccar")).fixes
    assert (fix.device_id, fix.timestamp, fix.lat, fix.lon) == ("van-17", "2026-11-21T20:23:10Z", 52.5163, 13.3777)
    assert fix.speed_mps == pytest.approx(5.14444, abs=1e-4)
    assert (fix.heading_deg, fix.accuracy_m, fix.accuracy_percentile) == (208.0, 12.5, None)


def test_traccar_positions_alone_and_in_lists() -> None:
    position = TRACCAR["position"]
    still = {**position, "speed": 0.0, "course": 0.0, "accuracy": 0.0, "fixTime": "2018-09-14T15:34:17.000+0000"}
    alone, wrapped, quiet = read(JSON, [position, TRACCAR, still], ("format", "traccar")).fixes
    assert (alone.device_id, wrapped.device_id) == ("7", "van-17")
    assert (quiet.timestamp, quiet.speed_mps) == ("2018-09-14T15:34:17Z", 0.0)
    assert quiet.heading_deg is None, "a device at rest has no course"
    assert quiet.accuracy_m is None, "0 is an accuracy that nobody told"


def test_osmand_posts_metres_per_second_and_a_phones_accuracy() -> None:
    (fix,) = read(JSON, OSMAND, ("format", "osmand")).fixes
    assert (fix.device_id, fix.timestamp, fix.speed_mps, fix.heading_deg) == (
        "123456",
        "2026-11-21T20:23:10.5Z",
        7.9,
        208.0,
    )
    assert (fix.accuracy_m, fix.accuracy_percentile) == (4.7, 68.0)


def test_osmand_lists_of_locations_and_what_a_phone_does_not_know() -> None:
    coords = {"latitude": 1.0, "longitude": 2.0, "accuracy": -1, "speed": -1, "heading": -1}
    both = {"device_id": "a", "location": [{"timestamp": 1_764_000_000_000, "coords": coords}, OSMAND["location"]]}
    first, second = read(JSON, both, ("format", "osmand")).fixes
    assert (first.timestamp, first.accuracy_m, first.speed_mps, first.heading_deg) == (
        "2025-11-24T16:00:00Z",
        None,
        None,
        None,
    )
    assert second.accuracy_m == 4.7


@pytest.mark.parametrize(
    ("format_", "body", "pointer"),
    [
        ("traccar", {**TRACCAR, "position": {**TRACCAR["position"], "latitude": 91}}, "position.latitude"),
        ("traccar", [TRACCAR, {**TRACCAR["position"], "longitude": "13"}], "1.longitude"),
        ("traccar", [{"position": {"latitude": 1}}], "0.position.longitude"),
        ("traccar", [7], "0"),
        ("traccar", [], "fixes"),
        ("traccar", [TRACCAR["position"]] * 1001, "fixes"),
        ("traccar", {**TRACCAR["position"], "fixTime": "2026-11-21T20:23:60Z"}, "fixTime"),
        ("traccar", {**TRACCAR["position"], "speed": True}, "speed"),
        ("traccar", {**TRACCAR["position"], "speed": "fast"}, "speed"),
        ("traccar", {**TRACCAR["position"], "speed": 10**400}, "speed"),
        ("traccar", {**TRACCAR["position"], "course": 10**400}, "course"),
        ("traccar", {**TRACCAR["position"], "accuracy": [1]}, "accuracy"),
        ("osmand", {"device_id": "a"}, "location"),
        ("osmand", {"location": {"coords": 3}}, "location.coords"),
        ("osmand", {"location": {**OSMAND["location"], "timestamp": "2026-11-21T20:23:10"}}, "location.timestamp"),
        ("osmand", {**OSMAND, "device_id": "\x00"}, "location.device_id"),
    ],
)
def test_what_is_wrong_is_named_as_the_sender_spelled_it(format_: str, body: Any, pointer: str) -> None:
    with pytest.raises(InvalidParameters) as raised:
        read(JSON, body, ("format", format_))
    assert raised.value.faults[0][0] == pointer


def test_gpx_has_a_device_a_track_and_leaves_waypoints_out() -> None:
    question = read(GPX, TRACK, ("false_alarm_rate", "0.01"), ("yaw_deg", "90"))
    assert [(fix.device_id, fix.timestamp) for fix in question.fixes] == [
        ("van-17", "2026-11-21T20:23:10Z"),
        ("van-17", "2026-11-21T20:23:11.5Z"),
        ("track 2", None),
    ]
    assert (question.settled.false_alarm_rate, question.settled.camera.yaw_deg) == (0.01, 90.0)
    assert [notice.code for notice in question.notices] == ["waypoints_left_out"]


def test_geojson_is_longitude_first() -> None:
    first, second = read(GEOJSON, LINE).fixes
    assert (first.lat, first.lon, second.timestamp, second.device_id) == (
        52.5163,
        13.3777,
        "2026-11-21T20:23:11Z",
        "van-17",
    )


def test_geojson_comes_back_as_geojson(fleet: Client) -> None:
    headers = {"Content-Type": GEOJSON, "Accept": GEOJSON}
    answer = fleet.request("POST", "/correct", content=json.dumps(LINE), headers=headers)
    check_answer(answer, "/correct")
    *_, line = answer.json()["features"]
    assert line["geometry"] == {"type": "LineString", "coordinates": [[13.3777, 52.5163], [13.3778, 52.5164]]}
    assert line["properties"]["coordTimes"] == LINE["features"][0]["properties"]["coordTimes"]


def test_photos_go_beside_a_foreign_track_by_the_place_of_their_fix(fleet: Client) -> None:
    parts = [("fixes", (None, TRACK, GPX)), ("fix1", ("a.png", encode(panorama(7)), "image/png"))]
    answer = fleet.request("POST", "/correct", files=parts, params={"format": "gpx", "projection": "panorama"})
    assert answer.status_code == 200, answer.text
    assert [one["status"] == "kept" for one in answer.json()["corrected"]][::2] == [True, True]
    parts[1] = ("fix3", parts[1][1])
    check_problem(fleet.request("POST", "/correct", files=parts, params={"format": "gpx"}), 422, "invalid_parameter")


@pytest.mark.parametrize(
    ("media_type", "body", "code"),
    [
        (GPX, b"", "malformed_track"),
        (GPX, b"<kml/>", "malformed_track"),
        (GPX, b"<gpx><trk>", "malformed_track"),
        (GPX, b'<!DOCTYPE gpx [<!ENTITY a "b">]><gpx/>', "malformed_track"),
        (GPX, b"<gpx/>", "invalid_parameter"),
        (GPX, TRACK.replace(b'lat="52.5164"', b'lat="95"'), "invalid_parameter"),
        (GPX, TRACK.replace(b"20:23:11.5Z", b"25:23:11Z"), "invalid_parameter"),
        (GEOJSON, b"{", "malformed_json"),
        (GEOJSON, b'{"type": "Feature", "type": "Feature"}', "duplicate_field"),
        (GEOJSON, b'{"type": "LineString", "coordinates": [[NaN, 1], [1, 1]]}', "malformed_json"),
        (GEOJSON, b'{"type": "LineString", "coordinates": [["a", 1], [1, 1]]}', "invalid_parameter"),
        (GEOJSON, b'{"type": "Topology"}', "malformed_track"),
        (GEOJSON, b'{"type": "FeatureCollection", "features": []}', "invalid_parameter"),
        (GEOJSON, b'{"type": "LineString", "coordinates": [' + b"[1, 1]," * 1000 + b"[1, 1]]}", "invalid_parameter"),
    ],
)
def test_tracks_that_are_none(media_type: str, body: bytes, code: str) -> None:
    with pytest.raises(SkyfixError) as raised:
        read(media_type, body)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("media_type", "query", "code"),
    [
        (GPX, [("format", "geojson")], "invalid_parameter"),
        (JSON, [("format", "gpx")], "invalid_parameter"),
        (JSON, [("format", "kml")], "invalid_parameter"),
        (JSON, [("format", "traccar"), ("format", "osmand")], "duplicate_field"),
        (JSON, [("index", "a")], "unknown_parameter"),
        (GPX, [("fov", "70")], "unknown_parameter"),
        (GPX, [("fov_deg", "70"), ("fov_deg", "70")], "duplicate_field"),
        (GPX, [("fov_deg", "0x10")], "invalid_parameter"),
        (GPX, [("smooth", "yes")], "invalid_parameter"),
        (GPX, [("heading_accuracy_deg", "5")], "invalid_parameter"),
    ],
)
def test_query_parameters_that_do_not_fit(media_type: str, query: list[tuple[str, str]], code: str) -> None:
    body = TRACK if media_type == GPX else b'{"fixes": [{"lat": 1, "lon": 2}]}'
    with pytest.raises(SkyfixError) as raised:
        read(media_type, body, *query)
    assert raised.value.code == code


def test_a_form_may_hold_the_list_alone(fleet: Client) -> None:
    fixes = [{"lat": 1.0, "lon": 2.0}, {"lat": 1.0, "lon": 2.0}]
    for document in (fixes, {"fixes": fixes}):
        assert len(fleet.request("POST", "/correct", files=form(document)).json()["corrected"]) == 2
