"""POST /localize/set on the painted world: photos that each see a quarter of a tile say together which it is."""

from __future__ import annotations

import itertools
import json
from typing import Any

import httpx
import numpy as np
import pytest

from index.bundle import Index
from index.search import Searcher
from models.encoder import FakeEncoder
from models.geo import distance_m, offset
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client, check_problem
from tests.service.sets.photos import QUARTER, calibrated, item, quarter, without_times
from tests.service.world import encode, panorama, position

PATH = "/localize/set"
HEADINGS = (0.0, 90.0, 180.0, 270.0)


@pytest.fixture(scope="module")
def localizer(painted_index: Index) -> IndexLocalizer:
    return IndexLocalizer(calibrated(), Searcher(painted_index))


def ask(client: Client, images: list[Any], **shared: Any) -> httpx.Response:
    return client.request("POST", PATH, json={"images": images, "camera": QUARTER, **shared})


def answer(client: Client, images: list[Any], **shared: Any) -> dict[str, Any]:
    response = ask(client, images, **shared)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def off(heading_deg: float, true_deg: float) -> float:
    return abs((heading_deg - true_deg + 180.0) % 360.0 - 180.0)


def test_photos_of_one_place_say_where_it_is_and_how_each_looked(client: Client) -> None:
    found = answer(client, [item(quarter(7, heading)) for heading in HEADINGS])
    assert (found["status"], found["candidates"][0]["tile"]["id"]) == ("localized", "t7")
    assert distance_m(found["position"]["lat"], found["position"]["lon"], *position(7)) < 5.0
    assert "heading" not in found
    assert "heading_deg" not in found["candidates"][0]
    for photo, heading in zip(found["photos"], HEADINGS, strict=True):
        assert photo["used"]
        assert off(photo["heading"]["deg"], heading) < 22.5
        assert 0 < photo["heading"]["accuracy_deg_68"] < 45


def test_more_photos_are_surer(client: Client) -> None:
    headings = (90.0, 0.0, 180.0, 270.0)
    photos = [item(quarter(7, heading)) for heading in headings]
    sure = [answer(client, photos[:count])["candidates"][0] for count in (2, 3, 4)]
    assert [each["tile"]["id"] for each in sure] == ["t7"] * 3
    alone = client.raw(quarter(7, headings[0]), projection="panorama", fov_deg="90").json()["candidates"][0]
    chances = [alone["probability"] * (alone["tile"]["id"] == "t7"), *(each["probability"] for each in sure)]
    assert chances == sorted(chances)
    assert chances[0] < chances[-1]


@pytest.mark.parametrize("relative", [False, True])
def test_order_never_matters(client: Client, relative: bool) -> None:
    photos = [
        item(quarter(7, heading), **({"relative_heading_deg": heading} if relative else {})) for heading in HEADINGS
    ]
    photos[3]["camera"] = {"pitch_deg": 1}
    seen = []
    for order in itertools.permutations(range(4)):
        found = without_times(answer(client, [photos[number] for number in order]))
        each = found.pop("photos")
        seen.append((json.dumps(found), [json.dumps(each[order.index(number)]) for number in range(4)]))
    assert all(found == seen[0] for found in seen)


def test_the_same_photo_twice_says_no_more_than_once(client: Client) -> None:
    pair = [item(quarter(7, 0.0)), item(quarter(7, 90.0))]
    once, twice = answer(client, pair), answer(client, [*pair, pair[0], pair[0]])
    assert twice["candidates"] == once["candidates"]
    assert [twice["photos"][number] for number in (2, 3)] == [once["photos"][0]] * 2


def test_relative_headings_make_one_panorama_of_the_photos(client: Client) -> None:
    """A zero that nobody knows: the photos are told 40 degrees less than their true headings."""
    photos = [item(quarter(7, heading), relative_heading_deg=(heading - 45.0) % 360.0) for heading in HEADINGS]
    found = answer(client, photos)
    whole = client.raw(encode(panorama(7)), projection="panorama", fov_deg="360").json()
    assert found["candidates"][0]["tile"]["id"] == whole["candidates"][0]["tile"]["id"] == "t7"
    assert found["candidates"][0]["similarity"] == pytest.approx(whole["candidates"][0]["similarity"], abs=0.05)
    assert found["confidence"] == pytest.approx(whole["confidence"], abs=0.02)
    for photo, heading in zip(found["photos"], HEADINGS, strict=True):
        assert off(photo["heading"]["deg"], heading) < 10


def test_true_headings_are_believed_and_not_answered(client: Client) -> None:
    photos = [item(quarter(7, heading), camera={"heading_deg": heading}) for heading in HEADINGS]
    found = answer(client, photos)
    assert (found["status"], found["candidates"][0]["tile"]["id"]) == ("localized", "t7")
    assert not any("heading" in photo for photo in found["photos"])
    wrong = [item(quarter(7, heading), camera={"heading_deg": (heading + 90.0) % 360}) for heading in HEADINGS]
    assert answer(client, wrong)["candidates"][0]["similarity"] < found["candidates"][0]["similarity"]


def test_a_photo_of_another_place_is_named_and_does_not_decide(client: Client) -> None:
    photos = [item(quarter(7, heading)) for heading in HEADINGS]
    other = item(quarter(20, 0.0))
    found = answer(client, [photos[0], other, *photos[1:]])
    assert (found["status"], found["candidates"][0]["tile"]["id"]) == ("localized", "t7")
    codes = [[notice["code"] for notice in photo["notices"]] for photo in found["photos"]]
    assert ["photo_disagrees" in each for each in codes] == [False, True, False, False, False]
    assert "heading" not in found["photos"][1]


def test_a_prior_is_of_all_and_auto_leaves_it_where_it_is_wrong(client: Client) -> None:
    photos = [item(quarter(7, heading)) for heading in HEADINGS]

    def prior(lat: float, lon: float) -> dict[str, Any]:
        return {"lat": lat, "lon": lon, "accuracy_m": 30, "accuracy_percentile": 68}

    lat, lon = (float(each) for each in offset(*position(7), 10.0, 0.0))
    near = answer(client, photos, prior=prior(lat, lon))
    assert (near["status"], near["search"]["mode_used"]) == ("localized", "prior")
    assert near["candidates"][0]["distance_to_prior_m"] == pytest.approx(10.0, abs=2.0)
    away = prior(*position(29))
    far = answer(client, photos, prior=away)
    assert (far["search"]["mode_used"], far["candidates"][0]["tile"]["id"]) == ("global", "t7")
    assert "prior_contradicted" in [notice["code"] for notice in far["notices"]]
    kept = answer(client, photos, prior=away, search={"mode": "prior"})
    assert (kept["status"], kept["search"]["mode_used"]) == ("no_match", "prior")
    nowhere = answer(client, photos, prior=prior(48.1, 11.6))
    assert (nowhere["status"], nowhere["candidates"]) == ("outside_coverage", [])
    assert [photo["used"] for photo in nowhere["photos"]] == [True] * 4


def test_what_is_assumed_of_the_prior_is_said_once(client: Client) -> None:
    photos = [item(quarter(7, heading)) for heading in HEADINGS[:2]]
    lat, lon = position(7)
    found = answer(client, photos, prior={"lat": lat, "lon": lon})
    assert [notice["code"] for notice in found["notices"]] == ["prior_accuracy_assumed"]
    assert [photo["notices"] for photo in found["photos"]] == [[], []]


def test_a_bad_photo_refuses_the_set_unless_it_may_be_skipped(client: Client) -> None:
    photos = [item(quarter(7, 0.0)), item(quarter(7, 90.0)), item(quarter(7, 180.0)[:-400])]
    problem = check_problem(ask(client, photos), 422, "image_undecodable")
    assert [fault["pointer"] for fault in problem["errors"]] == ["images.2"]
    found = answer(client, photos, skip_unusable=True)
    assert without_times(found)["candidates"] == answer(client, photos[:2])["candidates"]
    assert [photo["used"] for photo in found["photos"]] == [True, True, False]
    assert found["photos"][2]["problem"]["code"] == "image_undecodable"
    assert [notice["code"] for notice in found["photos"][2]["notices"]] == ["photo_skipped"]
    check_problem(ask(client, photos[2:] * 2, skip_unusable=True), 422, "image_undecodable")


@pytest.mark.parametrize(
    ("images", "shared", "code", "pointers"),
    [
        ([], {}, "invalid_parameter", ["images"]),
        ([{"image": ""}], {}, "invalid_parameter", ["images"]),
        ([{"image": ""}] * 17, {}, "invalid_parameter", ["images"]),
        ([{"image": ""}, {}], {}, "missing_image", ["images.1.image"]),
        ([{"image": "?"}, {"image": "!"}], {}, "invalid_parameter", ["images.0.image", "images.1.image"]),
        ([{"image": ""}, {"image": "", "camera": {"fov": 5}}], {}, "unknown_parameter", ["images.1.camera"]),
        ([{"image": ""}, {"image": "", "top_k": 5}], {}, "unknown_parameter", ["images.1"]),
        ([{"image": ""}] * 3 + [{"image": "", "camera": {"fov_deg": 5}}], {}, "invalid_parameter",
         ["images.3.camera.fov_deg"]),
        ([{"image": ""}, {"image": "", "relative_heading_deg": 360}], {}, "invalid_parameter",
         ["images.1.relative_heading_deg"]),
        ([{"image": ""}, {"image": "", "relative_heading_deg": True}], {}, "invalid_parameter",
         ["images.1.relative_heading_deg"]),
        ([{"image": "", "relative_heading_deg": 5}] * 2, {"camera": {"heading_deg": 5}}, "invalid_parameter",
         ["images.0.relative_heading_deg", "images.1.relative_heading_deg"]),
        ([{"image": ""}] * 2, {"skip_unusable": 1}, "invalid_parameter", ["skip_unusable"]),
        ([{"image": ""}] * 2, {"camera": {"fov_deg": 5}}, "invalid_parameter", ["camera.fov_deg"]),
        ([{"image": ""}] * 2, {"search": {"mode": "prior"}}, "invalid_parameter", ["images.0.prior", "images.1.prior"]),
        ([{"image": ""}] * 2, {"cameras": {}}, "unknown_parameter", [""]),
    ],
)  # fmt: skip
def test_bad_questions(
    client: Client, images: list[Any], shared: dict[str, Any], code: str, pointers: list[str]
) -> None:
    problem = check_problem(client.request("POST", PATH, json={"images": images, **shared}), 422, code)
    assert [fault["pointer"] for fault in problem["errors"]] == pointers


def test_a_form_is_the_same_as_json(client: Client) -> None:
    photos = [quarter(7, heading) for heading in HEADINGS]
    said = [{"relative_heading_deg": heading} for heading in HEADINGS]
    files: list[Any] = [("image", (f"{number}.png", photo)) for number, photo in enumerate(photos)]
    files.append(("request", (None, json.dumps({"camera": QUARTER, "images": said}))))
    formed = client.request("POST", PATH, files=files).json()
    sent = answer(client, [item(photo, **each) for photo, each in zip(photos, said, strict=True)])
    assert without_times(formed) == without_times(sent)


def test_a_set_is_one_answer_of_several_photos_to_the_metrics(client: Client) -> None:
    response = ask(client, [item(quarter(7, heading)) for heading in HEADINGS])
    assert client.metric("skyfix_localizations_total", status="localized", mode="global") == 1
    assert client.metric("skyfix_stage_duration_seconds_count", stage="inference") == 4
    assert {"decode", "search", "posterior"} <= set(response.json()["timings_ms"])
    assert client.metric("skyfix_queue_depth", queue="localize") == 0


def test_a_set_needs_one_place_and_takes_more_if_there_are(localizer: IndexLocalizer) -> None:
    client = Client(create_app(Settings(places=2), localizer))
    photos = [item(quarter(7, heading)) for heading in HEADINGS]
    with client.app.state.service.pipeline.place():
        assert answer(client, photos)["candidates"][0]["tile"]["id"] == "t7"
    with client.app.state.service.pipeline.place(2):
        check_problem(ask(client, photos), 429, "overloaded")


def test_a_model_without_calibration_ranks_by_mean_similarity(painted_index: Index) -> None:
    client = Client(create_app(Settings(), IndexLocalizer(FakeEncoder(), Searcher(painted_index))))
    photos = [item(quarter(7, heading)) for heading in HEADINGS]
    found = answer(client, photos, top_k=36)
    assert found["candidates"][0]["tile"]["id"] == "t7"
    assert len({each["tile"]["id"] for each in found["candidates"]}) == len(found["candidates"]) == 36
    similar = [each["similarity"] for each in found["candidates"]]
    assert similar == sorted(similar, reverse=True)
    assert [notice["code"] for notice in found["notices"]] == ["uncalibrated"]
    assert not {"status", "confidence"} & set(found)
    assert [off(photo["heading"]["deg"], true) < 22.5 for photo, true in zip(found["photos"], HEADINGS, strict=True)]
    alone = [client.raw(quarter(7, deg), projection="panorama", fov_deg="90", top_k="36").json() for deg in HEADINGS]
    mean = {
        tile: np.mean([c["similarity"] for each in alone for c in each["candidates"] if c["tile"]["id"] == tile])
        for tile in (each["tile"]["id"] for each in found["candidates"])
    }
    assert [each["similarity"] for each in found["candidates"]] == pytest.approx(list(mean.values()), abs=1e-5)
    assert without_times(answer(client, photos[::-1], top_k=36))["candidates"] == found["candidates"]
    lat, lon = position(7)
    near = answer(client, photos, prior={"lat": lat, "lon": lon, "accuracy_m": 30, "accuracy_percentile": 68})
    assert (near["search"]["mode_used"], near["candidates"][0]["tile"]["id"]) == ("prior", "t7")
    away = answer(client, photos, prior={"lat": 0, "lon": 0, "accuracy_m": 30, "accuracy_percentile": 68})
    assert (away["status"], away["candidates"]) == ("outside_coverage", [])


def test_pictures_of_nothing_are_no_match(client: Client) -> None:
    grey = item(encode(np.full((64, 64, 3), 128, np.uint8)))
    lighter = item(encode(np.full((64, 64, 3), 140, np.uint8)))
    assert answer(client, [grey, lighter])["status"] == "no_match"
