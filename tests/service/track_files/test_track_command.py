"""`skyfix track` as a user runs it, on a walk through the painted world."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from index.build import build_index
from models.bundle import ModelBundle
from models.calibration.delivery import deliver
from models.encoder import OnnxEncoder
from models.geo import distance_m
from service.cli import main
from service.track_files.geojson import read_geojson
from service.track_files.gpx import read_gpx
from service.track_files.gpx_writing import write_gpx
from service.track_files.points import Track, TrackPoint
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import FOOTPRINT_M, PaintedTiles, encode, panorama, position

AT = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)
WAY = [0, 1, 2, 8, 14, 15, 16]
EVERY_S = 12


@pytest.fixture(scope="module")
def options(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options of a calibrated model and an index that it made."""
    folder = tmp_path_factory.mktemp("calibrated")
    bundle = deliver(tiny_bundle, CALIBRATION, folder / "bundle")
    build_index(PaintedTiles(), OnnxEncoder(bundle), folder / "index", name="painted")
    told = ["--index", folder / "index", "--bundle", bundle.folder, "--projection", "panorama", "--fov", "360"]
    return [*map(str, told)]


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """Photos of some tiles, one after another, named by their times."""
    folder = tmp_path / "walk"
    folder.mkdir()
    for number, tile in enumerate(WAY):
        name = f"{AT + timedelta(seconds=EVERY_S * number):%Y%m%d_%H%M%S}Z.jpg"
        (folder / name).write_bytes(encode(panorama(tile, 90.0), "JPEG", quality=95))
    return folder


def run(source: Path, options: list[str], *more: str | Path) -> Result:
    return CliRunner().invoke(main, ["track", str(source), *options, *map(str, more)])


@pytest.fixture
def fixes(tmp_path: Path) -> Path:
    """What a receiver said on that walk."""
    points = [
        TrackPoint(*position(tile), AT + timedelta(seconds=EVERY_S * number), accuracy_m=20.0, accuracy_percentile=68.0)
        for number, tile in enumerate(WAY)
    ]
    write_gpx(tmp_path / "gps.gpx", [Track(tuple(points))])
    return tmp_path / "gps.gpx"


def test_files_and_a_picture_are_written(walk: Path, options: list[str], fixes: Path, tmp_path: Path) -> None:
    gpx, geojson, picture = (tmp_path / f"out.{suffix}" for suffix in ("gpx", "geojson", "png"))
    result = run(walk, options, "--fixes", fixes, "--gpx", gpx, "--geojson", geojson, "--picture", picture)
    assert result.exit_code == 0, result.output
    assert "placed" in result.stdout
    points = read_gpx(gpx).points
    assert [point.timestamp for point in points] == [AT + timedelta(seconds=EVERY_S * n) for n in range(len(WAY))]
    for point, tile in zip(points, WAY, strict=True):
        assert float(distance_m(point.lat, point.lon, *position(tile))) < FOOTPRINT_M / 2
        assert (point.status, point.accuracy_percentile) == ("localized", 95.0)
    assert [point.lat for point in read_geojson(geojson).points] == [point.lat for point in points]
    with Image.open(picture) as drawn:
        assert drawn.size == (1400, 1000)


def test_what_is_undecided_is_no_part_of_the_track(walk: Path, options: list[str], tmp_path: Path) -> None:
    """Tiles lie 100 m apart here, so no photo alone says within 25 m where it was taken."""
    result = run(walk, options, "--gpx", tmp_path / "out.gpx", "--picture", tmp_path / "out.jpg")
    assert "undecided" in result.stdout
    found = read_gpx(tmp_path / "out.gpx")
    assert found.points == ()
    assert {point.status for point in found.waypoints} == {"ambiguous"}
    for point, tile in zip(found.waypoints, WAY, strict=True):
        assert float(distance_m(point.lat, point.lon, *position(tile))) < FOOTPRINT_M / 2


def test_one_json_object_for_machines(walk: Path, options: list[str], tmp_path: Path) -> None:
    (walk / "20261121_202500Z.jpg").write_bytes(b"\xff\xd8\xff broken")
    told = json.loads(run(walk, options, "--json", "--gpx", tmp_path / "a.gpx", "--every", "24").stdout)
    assert told["photos"] == sum(told["statuses"].values()) == 4
    assert [step["seconds"] for step in told["steps"]] == [0, 24, 48, 72]
    assert "photo_unusable" in {notice["code"] for notice in told["notices"]}
    assert told["files"] == {"gpx": str(tmp_path / "a.gpx")}


def test_odometry_is_read(walk: Path, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "wheels.csv").write_text("time,speed_mps\n2026-11-21T20:23:10Z,8\n2026-11-21T20:24:30Z,8\n")
    start = f"{','.join(map(str, position(WAY[0])))},20"
    more = ("--start", start, "--odometry", tmp_path / "wheels.csv", "--json")
    told = json.loads(run(walk, options, *more).stdout)
    assert told["steps"][0]["status"] == "localized"
    assert told["steps"][0]["radius_m_95"] < 30


def test_positions_in_the_photos_are_used_when_asked_for(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    for number, tile in enumerate(WAY):
        tags = Image.Exif()
        lat, lon = position(tile)
        tags.get_ifd(0x8825).update({1: "N", 2: (lat, 0.0, 0.0), 3: "E", 4: (lon, 0.0, 0.0), 31: 15.0})
        data = encode(panorama(tile, 90.0), "JPEG", quality=95, exif=tags)
        (tmp_path / "own" / f"{AT + timedelta(seconds=EVERY_S * number):%Y%m%d_%H%M%S}Z.jpg").write_bytes(data)
    used = json.loads(run(tmp_path / "own", options, "--json", "--use-exif-gps").stdout)
    ignored = json.loads(run(tmp_path / "own", options, "--json").stdout)
    assert used["statuses"] == {"localized": len(WAY)}
    assert ignored["statuses"] == {"ambiguous": len(WAY)}
    assert "exif_gps_ignored" in {notice["code"] for notice in ignored["notices"]}


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--start", "52,13"), 2, "LAT,LON,M"),
        (("--start", "95,13,60"), 2, "lat"),
        (("--begin", "noon"), 2, "--begin takes a time"),
        (("--zone", "CET"), 2, "--zone takes an offset"),
        (("--picture", "out.gif"), 2, ".png"),
        (("--every", "0"), 2, "too many"),
        (("--fps", "-1"), 2, "positive"),
        (("--fixes", "README.md"), 2, "neither GPX nor GeoJSON"),
        (("--gpx", "nowhere/out.gpx"), 4, "cannot be written"),
    ],
)
def test_what_is_wrong_is_said(walk: Path, options: list[str], more: tuple[str, str], code: int, words: str) -> None:
    result = run(walk, options, *more)
    assert result.exit_code == code, result.output
    assert words in result.stderr


def test_a_model_without_calibration_cannot_follow(walk: Path, tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), tmp_path / "index", name="painted")
    told = ["--index", str(tmp_path / "index"), "--bundle", str(tiny_bundle.folder)]
    result = run(walk, told)
    assert result.exit_code != 0
    assert "no calibration" in result.stderr


def test_where_nothing_is_placed_nothing_is_drawn(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "dark").mkdir()
    for number in range(3):
        (tmp_path / "dark" / f"{number}.jpg").write_bytes(encode(0 * panorama(0), "JPEG"))
    result = run(tmp_path / "dark", options, "--picture", tmp_path / "out.png", "--gpx", tmp_path / "out.gpx")
    assert result.exit_code == 0, result.output
    assert "no_picture" in result.stdout
    assert not (tmp_path / "out.png").exists()
    assert read_gpx(tmp_path / "out.gpx").points == ()
