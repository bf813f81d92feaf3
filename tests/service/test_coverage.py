"""GET /coverage and the map tiles: what there is at a place, all of it as GeoJSON, and pictures of it."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.build import build_index
from index.bundle import Index, open_index
from index.map_tiles import SIZE, world_px
from index.search import Searcher
from models.calibration.model import Calibration, FovCalibration
from models.encoder import FakeEncoder
from service.app import create_app
from service.coverage import expected_radii
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client, check_problem
from tests.service.documents import check_answer
from tests.service.world import PaintedTiles


@pytest.fixture(scope="module")
def shown_index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder: Path = tmp_path_factory.mktemp("index")
    build_index(PaintedTiles(), FakeEncoder(), folder, name="painted", thumbnails=True)
    return open_index(folder)


@pytest.fixture
def shown(shown_index: Index) -> Client:
    return Client(create_app(Settings(), IndexLocalizer(FakeEncoder(), Searcher(shown_index))))


def test_a_place_is_covered_or_not(shown: Client, shown_index: Index) -> None:
    lat, lon = float(shown_index.tiles.lat[3]), float(shown_index.tiles.lon[3])
    answer = shown.get("/coverage", params={"lat": lat, "lon": lon})
    check_answer(answer, "/coverage")
    assert answer.json()["covered"] is True
    assert answer.json()["resolution_m"] == round(float(shown_index.tiles.ground_resolution_m[3]), 3)
    assert answer.json()["index"] == shown_index.title
    away = shown.get("/coverage", params={"lat": -lat, "lon": lon})
    check_answer(away, "/coverage")
    assert away.json() == {"covered": False, "index": shown_index.title}


def test_all_of_it_is_geojson_that_holds_every_tile(shown: Client, shown_index: Index) -> None:
    answer = shown.get("/coverage")
    check_answer(answer, "/coverage")
    assert answer.headers["content-type"] == "application/geo+json"
    rings = [feature["geometry"]["coordinates"][0] for feature in answer.json()["features"]]
    for lat, lon in zip(shown_index.tiles.lat, shown_index.tiles.lon, strict=True):
        assert any(
            ring[0][0] - 1e-6 <= lon <= ring[1][0] + 1e-6 and ring[0][1] - 1e-6 <= lat <= ring[2][1] + 1e-6
            for ring in rings
        )
    assert all(ring[0] == ring[-1] for ring in rings)


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"lat": "91", "lon": "0"}, "invalid_parameter", "lat"),
        ({"lat": "1"}, "invalid_parameter", "lon"),
        ({"lon": "1"}, "invalid_parameter", "lat"),
        ({"lat": "nan", "lon": "0"}, "invalid_parameter", "lat"),
        ({"lat": "1", "lon": "1e9"}, "invalid_parameter", "lon"),
        ({"place": "1"}, "unknown_parameter", ""),
        ({"aliasing": "yes"}, "invalid_parameter", "aliasing"),
        ({"aliasing": "true", "lat": "1", "lon": "1"}, "invalid_parameter", "aliasing"),
    ],
)
def test_bad_questions(shown: Client, query: dict[str, str], code: str, pointer: str) -> None:
    problem = check_problem(shown.get("/coverage", params=query), 422, code)
    assert problem["errors"][0]["pointer"] == pointer


def test_a_name_twice_and_an_unknown_index(shown: Client) -> None:
    check_problem(shown.get("/coverage?lat=1&lat=2&lon=1"), 422, "duplicate_field")
    check_problem(shown.get("/coverage?index=other"), 404, "unknown_index")
    assert shown.get("/coverage?index=painted").status_code == 200


def test_where_places_look_alike_is_geojson(shown: Client, shown_index: Index) -> None:
    answer = shown.get("/coverage", params={"aliasing": "true", "index": "painted"})
    check_answer(answer, "/coverage")
    assert answer.headers["content-type"] == "application/geo+json"
    told, kept = answer.json(), Searcher(shown_index).aliasing()
    assert kept is not None
    assert (told["index"], told["far_m"], told["sampled"]) == (shown_index.title, kept.far_m, len(shown_index))
    assert len(told["features"]) == len(kept.squares) == len(shown_index), "each tile has a square of its own"
    centres = list(zip(shown_index.tiles.lon.tolist(), shown_index.tiles.lat.tolist(), strict=True))
    for feature, square in zip(told["features"], kept.squares, strict=True):
        ring, properties = feature["geometry"]["coordinates"][0], feature["properties"]
        inside = [ring[0][0] <= lon <= ring[2][0] and ring[0][1] <= lat <= ring[2][1] for lon, lat in centres]
        assert sum(inside) == 1
        assert (properties["aliasing_360"], properties["aliasing_90"]) == (square.whole, square.narrow)
        lon, lat = properties["twin"]
        assert any(abs(lon - there[0]) < 2e-5 and abs(lat - there[1]) < 2e-5 for there in centres)
    assert shown.get("/coverage?aliasing=false").json()["area_km2"] > 0


def test_without_a_map_nothing_is_said_to_look_alike(client: Client) -> None:
    answer = client.get("/coverage?aliasing=true")
    check_answer(answer, "/coverage")
    assert (answer.json()["features"], answer.json()["sampled"]) == ([], 0)


def test_map_tiles_show_the_imagery(shown: Client, shown_index: Index) -> None:
    imagery = shown.get("/info").json()["index"]["imagery"]
    zoom = imagery["max_zoom"]
    x, y = world_px(float(shown_index.tiles.lat[0]), float(shown_index.tiles.lon[0]), zoom)
    path = f"/map/{shown_index.title}/{zoom}/{int(x // SIZE)}/{int(y // SIZE)}"
    answer = shown.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert np.asarray(Image.open(io.BytesIO(answer.content))).std() > 1
    again = shown.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert shown.get(f"/map/painted/{zoom}/0/0").status_code == 204
    assert shown.metric("skyfix_http_requests_total", method="GET", route="/map", status="200") == 1
    for bad in ("/map/painted/x/0/0", "/map/painted/1/-1/0", "/map/painted/1/999999999/0", "/map/painted/1/0"):
        assert shown.get(bad).status_code == 404
    check_problem(shown.get(f"/map/other/{zoom}/0/0"), 404, "unknown_index")


def test_without_pictures_or_without_a_page_there_are_none(client: Client, localizer: IndexLocalizer) -> None:
    assert "imagery" not in client.get("/info").json()["index"]
    assert client.get("/map/painted/1/0/0").status_code == 204
    plain = Client(create_app(Settings(page=False), localizer))
    assert plain.get("/map/painted/1/0/0").status_code == 404
    assert plain.get("/").status_code == 404
    assert plain.get("/coverage").status_code == 200
    assert "page" not in plain.get("/info").json()


def test_expected_radii_hold_two_thirds_of_a_round_normal() -> None:
    calibration = Calibration(
        fovs=(
            FovCalibration(fov_deg=90, intercept=-8.0, per_deviation=2.0, position_sigma_m=6.0),
            FovCalibration(fov_deg=360, intercept=-8.0, per_deviation=2.0, position_sigma_m=3.0),
        )
    )
    normal = math.sqrt(-2.0 * math.log(1.0 - 0.68))
    found = expected_radii(calibration, 0.0)
    assert found == {"90": pytest.approx(6.0 * normal, abs=0.11), "360": pytest.approx(3.0 * normal, abs=0.11)}
    assert expected_radii(calibration, 20.0)["360"] == pytest.approx(
        math.hypot(3.0, 20.0 / math.sqrt(12)) * normal, abs=0.2
    )
