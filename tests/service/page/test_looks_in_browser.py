"""The page in Korean, on a phone, by keyboard alone, and under the eyes of axe-core."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tarfile
import urllib.request
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from service.page.files import STATIC
from service.page.vendor import REGISTRY
from tests.service.door.conftest import Running
from tests.service.page.conftest import Watched, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
AXE = "4.14.1"
AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
TABS = ("photo", "index", "track")


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core (MPL-2.0), fetched for the tests only and kept outside the repository."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "skyfix-tests"
    package = cache / f"axe-core-{AXE}.tgz"
    if not package.is_file():
        registry = os.environ.get("NPM_CONFIG_REGISTRY", REGISTRY).rstrip("/")
        try:
            with urllib.request.urlopen(f"{registry}/axe-core/-/axe-core-{AXE}.tgz", timeout=60) as response:
                content = response.read()
        except OSError as error:
            pytest.skip(f"axe-core cannot be fetched: {error}")
        cache.mkdir(parents=True, exist_ok=True)
        package.write_bytes(content)
    content = package.read_bytes()
    assert base64.b64encode(hashlib.sha512(content).digest()).decode() == AXE_SHA512
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def serious(seen: Watched, axe: str) -> list[str]:
    """What axe-core finds that shuts somebody out, rule and place."""
    seen.page.evaluate(axe)  # by the debugger: the page's own policy would refuse it
    found: dict[str, Any] = seen.page.evaluate("() => axe.run({ resultTypes: ['violations'] })")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_axe_finds_nothing_serious(browser: Browser, house: Running, axe: str, scheme: str, width: int) -> None:
    url = f"http://127.0.0.1:{house.port}/"
    with watched(browser, url, color_scheme=scheme, viewport={"width": width, "height": 900}) as seen:
        seen.open()
        assert serious(seen, axe) == []
        seen.click_sample(1)
        seen.page.click("#settings summary")
        assert serious(seen, axe) == []
        for tab in ("index", "track"):
            seen.page.click(f"#tab-{tab}")
            assert serious(seen, axe) == []
        seen.page.click("#key-button")
        assert serious(seen, axe) == []
        assert seen.complaints == []


@pytest.mark.parametrize("width", [1400, 390, 320])
def test_nothing_is_wider_than_the_window(browser: Browser, house: Running, width: int) -> None:
    url = f"http://127.0.0.1:{house.port}/"
    with watched(browser, url, viewport={"width": width, "height": 800}) as seen:
        seen.open()
        seen.click_sample(1)
        seen.page.click("#settings summary")
        for tab in TABS:
            seen.page.click(f"#tab-{tab}")
            assert seen.page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
            assert seen.page.locator("#panel").evaluate("(panel) => panel.scrollWidth - panel.clientWidth") <= 0


def test_korean_is_there_and_drawn(browser: Browser, house: Running) -> None:
    with watched(browser, f"http://127.0.0.1:{house.port}/", locale="ko-KR") as seen:
        page = seen.open()
        texts: dict[str, str] = json.loads((STATIC / "messages" / "ko.json").read_text(encoding="utf-8"))
        assert page.get_attribute("html", "lang") == "ko"
        for element in page.locator("[data-text]").all():
            assert element.text_content() == texts[element.get_attribute("data-text") or ""]
        seen.click_sample(1)
        assert texts["status_localized"] in page.inner_text("#verdict")
        if not page.evaluate(DISTINCT):
            pytest.skip("this machine has no Korean font")
        page.select_option("#language", "en")
        page.get_by_text("Found").wait_for()
        assert page.get_attribute("html", "lang") == "en"
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert page.input_value("#language") == "en"


DISTINCT = """() => {
  const drawn = (text) => {
    const canvas = new OffscreenCanvas(40, 40);
    const context = canvas.getContext("2d");
    context.font = `30px ${getComputedStyle(document.body).fontFamily}`;
    context.fillText(text, 2, 32);
    return context.getImageData(0, 0, 40, 40).data.join();
  };
  return drawn("\ud55c") !== drawn("\uae00");
}"""


def test_everything_is_reached_by_keyboard(seen: Watched) -> None:
    page = seen.page
    page.wait_for_selector("#sample-list li")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#panel-index")
    assert page.evaluate("() => document.activeElement.id") == "tab-index"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#panel-photo")
    for _ in range(15):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.closest('#sample-list') !== null"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-photo]")
    seen.answered()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator("*:focus")
        if focused.count() == 0:
            break  # beyond the page
        reached.add(focused.evaluate("(element) => element.id || element.className || element.localName"))
        assert focused.evaluate("(element) => getComputedStyle(element).outlineStyle") != "none"
    assert {"copy-coordinates", "turned", "marker maplibregl-marker maplibregl-marker-anchor-bottom"} <= reached
    roles = page.locator("[role=tab]").evaluate_all("(tabs) => tabs.map((tab) => tab.getAttribute('aria-selected'))")
    assert roles == ["true", "false", "false"]


def test_a_phone_shows_map_and_verdict_at_once(browser: Browser, house: Running) -> None:
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with watched(browser, f"http://127.0.0.1:{house.port}/", **options) as seen:
        page = seen.open()
        assert page.is_visible("#camera")
        seen.click_sample(1)
        seen.settled()
        for selector in (".marker[aria-pressed=true]", "#verdict .where"):
            box = page.locator(selector).bounding_box()
            assert box is not None
            assert 0 <= box["x"] <= 390
            assert 0 <= box["y"] <= 844 - box["height"]
