"""POST /correct on the painted world: JSON and forms, photos at fault, fixes one for one."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from models.geo import distance_m
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client, check_problem
from tests.service.correct.conftest import PANORAMA, fix, form
from tests.service.documents import check_answer
from tests.service.world import encode, panorama, position

Json = dict[str, Any]


def test_a_photo_moves_its_fix_to_where_it_was_taken(fleet: Client) -> None:
    lat, lon = position(7)
    asked = {"fixes": [fix(7, east_m=40.0, image="part:img0"), fix(8, device_id="van-18")], "camera": PANORAMA}
    answer = fleet.request("POST", "/correct", files=form(asked, img0=encode(panorama(7))))
    assert answer.status_code == 200, answer.text
    check_answer(answer, "/correct")
    moved, kept = answer.json()["corrected"]
    assert (moved["status"], moved["visual_used"], moved["index"]) == ("corrected", True, 0)
    before = distance_m(moved["original"]["lat"], moved["original"]["lon"], lat, lon)
    after = distance_m(moved["position"]["lat"], moved["position"]["lon"], lat, lon)
    assert before == pytest.approx(40.0, abs=0.1)
    assert moved["moved_m"] == pytest.approx(before - after, abs=0.1)
    assert after < 0.8 * before
    assert (kept["status"], kept["moved_m"], kept["visual_used"]) == ("kept", 0.0, False)
    assert (kept["position"]["lat"], kept["position"]["lon"]) == (kept["original"]["lat"], kept["original"]["lon"])


def test_base64_and_a_form_give_the_same(fleet: Client) -> None:
    photo = encode(panorama(7))
    by_form = {"fixes": [fix(7, east_m=30.0, image="part:a")], "camera": PANORAMA}
    by_json = {"fixes": [fix(7, east_m=30.0, image=base64.b64encode(photo).decode())], "camera": PANORAMA}
    answers = [
        fleet.request("POST", "/correct", files=form(by_form, a=photo)),
        fleet.request("POST", "/correct", json=by_json),
        fleet.request("POST", "/correct", files=form(by_form | {"fixes": by_form["fixes"]}, a=photo)),
    ]
    first, *others = [answer.json()["corrected"] for answer in answers]
    assert all(other == first for other in others)


def test_one_bad_photo_is_a_notice_for_its_fix(fleet: Client) -> None:
    good = encode(panorama(7))
    photos = {"a": good, "b": good[: len(good) // 2], "c": b"", "d": b"no photo at all, but long enough"}
    fixes = [fix(7, east_m=40.0, device_id=name, image=f"part:{name}") for name in photos]
    asked = {"fixes": fixes, "camera": PANORAMA}
    answer = fleet.request("POST", "/correct", files=form(asked, **photos)).json()
    assert [one["status"] for one in answer["corrected"]] == ["corrected", "kept", "kept", "kept"]
    told = {notice["code"]: notice["fix_indexes"] for notice in answer["notices"]}
    assert told == {"image_undecodable": [1], "image_empty": [2], "image_type_unsupported": [3]}


def test_a_fix_beyond_the_imagery_is_not_localized(fleet: Client) -> None:
    far = {**fix(7, image="part:a"), "lat": -33.0}
    answer = fleet.request("POST", "/correct", files=form({"fixes": [far], "camera": PANORAMA}, a=encode(panorama(7))))
    (one,) = answer.json()["corrected"]
    assert one["status"] in ("not_localized", "rejected_outlier")
    assert one["moved_m"] == 0.0


@pytest.mark.parametrize(
    ("lat", "lon"), [(90.0, 0.0), (-90.0, 180.0), (0.0, 180.0), (0.0, -180.0), (89.999999, -180.0)]
)
def test_poles_and_the_antimeridian_are_places_like_others(fleet: Client, lat: float, lon: float) -> None:
    photo = encode(panorama(7))
    fixes = [{"lat": lat, "lon": lon, "accuracy_m": 30, "accuracy_percentile": 68, "image": f"part:{i}"} for i in "ab"]
    answer = fleet.request("POST", "/correct", files=form({"fixes": fixes, "camera": PANORAMA}, a=photo, b=photo))
    assert answer.status_code == 200, answer.text
    assert [one["moved_m"] for one in answer.json()["corrected"]] == [0.0, 0.0]
    check_answer(answer, "/correct")


def test_geojson_has_a_point_a_fix_and_a_line_a_device(fleet: Client) -> None:
    fixes = [fix(number, device_id=f"van-{number % 2}", second=number) for number in range(5)]
    answer = fleet.request("POST", "/correct", json={"fixes": fixes[::-1]}, headers={"Accept": "application/geo+json"})
    assert answer.headers["content-type"] == "application/geo+json"
    check_answer(answer, "/correct")
    features = answer.json()["features"]
    points = [each for each in features if each["properties"]["kind"] == "fix"]
    lines = [each for each in features if each["properties"]["kind"] == "track"]
    assert [point["geometry"]["coordinates"] for point in points] == [[one["lon"], one["lat"]] for one in fixes[::-1]]
    assert {line["properties"]["device_id"]: len(line["geometry"]["coordinates"]) for line in lines} == {
        "van-0": 3,
        "van-1": 2,
    }
    for line in lines:
        assert line["properties"]["coordTimes"] == sorted(line["properties"]["coordTimes"])


def test_an_uncalibrated_model_keeps_all_and_says_so(client: Client) -> None:
    asked = {"fixes": [fix(7, east_m=40.0, image="part:a"), fix(9, device_id="b")], "camera": PANORAMA}
    answer = client.request("POST", "/correct", files=form(asked, a=encode(panorama(7)))).json()
    assert [one["status"] for one in answer["corrected"]] == ["kept", "kept"]
    assert [notice["code"] for notice in answer["notices"]] == ["uncalibrated"]


def test_fixes_are_counted_by_what_became_of_them(fleet: Client) -> None:
    asked = {"fixes": [fix(7, east_m=40.0, image="part:a"), fix(9, device_id="b")], "camera": PANORAMA}
    fleet.request("POST", "/correct", files=form(asked, a=encode(panorama(7))))
    counted = {status: fleet.metric("skyfix_fixes_total", status=status) for status in ("corrected", "kept")}
    assert counted == {"corrected": 1.0, "kept": 1.0}
    assert fleet.metric("skyfix_fix_correction_meters_count") == 1.0
    assert fleet.metric("skyfix_queue_depth", queue="localize") == 0.0


def test_a_large_body_takes_the_places_of_many_photos(calibrated: IndexLocalizer) -> None:
    client = Client(create_app(Settings(places=3, max_body_bytes=2048, max_many_body_bytes=8192), calibrated))
    document = json.dumps({"fixes": [fix(7)] * 30}).encode()
    assert 4096 < len(document) < 8192

    async def with_a_place_taken(asking: httpx.AsyncClient) -> httpx.Response:
        with client.app.state.service.pipeline.place():
            return await asking.post("/correct", content=document, headers={"Content-Type": "application/json"})

    check_problem(client.run(with_a_place_taken), 429, "overloaded")
    answer = client.request("POST", "/correct", content=document, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200


def test_a_call_that_comes_too_late_is_504(fleet: Client) -> None:
    answer = fleet.request("POST", "/correct", json={"fixes": [fix(7)] * 1000}, headers={"X-Request-Timeout-Ms": "1"})
    check_problem(answer, 504, "deadline_exceeded")
