"""Keys, services that end, browsers without WebGL, builds without the map library: what the page then says."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from service.door.issuing import new_key
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.door.conftest import running
from tests.service.page.conftest import PATIENCE_MS, Watched, chromium, serving, watched, written
from tests.service.running import free_port
from tests.service.world import encode, panorama

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("map_library")]


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    return written(tmp_path, "photo.png", encode(panorama(7)))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def key(key_file: Path) -> str:
    return new_key(key_file, "reader", ("localize",), datetime.now(UTC))[0]


@pytest.fixture
def locked(browser: Browser, pictured: IndexLocalizer, key_file: Path, key: str) -> Iterator[Watched]:  # noqa: ARG001
    """The page of a service that asks for keys."""
    with (
        running(Settings(key_file=key_file), pictured) as service,
        watched(browser, f"http://127.0.0.1:{service.port}/") as found,
    ):
        found.page.goto(found.url)
        yield found
        assert found.strangers == []


def test_a_key_is_asked_for_kept_in_the_tab_and_sent_with_map_tiles(
    locked: Watched, key: str, photo_file: Path
) -> None:
    page = locked.page
    page.wait_for_selector("#key-dialog[open]")
    assert not page.is_visible("#key-refused")
    page.fill("#key", "sk_wrong")
    page.press("#key", "Enter")
    page.wait_for_selector("#key-refused", state="visible")
    page.fill("#key", key)
    with page.expect_response("**/map/**") as tile:
        page.click("#key-dialog button[value=keep]")
    assert tile.value.status in (200, 204)
    page.wait_for_selector("body[data-ready]")
    locked.take(photo_file)
    assert page.is_visible("#verdict")
    assert key in page.evaluate("() => Object.values(sessionStorage).join()")
    assert key not in page.evaluate("() => Object.values(localStorage).join() + document.cookie")
    assert key not in page.content()

    other = locked.context.new_page()
    other.goto(locked.url)
    other.wait_for_selector("#key-dialog[open]")
    assert key not in other.evaluate("() => Object.values(sessionStorage).join()")

    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.click("#key-button")
    page.click("#key-dialog button[value=forget]")
    assert key not in page.evaluate("() => Object.values(sessionStorage).join()")


def test_a_service_that_ends_keeps_the_photo_and_is_asked_again(
    browser: Browser, pictured: IndexLocalizer, samples: Path, photo_file: Path
) -> None:
    with watched(browser, f"http://127.0.0.1:{(port := free_port())}/") as found:
        with serving(Settings(page_samples=samples), pictured, port):
            found.open()
            found.click_sample(1)
        found.take(photo_file)
        assert "The service does not answer." in found.page.inner_text("#problem")
        assert found.page.is_visible("#preview")
        assert not found.page.is_visible("#verdict")
        with serving(Settings(page_samples=samples), pictured, port):
            found.page.get_by_role("button", name="Try again").click()
            found.page.wait_for_selector("#verdict", state="visible")
            assert not found.page.is_visible("#problem")


def test_a_page_that_is_opened_too_early_begins_by_itself(browser: Browser, pictured: IndexLocalizer) -> None:
    port = free_port()
    with serving(Settings(), pictured, port), watched(browser, f"http://127.0.0.1:{port}/") as found:
        found.context.route("**/info", lambda route: route.fulfill(status=503, json={"code": "not_ready"}), times=1)
        found.page.goto(found.url)
        found.page.get_by_text("still loading").wait_for()
        found.page.wait_for_selector("body[data-ready]", timeout=PATIENCE_MS)
        assert not found.page.is_visible("#problem")


def test_without_webgl_places_are_told_in_numbers(browser: Browser, pictured: IndexLocalizer, photo_file: Path) -> None:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]
    blind = browser.browser_type.launch(executable_path=chromium(), args=flags)
    with running(Settings(), pictured) as service, watched(blind, f"http://127.0.0.1:{service.port}/") as found:
        found.open()
        assert "no WebGL" in found.page.inner_text("#map-note")
        found.take(photo_file)
        assert found.page.is_visible("#verdict")
        found.page.wait_for_selector("#compare", state="visible")
    blind.close()


def test_without_the_map_library_places_are_told_in_numbers(
    browser: Browser, pictured: IndexLocalizer, photo_file: Path
) -> None:
    """As a service answers that was built without it."""
    with running(Settings(), pictured) as service, watched(browser, f"http://127.0.0.1:{service.port}/") as found:
        found.context.route("**/page/vendor/**", lambda route: route.fulfill(status=404, body=""))
        found.open()
        assert "service.page.vendor" in found.page.inner_text("#map-note")
        found.take(photo_file)
        assert found.page.is_visible("#verdict")


def test_an_index_without_imagery_says_how_to_have_it(
    browser: Browser, localizer: IndexLocalizer, photo_file: Path
) -> None:
    with running(Settings(), localizer) as service, watched(browser, f"http://127.0.0.1:{service.port}/") as found:
        found.open()
        assert "--thumbnails" in found.page.inner_text("#map-note")
        found.take(photo_file)
        assert "Ranked by likeness" in found.page.inner_text("#verdict")  # this one is not calibrated
        assert found.page.locator(".marker").count() > 1
        assert found.complaints == []


def test_nothing_violates_the_policy(browser: Browser, pictured: IndexLocalizer, samples: Path) -> None:
    with (
        running(Settings(page_samples=samples), pictured) as service,
        watched(browser, f"http://127.0.0.1:{service.port}/") as found,
    ):
        found.context.add_init_script(
            "addEventListener('securitypolicyviolation', (event) => (globalThis.broken ??= []).push(event.blockedURI));"
        )
        found.open()
        for tab in ("index", "track", "photo"):
            found.page.click(f"#tab-{tab}")
        found.click_sample(1)
        found.settled()
        assert found.page.evaluate("() => globalThis.broken ?? []") == []
        assert found.page.evaluate("() => fetch('https://example.org/').catch(() => 'refused')") == "refused"
        assert found.page.evaluate("() => globalThis.broken.length") == 1
        found.complaints.clear()


@pytest.mark.parametrize("there", [True, False])
def test_an_operators_base_map_lies_below_the_imagery(browser: Browser, pictured: IndexLocalizer, there: bool) -> None:
    url = "https://maps.example.org/style.json"
    layer = {"id": "ground", "type": "background", "paint": {"background-color": "#123456"}}
    style = {"version": 8, "sources": {}, "layers": [layer], "glyphs": "https://maps.example.org/{fontstack}/{range}"}
    with (
        running(Settings(page_style_url=url), pictured) as service,
        watched(browser, f"http://127.0.0.1:{service.port}/") as found,
    ):
        answer = {"json": style, "headers": {"Access-Control-Allow-Origin": "*"}} if there else {"status": 500}
        found.context.route(url, lambda route: route.fulfill(**answer))
        found.open()
        found.settled()
        order = found.map("map.getStyle().layers.map((layer) => layer.id)")
        assert order[:2] == (["base-ground", "imagery"] if there else ["imagery", "outside-fill"])
        picture = Image.open(io.BytesIO(found.page.screenshot())).convert("RGB")
        assert (picture.getpixel((470, 800)) == (0x12, 0x34, 0x56)) == there
        assert found.strangers == []
