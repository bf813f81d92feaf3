"""A photo in a real browser: where its marker stands, how large its ellipse is, and what else is told."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.geo import offset
from tests.service.page.conftest import Watched, as_json, written
from tests.service.world import encode, panorama, position, sector_colours

pytestmark = pytest.mark.slow
VARIANCE_M2 = 64**2 / 12 + 5**2
"""Of a place in the painted world, each way: a tile that stands for 64 m, and 5 m for the model."""


def shot(seen: Watched) -> NDArray[np.int64]:
    seen.settled()
    return np.asarray(Image.open(io.BytesIO(seen.page.screenshot())).convert("RGB")).astype(np.int64)


def pixel(seen: Watched, lat: float, lon: float) -> tuple[float, float]:
    """Where the map draws a place, in pixels of the window."""
    x, y = seen.map("(({ x, y }) => [x, y])(map.project(given))", lon, lat)
    box = seen.page.locator("#map").bounding_box()
    assert box is not None
    return box["x"] + float(x), box["y"] + float(y)


def tip(seen: Watched, selector: str) -> tuple[float, float]:
    box = seen.page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"]


def test_the_marker_of_a_dropped_photo_stands_at_the_true_place(seen: Watched) -> None:
    seen.click_sample(1)
    width = seen.page.evaluate("() => document.getElementById('map').clientWidth")
    for number in (1, 2, 3):
        seen.click_sample(number)
        seen.settled()
        true = pixel(seen, *position((7, 20, 33)[number - 1]))
        assert math.dist(tip(seen, ".marker[aria-pressed=true]"), true) < 0.01 * width
    assert "Found" in seen.page.inner_text("#verdict")
    assert "from the true place" in seen.page.inner_text("#verdict")


def test_the_imagery_lies_where_the_map_says(seen: Watched) -> None:
    seen.page.click("#tab-index")
    seen.page.click("#tab-photo")
    picture = shot(seen)
    for number in (0, 14, 35):
        for sector, colour in enumerate(sector_colours(number)):
            azimuth = math.radians(45 * sector + 22.5)
            lat, lon = offset(*position(number), 22 * math.sin(azimuth), 22 * math.cos(azimuth))
            x, y = pixel(seen, float(lat), float(lon))
            assert np.abs(picture[round(y), round(x)] - colour).max() < 40


def test_the_ellipse_is_drawn_to_scale(seen: Watched) -> None:
    seen.click_sample(1)
    seen.map("map.setLayoutProperty('tiles-line', 'visibility', 'none')")
    with_ellipse = shot(seen)
    for part in ("fill", "line"):
        seen.map(f"map.setLayoutProperty('ellipses-{part}', 'visibility', 'none')")
    changed = np.abs(with_ellipse - shot(seen)).max(axis=2) > 8
    ys, xs = np.nonzero(changed)
    lat, lon = position(7)
    half_m = math.sqrt(-2 * math.log(0.05) * VARIANCE_M2)
    (east, north), (here_x, here_y) = offset(lat, lon, half_m, half_m)[::-1], pixel(seen, lat, lon)
    corner = pixel(seen, float(north), float(east))
    assert (xs.max() - xs.min()) / 2 == pytest.approx(corner[0] - here_x, rel=0.03)
    assert (ys.max() - ys.min()) / 2 == pytest.approx(here_y - corner[1], rel=0.03)


def test_a_wrong_file_is_told_and_the_next_photo_is_answered(seen: Watched, tmp_path: Path) -> None:
    seen.take(written(tmp_path, "letter.pdf", b"%PDF-1.4\n" * 200))
    told = seen.page.inner_text("#problem")
    assert "This is no photo that can be read." in told
    assert "not a JPEG, PNG or WebP" in told
    assert not seen.page.is_visible("#preview")
    seen.take(written(tmp_path, "photo.png", encode(panorama(7))))
    assert not seen.page.is_visible("#problem")
    assert seen.page.is_visible("#verdict")


def test_settings_ask_again_and_a_sample_leaves_none_behind(seen: Watched, tmp_path: Path) -> None:
    seen.take(written(tmp_path, "photo.png", encode(panorama(7))))
    assert "70° was assumed" in seen.page.inner_text("#notices")
    seen.page.click("#settings summary")
    with seen.page.expect_response("**/localize?*"):
        seen.page.select_option("#projection", "panorama")
    seen.answered()
    assert "assumed" not in seen.page.inner_text("#notices")
    seen.click_sample(2)
    assert seen.page.input_value("#heading") == "90"
    seen.take(written(tmp_path, "photo.png", encode(panorama(7))))
    assert (seen.page.input_value("#heading"), seen.page.input_value("#projection")) == ("", "")


def test_a_rough_place_is_clicked_on_the_map(seen: Watched) -> None:
    seen.click_sample(1)
    seen.page.click("#settings summary")
    seen.page.click("#prior-pick")
    x, y = pixel(seen, *position(7))
    with seen.page.expect_response("**/localize?*") as asked:
        seen.page.mouse.click(x + 25, y + 12)
    wished = asked.value.url
    lat, lon = (float(wished.split(f"{name}=")[1].split("&")[0]) for name in ("lat", "lon"))
    there = pixel(seen, lat, lon)
    seen.answered()
    assert (x + 25, y + 12) == pytest.approx(there, abs=200)
    assert "accuracy_m=100&accuracy_percentile=95" in wished
    assert asked.value.json()["search"]["mode_used"] == "prior"
    assert "within 100 m" in seen.page.inner_text("#prior-told")


def mixed(share: float) -> bytes:
    """What tile 7 and tile 20 look like at once."""
    pixels = share * panorama(7).astype(np.float64) + (1 - share) * panorama(20)
    return encode(pixels.astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "photo", "status", "words", "claims"),
    [
        ("clear", encode(panorama(7)), "localized", "Found", True),
        ("likely", mixed(0.52), "ambiguous", "One place is likely, not certain", True),
        ("several", mixed(0.5), "ambiguous", "Several places fit", True),
        ("nothing", encode(np.zeros((256, 512, 3), np.uint8)), "no_match", "No place fits", False),
    ],
)
def test_a_status_has_its_own_looks_and_words(
    seen: Watched, tmp_path: Path, name: str, photo: bytes, status: str, words: str, claims: bool
) -> None:
    seen.take(written(tmp_path, f"{name}.png", photo))
    seen.page.click("#settings summary")
    seen.page.select_option("#projection", "panorama")
    seen.answered()
    seen.page.wait_for_selector(f"#verdict[data-status={status}]")
    told = seen.page.inner_text("#verdict")
    assert words in told
    assert ("Within 25 m" in told) == claims
    assert seen.page.locator("#verdict .where").count() == claims
    assert seen.page.get_attribute("#map", "data-status") == status
    assert seen.map("map.querySourceFeatures('ellipses').length > 0") == claims


def test_a_rough_place_without_imagery_is_outside(seen: Watched) -> None:
    seen.click_sample(1)
    seen.page.evaluate("() => skyfix.tabs.photo.settings.changePrior([10, 50], 100)")
    seen.page.wait_for_selector("#verdict[data-status=outside_coverage]")
    assert not seen.page.is_visible("#copies")
    assert seen.page.locator(".marker").count() == 0


def test_what_is_left_is_told_beside_the_candidates(seen: Watched, tmp_path: Path) -> None:
    seen.take(written(tmp_path, "several.png", mixed(0.5)))
    seen.page.click("#settings summary")
    with seen.page.expect_response("**/localize?*"):
        seen.page.select_option("#projection", "panorama")
    seen.answered()
    assert "Outside this imagery" in seen.page.inner_text("#candidates li:last-child")
    shares = [float(share.strip("<% ")) for share in seen.page.locator("#candidates .share").all_text_contents()]
    assert sum(shares) == pytest.approx(100, abs=1.5)
    seen.page.click("#candidates li:nth-child(2) button")
    assert seen.page.get_attribute("#candidates li:nth-child(2) button", "aria-pressed") == "true"
    seen.settled()
    assert seen.page.inner_text(".marker[aria-pressed=true]") == "2"
    seen.page.click(".marker:text('1')")
    assert seen.page.get_attribute("#candidates li:nth-child(1) button", "aria-pressed") == "true"


def test_what_the_answer_rests_on_is_laid_over_photo_and_tile(seen: Watched) -> None:
    seen.click_sample(1)
    read = "(canvas) => canvas.toDataURL()"
    canvases = [seen.page.locator(f"#compare-{which}") for which in ("photo", "tile")]
    before = [canvas.evaluate(read) for canvas in canvases]
    with seen.page.expect_response("**/localize?*include=attention*") as asked:
        seen.page.click("#attention")
    assert asked.value.json()["attention"]["kind"] == "contribution"
    seen.page.wait_for_selector("#drop:not([aria-busy])")
    seen.settled()
    assert all(canvas.evaluate(read) != plain for canvas, plain in zip(canvases, before, strict=True))


def test_an_answer_is_copied(seen: Watched) -> None:
    seen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seen.click_sample(1)
    read = "() => navigator.clipboard.readText()"
    seen.page.click("#copy-coordinates")
    seen.page.get_by_text("Copied.").wait_for()
    lat, lon = (float(part) for part in seen.page.evaluate(read).split(","))
    assert (lat, lon) == pytest.approx(position(7), abs=1e-4)
    seen.page.click("#copy-geojson")
    collection = as_json(seen.page.evaluate(read))
    assert [feature["properties"]["kind"] for feature in collection["features"]] == ["candidate", "ellipse"]
    seen.page.click("#copy-curl")
    assert seen.page.evaluate(read).startswith("curl -H 'Content-Type: image/png'")


def test_a_photo_that_is_too_large_is_scaled_down_in_the_page(seen: Watched, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(-40, 40, (3648, 5472, 1))
    pixels = np.asarray(Image.fromarray(panorama(7)).resize((5472, 3648))) + noise
    large = encode(np.clip(pixels, 0, 255).astype(np.uint8), "JPEG", quality=97)
    assert len(large) > 8 * 1024 * 1024
    with seen.page.expect_request("**/localize?*") as asked:
        seen.take(written(tmp_path, "large.jpg", large))
    assert asked.value.headers["content-type"] == "image/jpeg"
    assert seen.page.is_visible("#verdict")


def test_a_photo_is_pasted(seen: Watched) -> None:
    seen.page.evaluate(
        """async () => {
          const blob = await (await fetch("samples/7.png")).blob();
          const data = new DataTransfer();
          data.items.add(new File([blob], "pasted.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
        }"""
    )
    seen.page.wait_for_selector("body[data-photo=own]")
    seen.answered()
    assert "pasted.png" in seen.page.inner_text("#drop-text")
