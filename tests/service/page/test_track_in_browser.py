"""A track and its photos, corrected by POST /correct and played, in a real browser."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from models.geo import distance_m, offset
from tests.service.page.conftest import Watched, written
from tests.service.world import panorama, position

pytestmark = pytest.mark.slow
TILES = range(6, 12)
"""A street to the east: a tile every 100 m, and every 10 s."""
BEGUN = datetime(2026, 11, 26, 10, tzinfo=UTC)
OFF_M = 25.0
"""The receiver places everything so far north."""


def moment(number: int) -> datetime:
    return BEGUN + timedelta(seconds=10 * number)


def photos(folder: Path) -> list[Path]:
    """Panoramas with the time in their EXIF, and one without."""
    found = []
    for number, tile in enumerate(TILES):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = moment(number).strftime("%Y:%m:%d %H:%M:%S")
        exif.get_ifd(0x8769)[0x9011] = "+00:00"
        stream = io.BytesIO()
        Image.fromarray(panorama(tile)).save(stream, "JPEG", quality=95, exif=exif)
        found.append(written(folder, f"{number}.jpg", stream.getvalue()))
    stream = io.BytesIO()
    Image.fromarray(panorama(0)).save(stream, "JPEG")
    return [*found, written(folder, "timeless.jpg", stream.getvalue())]


def gpx(folder: Path) -> Path:
    points = []
    for number, tile in enumerate(TILES):
        lat, lon = offset(*position(tile), 0.0, OFF_M)
        points.append(
            f'<trkpt lat="{lat:.7f}" lon="{lon:.7f}"><time>{moment(number):%Y-%m-%dT%H:%M:%SZ}</time></trkpt>'
        )
    text = f'<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{"".join(points)}</trkseg></trk></gpx>'
    return written(folder, "track.gpx", text.encode())


def test_a_track_is_corrected_drawn_played_and_saved(seen: Watched, tmp_path: Path) -> None:
    page = seen.page
    page.click("#tab-track")
    page.set_input_files("#track-gpx", str(gpx(tmp_path)))
    page.set_input_files("#track-photos", [str(path) for path in photos(tmp_path)])
    page.select_option("#track-projection", "panorama")
    page.get_by_text("6 of 7 photos were taken within 2 s of a fix.").wait_for()
    with page.expect_response("**/correct") as answered:
        page.click("#track-correct")
    corrected = answered.value.json()["corrected"]
    assert {each["status"] for each in corrected} == {"corrected"}
    page.wait_for_selector("#track-answer:not([hidden])")
    assert "6 corrected" in page.inner_text("#track-summary")
    moved = float(page.inner_text("#track-moment").split("moved by ")[1].split(" m")[0])
    assert moved == pytest.approx(OFF_M, abs=10)
    seen.settled()
    assert seen.map("map.querySourceFeatures('lines').length") >= 2

    page.click("#track-play")
    page.wait_for_function("() => document.getElementById('track-slider').value === '5'")
    page.get_by_role("button", name="Play").wait_for()
    assert page.get_attribute("#track-photo", "alt") == "5.jpg"

    with page.expect_download() as saved:
        page.click("#track-save")
    line = json.loads(Path(saved.value.path()).read_text())["features"][0]
    for (lon, lat), tile in zip(line["geometry"]["coordinates"], TILES, strict=True):
        assert distance_m(lat, lon, *position(tile)) < 10
    assert line["properties"]["coordTimes"][0] == "2026-11-26T10:00:00Z"

    page.click("#tab-photo")
    seen.settled()
    assert seen.map("map.querySourceFeatures('lines').length") == 0


def test_what_is_no_track_is_told(seen: Watched, tmp_path: Path) -> None:
    seen.page.click("#tab-track")
    for name, content in (
        ("a.gpx", b"<gpx/>"),
        ("b.json", b"{"),
        ("c.gpx", b"%PDF"),
        ("d.json", b'{"type": "Feature"}'),
    ):
        seen.page.set_input_files("#track-gpx", str(written(tmp_path, name, content)))
        seen.page.get_by_text("No track was found in this file.").wait_for()
        assert seen.page.is_disabled("#track-correct")
    seen.page.set_input_files("#track-gpx", str(gpx(tmp_path)))
    seen.page.get_by_text("6 fixes.").wait_for()
    assert not seen.page.is_visible("#track-problem")


def test_the_index_says_what_is_where(seen: Watched) -> None:
    seen.page.click("#tab-index")
    facts = seen.page.locator("#index-facts")
    facts.get_by_text("2025-06").wait_for()
    for text in ("painted@1", "36", "2.00 m a pixel", "CC0", "painted by hand", "0.15 km²"):
        assert text in facts.inner_text()
    seen.settled()
    assert seen.map("map.querySourceFeatures('coverage').length > 0")
    lat, lon = position(7)
    x, y = seen.map("(({ x, y }) => [x, y])(map.project(given))", lon, lat)
    seen.page.locator("#map").click(position={"x": x, "y": y})
    seen.page.get_by_text("There is imagery here.").wait_for()
    assert "2025-06" in seen.page.inner_text("#index-here")
    seen.page.locator("#map").click(position={"x": 5, "y": 400})
    seen.page.get_by_text("There is no imagery here.").wait_for()


def test_the_index_shows_where_places_look_alike(seen: Watched) -> None:
    seen.page.click("#tab-index")
    seen.page.wait_for_selector("#alike:not([hidden])")
    seen.settled()
    assert seen.map("map.querySourceFeatures('alike').length") == 0
    seen.page.select_option("#alike-view", "aliasing_360")
    seen.page.get_by_text("tiles that were compared").wait_for()
    seen.settled()
    likeness = seen.map("map.querySourceFeatures('alike').map((square) => square.properties.likeness)")
    assert len(likeness) >= len(TILES)
    assert all(0 <= each <= 1 for each in likeness)
    lat, lon = position(14)
    x, y = seen.map("(({ x, y }) => [x, y])(map.project(given))", lon, lat)
    seen.page.locator("#map").click(position={"x": x, "y": y})
    seen.page.get_by_text("The place most like it").wait_for()
    seen.settled()
    assert seen.map("map.querySourceFeatures('lines').length") >= 1
    seen.page.click("#tab-photo")
    seen.settled()
    assert seen.map("map.querySourceFeatures('alike').length + map.querySourceFeatures('lines').length") == 0
