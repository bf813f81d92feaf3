"""Answers as GeoPose: who gets which form, what the angles say, and what stays null."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from jsonschema import Draft202012Validator
from pyproj import Transformer
from rasterio import Affine

from index.bundle import Index
from index.search import Searcher
from models.encoder import FakeEncoder
from models.geometry.ground import Ground, Slope
from models.geometry.rotation import matrix_of_quaternion, matrix_of_ypr
from service.app import create_app
from service.examples import EXAMPLES
from service.geopose.accepted import geopose_profile
from service.geopose.answer import Known, geopose
from service.geopose.shapes import GeoPoseBasicQuaternion, GeoPoseBasicYpr
from service.heights import Standing
from service.index_localizer import IndexLocalizer
from service.query import CameraHints
from service.responses import LocalizeResponse
from service.settings import Settings
from tests.service.conftest import Client
from tests.service.documents import check, check_answer
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import position

Json = dict[str, Any]
GEOPOSE = "application/geopose+json"
NUMBERS = {"type": "number"}


def strict(part: str, *names: str) -> Json:
    """The standard's schema of a Basic GeoPose, whose turn is in `part`."""
    of = {
        name: {"type": "object", "required": list(each), "properties": dict.fromkeys(each, NUMBERS)}
        for name, each in (("position", ("lat", "lon", "h")), (part, names))
    }
    return {"type": "object", "required": ["position", part], "properties": of}


@pytest.mark.parametrize(
    ("accept", "profile"),
    [
        ("", None),
        ("*/*", None),
        ("application/json", None),
        ("application/geo+json", None),
        (GEOPOSE, "basic-ypr"),
        ("Application/GeoPose+JSON", "basic-ypr"),
        (f"{GEOPOSE};profile=basic-ypr", "basic-ypr"),
        (f'{GEOPOSE}; version=1.0; profile="Basic-Quaternion"', "basic-quaternion"),
        (f'{GEOPOSE};profile="http://www.opengis.net/spec/geopose/1.0/req/basic-quaternion"', "basic-quaternion"),
        (f"{GEOPOSE};version=2.0", None),
        (f"{GEOPOSE};profile=advanced", None),
        (f"{GEOPOSE};profile=advanced, {GEOPOSE};q=0.1", "basic-ypr"),
        (f"{GEOPOSE};q=0", None),
        (f"{GEOPOSE};q=x", None),
        (f"{GEOPOSE};q=nan", None),
        (f"{GEOPOSE}, application/json", "basic-ypr"),
        (f"{GEOPOSE};q=0.5, application/json", None),
        (f"{GEOPOSE};q=0.5, application/geo+json;q=0.4", "basic-ypr"),
        (f"{GEOPOSE};q=0.3;profile=basic-ypr, {GEOPOSE};q=0.7;profile=basic-quaternion", "basic-quaternion"),
        (f'text/plain;note="a, {GEOPOSE};q=1", application/json', None),
        (f"{GEOPOSE}," + '"\\' * 20_000, None),
        (f';;=,"{GEOPOSE}', None),
        (f";,;;, ,{GEOPOSE};;", "basic-ypr"),
    ],
)
def test_who_gets_which_form(accept: str, profile: str | None) -> None:
    assert geopose_profile(accept) == profile


def told(name: str = "localized", **changed: Any) -> LocalizeResponse:
    return LocalizeResponse.model_validate({**EXAMPLES[name].answer, **changed})


def facing(heading_deg: float, pitch_deg: float | None, roll_deg: float | None) -> GeoPoseBasicYpr:
    camera = CameraHints(pitch_deg=pitch_deg, roll_deg=roll_deg)
    found = geopose(told(heading={"deg": heading_deg}), Known(camera), "basic-ypr")
    assert isinstance(found, GeoPoseBasicYpr)
    return found


@pytest.mark.parametrize(
    ("heading_deg", "pitch_deg", "roll_deg", "yaw", "pitch", "roll"),
    [
        (0.0, 0.0, 0.0, 90.0, 0.0, 0.0),
        (90.0, 10.0, 0.0, 0.0, -10.0, 0.0),
        (180.0, 0.0, 15.0, -90.0, 0.0, 15.0),
        (270.0, -5.5, -3.25, 180.0, 5.5, -3.25),
        (73.73, None, 2.0, 16.27, None, 2.0),
    ],
)
def test_angles_are_those_of_the_standard(
    heading_deg: float, pitch_deg: float, roll_deg: float, yaw: float, pitch: float | None, roll: float
) -> None:
    angles = facing(heading_deg, pitch_deg, roll_deg).angles
    assert angles is not None
    assert (angles.yaw, angles.pitch, angles.roll) == (yaw, pitch, roll)
    assert str(angles.pitch) != "-0.0"


def test_the_quaternion_is_the_same_turn() -> None:
    camera = CameraHints(pitch_deg=12.0, roll_deg=-4.0)
    found = geopose(told(), Known(camera), "basic-quaternion")
    assert isinstance(found, GeoPoseBasicQuaternion)
    assert found.quaternion is not None
    turn = matrix_of_quaternion([found.quaternion.x, found.quaternion.y, found.quaternion.z, found.quaternion.w])
    np.testing.assert_allclose(turn, matrix_of_ypr(90 - 73.73, -12.0, -4.0), atol=1e-8)


def test_without_gravity_there_is_no_quaternion_and_a_word_about_it() -> None:
    found = geopose(told(), Known(CameraHints(pitch_deg=1.0)), "basic-quaternion")
    assert isinstance(found, GeoPoseBasicQuaternion)
    assert found.quaternion is None
    assert {notice.code for notice in found.skyfix.notices} == {"gravity_unknown", "height_unknown"}


def test_a_heading_of_the_request_is_the_yaw_where_none_was_searched() -> None:
    for camera, yaw, origin in [(CameraHints(heading_deg=30.0), 60.0, "request"), (CameraHints(), None, None)]:
        found = geopose(told(heading=None), Known(camera), "basic-ypr")
        assert isinstance(found, GeoPoseBasicYpr)
        assert found.angles is not None
        assert (found.angles.yaw, found.skyfix.yaw_from, found.skyfix.yaw_accuracy_deg_68) == (yaw, origin, None)
        assert ("heading_unknown" in {notice.code for notice in found.skyfix.notices}) == (yaw is None)


@pytest.mark.parametrize("profile", ["basic-ypr", "basic-quaternion"])
@pytest.mark.parametrize("name", ["ambiguous", "no_match", "outside_coverage"])
def test_no_pose_is_told_of_a_place_that_is_not_known(name: str, profile: Any) -> None:
    camera = CameraHints(heading_deg=1.0, pitch_deg=2.0, roll_deg=3.0)
    pose = geopose(told(name), Known(camera, standing()), profile).model_dump()
    meta = pose.pop("skyfix")
    assert set(pose.values()) == {None}
    assert meta["status"] == name
    known = {"complete", "request_id", "status", "search", "notices", "timings_ms"}
    known |= {"confidence", "confidence_definition", "probability_outside_index"}
    assert {key for key, value in meta.items() if value is not None} <= known
    assert meta["complete"] is False


def standing(datum: Any = "orthometric", undulation_m: float | None = 48.25, slope: Slope | None = None) -> Standing:
    return Standing(Ground(300.5, slope), datum, undulation_m, 1.5)


@pytest.mark.parametrize(
    ("datum", "undulation_m", "h"),
    [("orthometric", 48.25, 350.25), ("orthometric", None, None), ("ellipsoid", None, 302.0)],
)
def test_heights_above_the_sea_are_never_told_as_above_the_ellipsoid(
    datum: Any, undulation_m: float | None, h: float | None
) -> None:
    camera = CameraHints(pitch_deg=0.0, roll_deg=0.0)
    pose = geopose(told(), Known(camera, standing(datum, undulation_m), has_raster=True), "basic-ypr")
    assert pose.position is not None
    assert pose.position.h == h
    assert pose.skyfix.complete is (h is not None)
    assert pose.skyfix.height is not None
    assert (pose.skyfix.height.datum, pose.skyfix.height.ground_m, pose.skyfix.height.camera_m) == (datum, 300.5, 1.5)
    assert ("height_unknown" in {notice.code for notice in pose.skyfix.notices}) == (h is None)


def covariance(**known: Any) -> Any:
    answer = told(position={**EXAMPLES["localized"].answer["position"], "covariance_enu_m2": [25.0, 4.0, 4.0, 9.0]})
    return geopose(answer, Known(CameraHints(), **known), "basic-ypr").skyfix


def test_the_variance_of_the_height_is_that_of_the_slope_and_of_the_raster() -> None:
    """0.2 up a metre east, 0.1 down a metre north: g' C g = 1 - 0.16 + 0.09; roughness 0.5, the raster's own 2 m."""
    sloped = standing(slope=Slope(0.2, -0.1, 0.5))
    found = covariance(standing=sloped, dem_sigma_m=2.0)
    assert found.covariance_enu_m2 == ((25.0, 4.0, 4.6), (4.0, 9.0, -0.1), (4.6, -0.1, 5.18))
    assert np.linalg.eigvalsh(np.array(found.covariance_enu_m2)).min() > 0
    assert found.height.terrain_sigma_m == pytest.approx(np.sqrt(0.93 + 0.25), abs=0.005)


@pytest.mark.parametrize(
    "known",
    [
        {"dem_sigma_m": 2.0},
        {"standing": standing(), "dem_sigma_m": 2.0},
        {"standing": standing(slope=Slope(0.1, 0.0, 0.1))},
        {"standing": standing(undulation_m=None, slope=Slope(0.1, 0.0, 0.1)), "dem_sigma_m": 2.0},
    ],
)
def test_a_variance_of_which_a_part_is_not_known_is_null(known: Json) -> None:
    found = covariance(**known).covariance_enu_m2
    assert found == ((25.0, 4.0, None), (4.0, 9.0, None), (None, None, None))


@pytest.fixture(scope="module")
def calibrated(painted_index: Index) -> IndexLocalizer:
    encoder = FakeEncoder()
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    return IndexLocalizer(encoder, Searcher(painted_index))


@pytest.fixture
def hill(tmp_path: Path) -> Path:
    """The painted world on a plane: 34 m at tile 7, 0.05 m up for a metre east."""
    lat, lon = position(7)
    east, north = Transformer.from_crs(4326, 32633, always_xy=True).transform(lon, lat)
    heights = np.tile(34.0 + 0.05 * (np.arange(500) + 0.5 - 250.0) * 2, (500, 1)).astype(np.float32)
    profile = {"driver": "GTiff", "width": 500, "height": 500, "count": 1, "dtype": "float32", "crs": "EPSG:32633"}
    with rasterio.open(
        tmp_path / "hill.tif", "w", **profile, transform=Affine(2, 0, east - 500, 0, -2, north + 500)
    ) as to:
        to.write(heights, 1)
    return tmp_path / "hill.tif"


def ask(localizer: IndexLocalizer, photo: bytes, accept: str = GEOPOSE, **settings: Any) -> Json:
    client = Client(create_app(Settings(**settings), localizer))
    query = {"projection": "panorama", "pitch_deg": "10", "roll_deg": "-2"}
    headers = {"Content-Type": "image/png", "Accept": accept}
    answer = client.request("POST", "/localize", content=photo, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == GEOPOSE
    check_answer(answer, "/localize")
    found: Json = answer.json()
    return found


def test_the_service_tells_a_pose_with_what_it_knows(calibrated: IndexLocalizer, photo: bytes, hill: Path) -> None:
    pose = ask(calibrated, photo, dem_file=hill, geoid_undulation_m=40.0, dem_sigma_m=0.5, camera_height_m=2.0)
    Draft202012Validator(strict("angles", "yaw", "pitch", "roll")).validate(pose)
    assert pose["skyfix"]["complete"] is True
    plain = Client(create_app(Settings(), calibrated)).raw(photo, projection="panorama").json()
    assert (pose["position"]["lat"], pose["position"]["lon"]) == (plain["position"]["lat"], plain["position"]["lon"])
    assert pose["position"]["h"] == pytest.approx(34.0 + 40.0 + 2.0, abs=0.5)
    assert (pose["angles"]["pitch"], pose["angles"]["roll"]) == (-10.0, -2.0)
    (ee, _, eu), _, (_, _, uu) = pose["skyfix"]["covariance_enu_m2"]
    assert eu == pytest.approx(0.05 * ee, rel=0.05)
    assert uu == pytest.approx(0.05**2 * ee + 0.25, rel=0.05)


def test_as_a_quaternion_it_is_one_of_the_standard_too(calibrated: IndexLocalizer, photo: bytes, hill: Path) -> None:
    pose = ask(calibrated, photo, f"{GEOPOSE};profile=basic-quaternion", dem_file=hill, dem_datum="ellipsoid")
    Draft202012Validator(strict("quaternion", "x", "y", "z", "w")).validate(pose)
    assert pose["skyfix"]["height"]["datum"] == "ellipsoid"


def test_without_heights_h_is_null(calibrated: IndexLocalizer, photo: bytes) -> None:
    pose = ask(calibrated, photo)
    assert pose["position"]["h"] is None
    assert pose["angles"]["pitch"] == -10.0
    assert pose["skyfix"]["complete"] is False


def test_where_the_heights_end_h_is_null(calibrated: IndexLocalizer, photo: bytes, tmp_path: Path, hill: Path) -> None:
    with (
        rasterio.open(hill) as source,
        rasterio.open(tmp_path / "part.tif", "w", **{**source.profile, "width": 100}) as to,
    ):
        to.write(source.read(1)[:, :100], 1)
    pose = ask(calibrated, photo, dem_file=tmp_path / "part.tif", dem_datum="ellipsoid")
    assert pose["position"]["h"] is None
    assert pose["skyfix"]["height"] is None
    assert [notice["detail"] for notice in pose["skyfix"]["notices"] if notice["code"] == "height_unknown"] == [
        "The operator's heights do not reach this place."
    ]


def test_an_uncalibrated_model_knows_no_status_and_so_no_pose(localizer: IndexLocalizer, photo: bytes) -> None:
    pose = ask(localizer, photo)
    assert (pose["position"], pose["angles"], pose["skyfix"]["status"]) == (None, None, None)
    assert "uncalibrated" in {notice["code"] for notice in pose["skyfix"]["notices"]}


def test_problems_stay_problems(calibrated: IndexLocalizer) -> None:
    client = Client(create_app(Settings(), calibrated))
    refused = client.request("POST", "/localize", content=b"", headers={"Content-Type": "image/png", "Accept": GEOPOSE})
    assert refused.headers["content-type"] == "application/problem+json"


PAGE = (Path(__file__).parents[2] / "docs/geopose.md").read_text(encoding="utf-8")


def test_the_page_shows_an_answer_that_could_come_and_names_settings_that_exist() -> None:
    whole, turn = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    check(whole, {"$ref": "#/components/schemas/GeoPoseBasicYpr"})
    Draft202012Validator(strict("angles", "yaw", "pitch", "roll")).validate(whole)
    matrix = matrix_of_quaternion([turn["quaternion"][part] for part in "xyzw"])
    np.testing.assert_allclose(matrix, matrix_of_ypr(*whole["angles"].values()), atol=1e-8)
    height = whole["skyfix"]["height"]
    assert whole["position"]["h"] == pytest.approx(height["ground_m"] + height["undulation_m"] + height["camera_m"])
    named = {name.lower() for name in re.findall(r"SKYFIX_(\w+)", PAGE)}
    assert named <= set(Settings.model_fields)
    assert {name for name in Settings.model_fields if name.startswith(("dem_", "geoid_", "camera_"))} <= named
