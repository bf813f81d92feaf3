"""POST /localize on the painted world, where the right answer is known by construction."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from index.build import build_index
from index.bundle import Index, open_index
from index.search import Searcher
from models.encoder import FakeEncoder
from models.errors import ModelMismatch
from models.geo import offset
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.responses import LocalizeResponse
from service.settings import Settings
from tests.service.conftest import WHOLE_CIRCLE, Client
from tests.service.world import FOOTPRINT_M, TILE_COUNT, PaintedTiles, encode, panorama, position


@pytest.mark.parametrize("number", [0, 7, 35])
def test_planted_tile_comes_first(client: Client, number: int) -> None:
    answer = client.raw(encode(panorama(number)), heading_deg="0", **WHOLE_CIRCLE).json()
    best = answer["candidates"][0]
    assert (best["tile"]["id"], best["rank"]) == (f"t{number}", 1)
    assert (best["lat"], best["lon"]) == pytest.approx(position(number), abs=1e-7)
    assert answer["position"] == {"lat": best["lat"], "lon": best["lon"]}


@pytest.mark.parametrize("heading", [45.0, 180.0, 315.0])
def test_unknown_heading_is_searched_and_answered(client: Client, heading: float) -> None:
    answer = client.raw(encode(panorama(7, heading)), **WHOLE_CIRCLE).json()
    assert answer["candidates"][0]["tile"]["id"] == "t7"
    assert answer["heading"]["deg"] == answer["candidates"][0]["heading_deg"] == heading


def test_known_heading_is_not_answered_back(client: Client) -> None:
    answer = client.raw(encode(panorama(7, 100.0)), heading_deg="100", **WHOLE_CIRCLE).json()
    assert answer["candidates"][0]["tile"]["id"] == "t7"
    assert "heading" not in answer
    assert "heading_deg" not in answer["candidates"][0]


def test_rough_heading_is_searched_within_its_accuracy(client: Client) -> None:
    image = encode(panorama(7, 100.0))
    answer = client.raw(image, heading_deg="60", heading_accuracy_deg="90", **WHOLE_CIRCLE).json()
    assert answer["candidates"][0]["tile"]["id"] == "t7"
    assert abs(answer["heading"]["deg"] - 100) <= 22.5


def test_part_of_a_panorama_is_enough(client: Client) -> None:
    strip = encode(panorama(7, 90.0)[:, 128:384])
    answer = client.raw(strip, fov_deg="180", projection="panorama").json()
    assert (answer["candidates"][0]["tile"]["id"], answer["heading"]["deg"]) == ("t7", 90.0)
    assert answer["candidates"][0]["similarity"] > 0.99


def test_raw_form_and_json_give_the_same_answer(client: Client, photo: bytes) -> None:
    raw = client.raw(photo, top_k="3", heading_deg="0", **WHOLE_CIRCLE)
    flat = client.form(photo, top_k="3", heading_deg="0", **WHOLE_CIRCLE)
    document = {"top_k": 3, "camera": {"heading_deg": 0, "projection": "panorama", "fov_deg": 360}}
    part = client.form(photo, request=json.dumps(document))
    body = {"image": base64.b64encode(photo).decode(), **document}
    as_json = client.request("POST", "/localize", json=body)
    answers = [response.json()["candidates"] for response in (raw, flat, part, as_json)]
    assert len(answers[0]) == 3
    assert answers.count(answers[0]) == 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_does_not_change_the_answer(client: Client, orientation: int) -> None:
    stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # EXIF orientation -> the transpose that undoes it
    upright = Image.fromarray(panorama(7))
    image = upright.transpose(Image.Transpose(stored[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95, exif=exif)
    answer = client.raw(stream.getvalue(), "image/jpeg", heading_deg="0", **WHOLE_CIRCLE).json()
    assert answer["candidates"][0]["tile"]["id"] == "t7"


def test_prior_scans_only_its_circle(client: Client, photo: bytes) -> None:
    lat, lon = position(7)
    prior = {"lat": str(lat), "lon": str(lon), "radius_m": str(101 - FOOTPRINT_M / 2**0.5)}
    answer = client.raw(photo, heading_deg="0", top_k="50", **prior, **WHOLE_CIRCLE).json()
    assert answer["search"]["mode_used"] == "prior"
    assert answer["search"]["tiles_scanned"] == len(answer["candidates"]) == 5
    assert answer["candidates"][0]["distance_to_prior_m"] == 0.0
    assert all(candidate["distance_to_prior_m"] <= 101 for candidate in answer["candidates"])


def test_mode_global_ignores_the_prior_for_the_search(client: Client, photo: bytes) -> None:
    answer = client.raw(photo, lat="0", lon="0", accuracy_m="10", mode="global", **WHOLE_CIRCLE).json()
    assert answer["search"] == {**answer["search"], "mode_used": "global", "tiles_scanned": TILE_COUNT}
    assert answer["candidates"][0]["tile"]["id"] == "t7"


def test_prior_outside_the_index_is_never_a_far_guess(client: Client, photo: bytes) -> None:
    response = client.raw(photo, lat="48.1", lon="11.6", accuracy_m="50", accuracy_percentile="95")
    answer = response.json()
    assert response.status_code == 200
    assert (answer["status"], answer["candidates"]) == ("outside_coverage", [])
    assert "position" not in answer


def test_prior_beside_a_tile_still_reaches_into_it(client: Client, photo: bytes) -> None:
    lat, lon = offset(*position(0), -FOOTPRINT_M / 2 - 20, 0)
    answer = client.raw(photo, lat=str(lat), lon=str(lon), radius_m="25").json()
    assert answer["search"]["tiles_scanned"] == 1


def test_nothing_is_claimed_that_needs_calibration(client: Client, photo: bytes) -> None:
    answer = client.raw(photo, **WHOLE_CIRCLE).json()
    assert not {"status", "confidence", "probability_outside_index"} & set(answer)
    assert set(answer["position"]) == {"lat", "lon"}
    assert "uncalibrated" in [notice["code"] for notice in answer["notices"]]


def test_answer_is_complete_and_finite(client: Client, photo: bytes) -> None:
    response = client.form(photo, **WHOLE_CIRCLE)
    answer = LocalizeResponse.model_validate_json(response.content)
    assert len(answer.candidates) == 5
    assert answer.search.index == "painted@1"
    assert answer.candidates[0].tile.captured == "2025-06"
    assert set(answer.timings_ms) == {"receive", "decode", "preprocess", "queue", "inference", "search"}
    assert answer.candidates[0].similarity == pytest.approx(1.0, abs=1e-3)


def test_index_can_be_named(client: Client, photo: bytes) -> None:
    assert client.raw(photo, index="painted").status_code == 200
    assert client.raw(photo, index="painted@1").status_code == 200
    assert client.raw(photo, index="painted@2").json()["code"] == "unknown_index"


def test_default_top_k_is_a_setting(localizer: IndexLocalizer, photo: bytes) -> None:
    client = Client(create_app(Settings(top_k=2), localizer))
    assert len(client.raw(photo).json()["candidates"]) == 2


@pytest.mark.parametrize("name", ["black", "white", "noise"])
def test_pictures_of_nothing_get_a_finite_answer(client: Client, name: str) -> None:
    fill = {"black": 0, "white": 255}
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    image = np.full((64, 64, 3), fill[name], np.uint8) if name in fill else noise
    answer = LocalizeResponse.model_validate_json(client.raw(encode(image)).content)
    assert len(answer.candidates) == 5


def test_one_column_model_answers_no_heading(tmp_path_factory: pytest.TempPathFactory, photo: bytes) -> None:
    plain = FakeEncoder(columns=1)
    folder = tmp_path_factory.mktemp("plain") / "index"
    build_index(PaintedTiles(), plain, folder, name="plain")
    client = Client(create_app(Settings(), IndexLocalizer(plain, Searcher(open_index(folder, plain)))))
    answer = client.raw(photo, **WHOLE_CIRCLE).json()
    assert "heading" not in answer
    assert len(answer["candidates"]) == 5


def test_index_of_another_model_is_refused(painted_index: Index) -> None:
    with pytest.raises(ModelMismatch, match="painted@1"):
        open_index(painted_index.folder, FakeEncoder(columns=4))


def with_gps(lat: float, lon: float, accuracy_m: float | None = None) -> bytes:
    """Tile 7 as a JPEG whose EXIF holds a position."""
    exif = Image.Exif()
    fix = {1: "N", 2: (lat, 0.0, 0.0), 3: "E", 4: (lon, 0.0, 0.0)}
    exif.get_ifd(0x8825).update(fix if accuracy_m is None else {**fix, 31: accuracy_m})
    stream = io.BytesIO()
    Image.fromarray(panorama(7)).save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def codes(answer: dict[str, Any]) -> list[str]:
    return [notice["code"] for notice in answer["notices"]]


def test_exif_gps_is_only_used_when_asked_for(client: Client) -> None:
    lat, lon = position(7)
    image = with_gps(lat, lon)
    ignored = client.raw(image, "image/jpeg").json()
    assert (ignored["search"]["mode_used"], "exif_gps_ignored" in codes(ignored)) == ("global", True)
    used = client.raw(image, "image/jpeg", use_gps_as_prior="true", **WHOLE_CIRCLE).json()
    assert (used["search"]["mode_used"], used["candidates"][0]["tile"]["id"]) == ("prior", "t7")
    assert {"prior_from_exif", "prior_accuracy_assumed"} <= set(codes(used))


def test_exif_gps_accuracy_sets_the_circle(client: Client) -> None:
    image = with_gps(*position(7), accuracy_m=5)
    answer = client.raw(image, "image/jpeg", use_gps_as_prior="true").json()
    assert answer["search"]["tiles_scanned"] == 1


def test_exif_gps_that_is_not_there(client: Client, photo: bytes) -> None:
    answer = client.raw(photo, use_gps_as_prior="true").json()
    assert (answer["search"]["mode_used"], "exif_gps_absent" in codes(answer)) == ("global", True)


@pytest.mark.parametrize("value", [(IFDRational(1, 0), 0.0, 0.0), (91.0, 0.0, 0.0), (1.0, 0.0)])
def test_broken_exif_gps_costs_nothing(client: Client, value: tuple[float, ...]) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: value, 3: "E", 4: value})
    stream = io.BytesIO()
    Image.fromarray(panorama(7)).save(stream, "JPEG", exif=exif)
    response = client.raw(stream.getvalue(), "image/jpeg", use_gps_as_prior="true")
    assert (response.status_code, "exif_gps_absent" in codes(response.json())) == (200, True)
