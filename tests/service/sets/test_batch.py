"""POST /localize/batch: answers and problems in order, each as POST /localize gives it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from models.image import Photo
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import WHOLE_CIRCLE, Client, check_problem
from tests.service.sets.photos import base64_of, without_times
from tests.service.sets.photos import item as photo_item
from tests.service.world import encode, panorama

PATH = "/localize/batch"
CAMERA = {"projection": "panorama", "fov_deg": 360}


PHOTOS = [encode(panorama(number)) for number in (7, 20, 33)]


def ask(client: Client, images: list[Any], **shared: Any) -> httpx.Response:
    return client.request("POST", PATH, json={"images": images, **shared})


def item(number: int, **said: Any) -> dict[str, Any]:
    return photo_item(PHOTOS[number], **said)


def test_each_photo_is_answered_as_if_it_had_come_alone(client: Client) -> None:
    response = ask(client, [item(0), item(1), item(2)], camera=CAMERA, top_k=2)
    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["status"] for result in results] == [200] * 3
    for photo, result in zip(PHOTOS, results, strict=True):
        alone = client.raw(photo, top_k=2, **WHOLE_CIRCLE).json()
        assert without_times(result["answer"]) == without_times(alone)
        assert result["answer"]["request_id"] == response.headers["x-request-id"]
        assert {"decode", "inference", "search"} <= set(result["answer"]["timings_ms"])
    assert [result["answer"]["candidates"][0]["tile"]["id"] for result in results] == ["t7", "t20", "t33"]
    assert "inference" in response.headers["server-timing"]


def test_a_form_with_photos_in_order_is_the_same_as_json(client: Client) -> None:
    said: list[dict[str, Any]] = [{"top_k": 1}, {}, {"camera": {"heading_deg": 90}}]
    files: list[Any] = [("image", (f"{number}.png", photo)) for number, photo in enumerate(PHOTOS)]
    document: dict[str, Any] = {"camera": CAMERA, "top_k": 3}
    files.append(("request", (None, json.dumps({**document, "images": said}))))
    formed = client.request("POST", PATH, files=files).json()["results"]
    images = [item(number, **each) for number, each in enumerate(said)]
    sent = ask(client, images, **document).json()["results"]
    assert [without_times(each["answer"]) for each in formed] == [without_times(each["answer"]) for each in sent]
    assert [len(each["answer"]["candidates"]) for each in formed] == [1, 3, 3]
    assert "heading" not in formed[2]["answer"]


def test_what_a_photo_says_wins_field_by_field(client: Client) -> None:
    prior = {"lat": 52.5, "lon": 13.4, "accuracy_m": 50, "accuracy_percentile": 68}
    images = [item(0, prior=None), item(0), item(0, prior={"lat": -52.5})]
    answers = [each["answer"] for each in ask(client, images, camera=CAMERA, prior=prior).json()["results"]]
    assert [answer["search"]["mode_used"] for answer in answers] == ["global", "prior", "prior"]
    assert answers[2]["status"] == "outside_coverage"


def test_bad_photos_are_problems_that_name_them_and_others_are_answered(client: Client) -> None:
    images = [
        item(0),
        {"image": "no base64"},
        {},
        {"image": base64_of(b"this is no picture at all, but a line of text")},
        item(1, camera={"fov_deg": 5}),
        item(1, camera={"fov_degrees": 70}),
        item(1, search={"index": "elsewhere"}),
        item(1, search={"mode": "prior"}),
        item(1),
    ]
    response = ask(client, images, camera={"projection": "panorama"})
    results = response.json()["results"]
    told = [(result["status"], result.get("code")) for result in results]
    assert told == [
        (200, None),
        (422, "invalid_parameter"),
        (422, "missing_image"),
        (415, "image_type_unsupported"),
        (422, "invalid_parameter"),
        (422, "unknown_parameter"),
        (404, "unknown_index"),
        (422, "invalid_parameter"),
        (200, None),
    ]
    pointers = [[fault["pointer"] for fault in result.get("errors", [])] for result in results]
    assert pointers == [
        [],
        ["images.1.image"],
        ["images.2.image"],
        ["images.3"],
        ["images.4.camera.fov_deg"],
        ["images.5.camera"],
        [],
        ["images.7.prior"],
        [],
    ]
    problems = [result for result in results if result["status"] != 200]
    assert all({"type", "title", "status", "code", "detail", "request_id"} <= set(each) for each in problems)


@pytest.mark.parametrize(
    ("document", "code", "pointer"),
    [
        ({}, "missing_image", "images"),
        ({"images": "x"}, "missing_image", "images"),
        ({"images": []}, "invalid_parameter", "images"),
        ({"images": [{"image": ""}] * 17}, "invalid_parameter", "images"),
        ({"images": [{"image": ""}, 5]}, "invalid_parameter", "images.1"),
        ({"images": [{"image": ""}], "cameras": {}}, "unknown_parameter", ""),
        ({"images": [{"image": ""}], "camera": {"fov": 5}}, "unknown_parameter", "camera"),
        ({"images": [{"image": ""}], "camera": {"fov_deg": 5}}, "invalid_parameter", "camera.fov_deg"),
        ({"images": [{"image": ""}], "top_k": "many"}, "invalid_parameter", "top_k"),
    ],
)
def test_what_is_wrong_with_the_whole_is_told_once(
    client: Client, document: dict[str, Any], code: str, pointer: str
) -> None:
    problem = check_problem(client.request("POST", PATH, json=document), 422, code)
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([("photo", ("a.png", b"x"))], "unknown_parameter"),
        ([("image", ("a.png", b"x"))] * 17, "invalid_parameter"),
        ([("request", (None, "{}"))], "missing_image"),
        ([("image", ("a.png", b"x")), ("request", (None, '{"images": [{}, {}]}'))], "invalid_parameter"),
        ([("image", ("a.png", b"x")), ("request", (None, '{"images": [{"image": ""}]}'))], "duplicate_field"),
    ],
)
def test_bad_forms(client: Client, files: list[Any], code: str) -> None:
    check_problem(client.request("POST", PATH, files=files), 422, code)


def test_query_parameters_and_other_types_are_refused(client: Client) -> None:
    images = {"images": [item(0)]}
    check_problem(client.request("POST", f"{PATH}?top_k=1", json=images), 422, "unknown_parameter")
    raw = client.request("POST", PATH, content=PHOTOS[0], headers={"Content-Type": "image/png"})
    check_problem(raw, 415, "unsupported_media_type")


def test_a_body_has_its_own_limit(localizer: IndexLocalizer) -> None:
    client = Client(create_app(Settings(max_body_bytes=1024, max_many_body_bytes=20_000), localizer))
    assert ask(client, [item(0)], camera=CAMERA).status_code == 200
    check_problem(ask(client, [{"image": "A" * 20_000}]), 413, "body_too_large")


def test_photos_without_a_place_are_overloaded_and_the_others_answered(localizer: IndexLocalizer) -> None:
    client = Client(create_app(Settings(places=2), localizer))
    results = ask(client, [item(0), {"image": "?"}, item(1), item(2)], camera=CAMERA).json()["results"]
    assert [(result["status"], result.get("code")) for result in results] == [
        (200, None),
        (422, "invalid_parameter"),
        (200, None),
        (429, "overloaded"),
    ]


def test_no_place_at_all_is_429(localizer: IndexLocalizer) -> None:
    client = Client(create_app(Settings(places=1), localizer))
    with client.app.state.service.pipeline.place():
        response = ask(client, [item(0)], camera=CAMERA)
    check_problem(response, 429, "overloaded")
    assert response.headers["retry-after"] == "1"


def test_places_are_given_back(localizer: IndexLocalizer) -> None:
    client = Client(create_app(Settings(places=2), localizer))
    for _ in range(3):
        assert ask(client, [item(0), item(1)], camera=CAMERA).status_code == 200
    assert client.metric("skyfix_queue_depth", queue="localize") == 0


def test_every_photo_is_counted(client: Client) -> None:
    ask(client, [item(0), {}, item(1)], camera=CAMERA)
    assert client.metric("skyfix_localizations_total", status="ranked", mode="global") == 2
    assert client.metric("skyfix_stage_duration_seconds_count", stage="inference") == 2


class Crashing:
    """A localizer that fails at dark photos."""

    def __init__(self, inner: IndexLocalizer) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def prepare(self, photo: Photo, query: Any) -> Any:
        if photo.pixels.max() == 0:
            raise RuntimeError("secret")
        return self._inner.prepare(photo, query)


def test_a_crash_is_a_problem_of_its_photo_alone(localizer: IndexLocalizer) -> None:
    crashing: Any = Crashing(localizer)
    client = Client(create_app(Settings(), crashing))
    dark = {"image": base64_of(encode(panorama(7) * 0))}
    results = ask(client, [dark, item(0)], camera=CAMERA).json()["results"]
    assert [(result["status"], result.get("code")) for result in results] == [(500, "internal"), (200, None)]
    assert "secret" not in json.dumps(results)


def test_time_that_ran_out_is_told_of_each(client: Client) -> None:
    response = client.request("POST", PATH, json={"images": [item(0), item(1)]}, headers={"X-Request-Timeout-Ms": "1"})
    assert {result["code"] for result in response.json()["results"]} == {"deadline_exceeded"}
