"""POST /track on the painted world: tiles in rows of six, 100 m apart, the first row along the south."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from index.bundle import Index
from index.search import Searcher
from models.encoder import FakeEncoder
from models.geo import distance_m
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client, check_problem
from tests.service.documents import check_answer
from tests.service.tracking.conftest import PANORAMA, Json, asked, moved, seen
from tests.service.world import encode, panorama, position

EAST: Json = {"odometry": {"forward_m": 100.0}}


def away_m(answer: Json, number: int) -> float:
    return float(distance_m(answer["position"]["lat"], answer["position"]["lon"], *position(number)))


def test_a_drive_east_is_followed(tracked: Client) -> None:
    answer = asked(tracked, seen(6, 0, 90.0))
    assert (answer["status"], answer["step"]) == ("ambiguous", 1)
    for second, number in enumerate((7, 8, 9), start=1):
        answer = asked(tracked, seen(number, second, 90.0, track_token=answer["track_token"], **EAST))
        assert answer["step"] == second + 1
        assert away_m(answer, number) < 15.0
        assert abs(answer["heading"]["deg"] - 90.0) < 15.0
        assert answer["candidates"][0]["tile"]["id"] == f"t{number}"
    assert (answer["status"], answer["search"]["mode_used"]) == ("localized", "prior")
    assert answer["confidence"] > 0.6
    assert answer["expires_at"] > "2026"
    assert len(answer["track_token"]) < 16 * 1024


def test_a_step_without_a_photo_moves_on(tracked: Client) -> None:
    answer = asked(tracked, seen(6, 0, 90.0))
    answer = asked(tracked, seen(7, 1, 90.0, track_token=answer["track_token"], **EAST))
    before = answer["position"]["radius_m_95"]
    answer = asked(tracked, moved(2, track_token=answer["track_token"], **EAST))
    assert away_m(answer, 8) < 15.0
    assert answer["position"]["radius_m_95"] > before
    assert "mode_used" not in answer["search"]


def test_a_wrong_photo_is_rejected(tracked: Client) -> None:
    answer = asked(tracked, seen(6, 0, 90.0))
    for second, number in enumerate((7, 8), start=1):
        answer = asked(tracked, seen(number, second, 90.0, track_token=answer["track_token"], **EAST))
    answer = asked(tracked, seen(30, 3, 0.0, track_token=answer["track_token"], **EAST))
    assert away_m(answer, 9) < 25.0
    assert "frame_rejected" in [notice["code"] for notice in answer["notices"]]
    assert answer["search"]["mode_used"] == "global"


def test_form_and_json_say_the_same(tracked: Client) -> None:
    step = {"camera": PANORAMA, **moved(0)}
    image = encode(panorama(7))
    as_json = asked(tracked, {"image": base64.b64encode(image).decode(), **step})
    parts = {"image": ("photo.png", image, "image/png"), "request": (None, json.dumps(step), "application/json")}
    as_form = tracked.request("POST", "/track", files=parts)
    assert as_form.status_code == 200
    assert as_form.json()["position"] == as_json["position"]
    check_answer(as_form, "/track")
    assert "receive" in as_form.headers["server-timing"]


def test_a_fix_alone_is_a_track(tracked: Client) -> None:
    lat, lon = position(14)
    fix = {"lat": lat, "lon": lon, "accuracy_m": 20, "accuracy_percentile": 68}
    first = asked(tracked, moved(0, fix=fix))
    assert away_m(first, 14) < 1.0
    assert first["position"]["radius_m_68"] == pytest.approx(20.0, rel=0.15)
    assert first["status"] in ("ambiguous", "localized")
    assumed = asked(tracked, moved(0, fix={"lat": lat, "lon": lon}))
    assert assumed["notices"][0]["code"] == "fix_accuracy_assumed"


def test_a_fix_far_from_all_that_was_seen_is_rejected(tracked: Client) -> None:
    answer = asked(tracked, seen(6, 0, 90.0))
    for second, number in enumerate((7, 8), start=1):
        answer = asked(tracked, seen(number, second, 90.0, track_token=answer["track_token"], **EAST))
    lat, lon = position(33)
    fix = {"lat": lat, "lon": lon, "accuracy_m": 5, "accuracy_percentile": 95}
    answer = asked(tracked, moved(2, fix=fix, track_token=answer["track_token"]))
    assert away_m(answer, 8) < 20.0
    assert "fix_rejected" in [notice["code"] for notice in answer["notices"]]


def test_cameras_that_look_aside_know_where_they_go(tracked: Client) -> None:
    """Mounted to the left, the photo of a drive east looks north."""
    camera = {**PANORAMA, "yaw_deg": -90}
    answer = asked(tracked, {**seen(6, 0, 0.0), "camera": camera})
    step = {**seen(7, 1, 0.0, track_token=answer["track_token"], **EAST), "camera": camera}
    answer = asked(tracked, step)
    assert away_m(answer, 7) < 15.0
    assert abs((answer["heading"]["deg"] + 180.0) % 360.0 - 180.0) < 15.0
    answer = asked(tracked, moved(2, track_token=answer["track_token"], camera=camera, **EAST))
    assert away_m(answer, 8) < 20.0


@pytest.mark.parametrize(
    ("step", "code", "pointer"),
    [
        (moved(0), "missing_image", "image"),
        ({"odometry": {"forward_m": 1}}, "invalid_parameter", "timestamp"),
        (moved(0, odometry={"forward_m": 1}, timestamp="2026-11-21 20:23"), "invalid_parameter", "timestamp"),
        (moved(0, odometry={"forward_m": 1}, timestamp="2016-12-31T23:59:60Z"), "invalid_parameter", "timestamp"),
        (moved(0, odometry={"forward": 1}), "unknown_parameter", "odometry"),
        (moved(0, odometry={}), "invalid_parameter", "odometry.forward_m"),
        (moved(0, odometry={"forward_m": 1}, motion={"speed_mps": 1}), "invalid_parameter", "motion"),
        (moved(0, motion={"speed_mps": -1}), "invalid_parameter", "motion.speed_mps"),
        (moved(0, motion={"speed_mps": 1, "heading_accuracy_deg": 5}), "invalid_parameter", "motion.heading_deg"),
        (moved(0, fix={"lat": 91, "lon": 0}), "invalid_parameter", "fix.lat"),
        (moved(0, fix={"lat": 1, "lon": 0, "accuracy_percentile": 68}), "invalid_parameter", "fix.accuracy_m"),
        (moved(0, fix={"lat": 1, "lon": 0}, speed=3), "unknown_parameter", ""),
        (moved(0, fix={"lat": 1, "lon": 0}, track_token=7), "invalid_parameter", "track_token"),
        (moved(0, fix={"lat": 1, "lon": 0}, track_token="x" * 17_000), "track_token_invalid", "track_token"),
        (moved(0, fix={"lat": 1, "lon": 0}, image="%"), "invalid_parameter", "image"),
    ],
)
def test_what_is_wrong_is_named(tracked: Client, step: Json, code: str, pointer: str) -> None:
    response = tracked.request("POST", "/track", json=step)
    problem = check_problem(response, 422, code)
    assert problem["errors"][0]["pointer"] == pointer
    check_answer(response, "/track")


def test_nan_is_no_json(tracked: Client) -> None:
    body = b'{"timestamp": "2026-11-21T20:23:10Z", "odometry": {"forward_m": NaN}}'
    response = tracked.request("POST", "/track", content=body, headers={"Content-Type": "application/json"})
    check_problem(response, 400, "malformed_json")


def test_time_does_not_run_backwards(tracked: Client) -> None:
    answer = asked(tracked, seen(6, 10, 90.0))
    again = asked(tracked, moved(10, track_token=answer["track_token"], odometry={"forward_m": 0}))
    assert again["step"] == 2
    late = tracked.request("POST", "/track", json=moved(9, track_token=again["track_token"], **EAST))
    assert check_problem(late, 422, "invalid_parameter")["errors"][0]["pointer"] == "timestamp"


def test_tokens_of_another_generation_or_secret_are_refused(
    calibrated: IndexLocalizer, painted_index: Index, settings: Settings, tracked: Client
) -> None:
    token = asked(tracked, seen(6, 0))["track_token"]
    step = moved(1, track_token=token, **EAST)
    other = Client(create_app(settings, calibrated))  # a secret of its own
    check_problem(other.request("POST", "/track", json=step), 422, "track_token_invalid")
    renamed = IndexLocalizer(FakeEncoder(), Searcher(painted_index), name="elsewhere")
    tracked.app.state.service.served[""].localizer = renamed
    problem = check_problem(tracked.request("POST", "/track", json=step), 422, "track_token_invalid")
    assert "another index" in problem["errors"][0]["detail"]


def test_replicas_that_share_a_secret_go_on_with_each_others_tracks(calibrated: IndexLocalizer, tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s" * 40)
    replicas = [Client(create_app(Settings(track_secret_file=secret), calibrated)) for _ in range(2)]
    answer = asked(replicas[0], seen(6, 0, 90.0))
    for second, number in enumerate((7, 8, 9), start=1):
        step = seen(number, second, 90.0, track_token=answer["track_token"], **EAST)
        both = [asked(replica, step) for replica in replicas]
        assert both[0]["position"] == both[1]["position"]
        answer = both[second % 2]
    assert away_m(answer, 9) < 15.0


def test_without_calibration_tracks_go_by_fixes_and_motion(client: Client) -> None:
    lat, lon = position(7)
    fix = {"lat": lat, "lon": lon, "accuracy_m": 10, "accuracy_percentile": 68}
    answer = asked(client, seen(7, 0, fix=fix))
    assert answer["notices"][0]["code"] == "uncalibrated"
    motion = {"speed_mps": 10.0, "heading_deg": 90.0}
    answer = asked(client, moved(10, motion=motion, track_token=answer["track_token"]))
    assert away_m(answer, 8) < 15.0
    blind = asked(client, seen(7, 0))
    assert (blind["status"], blind["candidates"]) == ("no_match", [])


def test_a_photo_at_fault_is_a_problem(tracked: Client) -> None:
    step = moved(0, image=base64.b64encode(b"GIF89a" + bytes(40)).decode())
    check_problem(tracked.request("POST", "/track", json=step), 415, "image_type_unsupported")


def test_steps_are_counted_and_hold_no_place(tracked: Client) -> None:
    asked(tracked, seen(6, 0))
    assert tracked.metric("skyfix_localizations_total", status="ambiguous", mode="global") == 1
