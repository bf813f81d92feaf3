"""`skyfix correct` on a track through the painted world, with photos whose EXIF says when they were taken."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import ExifTags, Image

from index.build import build_index
from models.bundle import ModelBundle
from models.calibration.delivery import deliver
from models.encoder import OnnxEncoder
from models.geo import distance_m, offset
from service.cli import main
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from service.track_files.gpx import read_gpx
from service.track_files.gpx_writing import write_gpx
from service.track_files.points import Track, TrackPoint
from service.track_files.reading import read_track_file
from tests.service.correct.conftest import calibrated as calibrated
from tests.service.door.conftest import running
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import PaintedTiles, panorama, position

BEGAN = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)
OFF_M = 40.0
STEP_S = 10.0


def photograph(path: Path, number: int, moment: datetime, zone: str | None = "+02:00") -> None:
    """Write a photo of a tile with the time of the photographer's clock, two hours ahead."""
    local = moment + timedelta(hours=2)
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Skyfix"
    tags: dict[int, str] = {ExifTags.Base.DateTimeOriginal: f"{local:%Y:%m:%d %H:%M:%S}"}
    tags[ExifTags.Base.SubsecTimeOriginal] = f"{local.microsecond // 1000:03d}"
    if zone:
        tags[ExifTags.Base.OffsetTimeOriginal] = zone
    exif.get_ifd(ExifTags.IFD.Exif).update(tags)
    Image.fromarray(panorama(number)).save(path, "PNG", exif=exif)


def point(number: int, seconds: float) -> TrackPoint:
    """A fix 40 m east of a tile's centre."""
    lat, lon = (float(value) for value in offset(*position(number), OFF_M, 0.0))
    return TrackPoint(lat, lon, BEGAN + timedelta(seconds=seconds), accuracy_m=30.0, accuracy_percentile=68.0)


@pytest.fixture(scope="module")
def bundle(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deliver(tiny_bundle, CALIBRATION, tmp_path_factory.mktemp("bundle") / "calibrated").folder


@pytest.fixture(scope="module")
def index(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("index") / "painted"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted")
    return root


@pytest.fixture
def ride(tmp_path: Path) -> Path:
    """A track along tiles 6 to 9, with photos at the first and at the third, one between, and one of yesterday."""
    photos = tmp_path / "photos"
    photos.mkdir()
    track = Track(tuple(point(6 + step, step * STEP_S) for step in range(4)), "van-17")
    write_gpx(tmp_path / "track.gpx", [track])
    photograph(photos / "a.png", 6, BEGAN)
    photograph(photos / "b.png", 8, BEGAN + timedelta(seconds=2 * STEP_S))
    photograph(photos / "c.png", 7, BEGAN + timedelta(seconds=STEP_S + 0.75))
    photograph(photos / "d.png", 7, BEGAN - timedelta(days=1))
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["correct", *(str(argument) for argument in arguments)])


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def away(answer: dict[str, Any], number: int) -> float:
    return float(distance_m(answer["position"]["lat"], answer["position"]["lon"], *position(number)))


def test_photos_move_the_fixes_that_they_belong_to(ride: Path, index: Path, bundle: Path) -> None:
    common = ("--index", index, "--bundle", bundle, "--projection", "panorama", "--max-gap", "10s")
    answer = told(run(ride / "track.gpx", "--photos", ride / "photos", *common, "--json"))
    corrected = answer["corrected"]
    assert [(one.get("photo"), one["interpolated"]) for one in corrected] == [
        ("a.png", False),
        (None, False),
        ("c.png", True),
        ("b.png", False),
        (None, False),
    ]
    assert answer["unmatched_photos"] == ["d.png"]
    assert (corrected[0]["status"], corrected[3]["status"]) == ("corrected", "corrected")
    assert max(away(corrected[0], 6), away(corrected[3], 8)) < 0.8 * OFF_M
    assert corrected[0]["device_id"] == "van-17"
    assert corrected[0]["original"]["timestamp"] == "2026-11-21T20:23:10Z"


def test_the_track_comes_back_point_for_point(ride: Path, index: Path, bundle: Path) -> None:
    outs = [ride / f"out{suffix}" for suffix in (".gpx", ".geojson", ".csv", ".json")]
    options = [part for out in outs for part in ("--out", out)]
    common = ("--index", index, "--bundle", bundle, "--projection", "panorama", "--max-gap", "10s")
    result = run(ride / "track.gpx", "--photos", ride / "photos", *common, *options, "--picture", ride / "map.png")
    assert result.exit_code == 0, result.output
    assert "van-17" not in result.stdout
    assert "3 of 4 photos belong to a fix, 1 of them" in result.stdout
    assert "d.png" in result.stdout
    before = read_gpx(ride / "track.gpx")
    for out in outs[:2]:
        after = read_track_file(out)
        assert [each.timestamp for each in after.points] == [each.timestamp for each in before.points]
        assert after.points[0].status == "corrected"
        assert after.points[0].accuracy_percentile == 95.0
        assert [waypoint.name for waypoint in after.waypoints] == ["c.png"]
    rows = list(csv.DictReader(io.StringIO(outs[2].read_text())))
    assert [row["photo"] for row in rows] == ["a.png", "", "c.png", "b.png", ""]
    assert float(rows[0]["moved_m"]) == pytest.approx(float(json.loads(outs[3].read_text())["corrected"][0]["moved_m"]))
    with Image.open(ride / "map.png") as picture:
        assert np.asarray(picture).std() > 5


def test_a_clock_that_is_wrong_is_put_right(ride: Path, index: Path, bundle: Path) -> None:
    common = ("--index", index, "--bundle", bundle, "--projection", "panorama", "--json")
    late = told(run(ride / "track.gpx", "--photos", ride / "photos", *common, "--time-offset", "+00:00:03"))
    assert len(late["unmatched_photos"]) == 4
    photograph(ride / "photos" / "d.png", 6, BEGAN - timedelta(seconds=30), zone=None)
    argument = ("--time-offset", "30", "--zone", "+02:00")
    put_right = told(run(ride / "track.gpx", "--photos", ride / "photos", *common, *argument))
    assert put_right["corrected"][0]["photo"] == "d.png"


def test_a_service_says_the_same(ride: Path, calibrated: IndexLocalizer) -> None:
    with running(Settings(), calibrated) as service:
        url = f"http://127.0.0.1:{service.port}"
        common = ("--url", url, "--projection", "panorama", "--max-gap", "10s", "--json")
        answer = told(run(ride / "track.gpx", "--photos", ride / "photos", *common))
    assert [one.get("photo") for one in answer["corrected"]] == ["a.png", None, "c.png", "b.png", None]
    assert answer["corrected"][0]["status"] == "corrected"
    assert away(answer["corrected"][0], 6) < 0.8 * OFF_M


def test_an_uncalibrated_model_keeps_all(ride: Path, index: Path, tiny_bundle: ModelBundle) -> None:
    common = ("--index", index, "--bundle", tiny_bundle.folder, "--json")
    answer = told(run(ride / "track.gpx", "--photos", ride / "photos", *common))
    assert answer["statuses"] == {"kept": 4}
    assert [notice["code"] for notice in answer["notices"]] == ["uncalibrated"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "--index DIR"),
        (("--index", "x", "--url", "http://a"), "one of them"),
        (("--url", "ftp://a"), "http"),
        (("--index", "x", "--out", "a.kml"), ".gpx"),
        (("--index", "x", "--picture", "a.gif"), ".png"),
        (("--index", "x", "--max-gap", "soon"), "--max-gap"),
        (("--index", "x", "--device", "van-18"), "van-17"),
        (("--index", "x", "--fov", "5"), "fov_deg"),
        (("--index", "x", "--false-alarm-rate", "2"), "false_alarm_rate"),
    ],
)
def test_wrong_use(ride: Path, options: tuple[str, ...], word: str) -> None:
    result = run(ride / "track.gpx", "--photos", ride / "photos", *options)
    assert result.exit_code == 2, result.output
    assert word in result.stderr


def test_files_that_are_none(ride: Path) -> None:
    (ride / "bad.gpx").write_text("<kml/>")
    (ride / "empty").mkdir()
    for track, photos in (("bad.gpx", "photos"), ("track.gpx", "empty")):
        result = run(ride / track, "--photos", ride / photos, "--index", "x")
        assert (result.exit_code, "Traceback" in result.output) == (2, False)
