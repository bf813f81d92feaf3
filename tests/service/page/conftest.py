"""The page in a real browser: Chromium, steered by Playwright, against a service on loopback with the painted world."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from index.build import build_index
from index.bundle import open_index
from index.search import Searcher
from models.encoder import FakeEncoder
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.page import vendor
from service.page.samples import Place, Told, write_samples
from service.server import make_server
from service.settings import Settings
from tests.service.door.conftest import Running, running
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import PaintedTiles, encode, panorama, position

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

PATIENCE_MS = 20_000
FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
"""WebGL without a GPU."""
QUIET = ("Failed to load resource",)
"""What the browser itself writes of an answer that is no success."""


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install -e '.[page-tests]'")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """No longer than a module: while it runs its event loop is this thread's, and asyncio.run is refused."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def map_library() -> None:
    if vendor.main() != 0:
        pytest.skip("the map library is not there and cannot be fetched")


def calibrated(folder: Path) -> IndexLocalizer:
    encoder = FakeEncoder()
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    return IndexLocalizer(encoder, Searcher(open_index(folder)))


@pytest.fixture(scope="session")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> IndexLocalizer:
    """The painted world with its imagery, calibrated."""
    folder = tmp_path_factory.mktemp("pictured") / "index"
    build_index(PaintedTiles(), FakeEncoder(), folder, name="painted", licence="CC0", thumbnails=True)
    return calibrated(folder)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Panoramas of the tiles 7, 20 and 33, looking to 0, 90 and 180 degrees, the heading of the second told."""
    folder = tmp_path_factory.mktemp("samples")
    listed: list[Told] = []
    for number, heading in ((7, 0.0), (20, 90.0), (33, 180.0)):
        (folder / f"{number}.png").write_bytes(encode(panorama(number, heading)))
        lat, lon = position(number)
        truth: Place = {"lat": lat, "lon": lon}
        fields = {"projection": "panorama"} | ({"heading_deg": "90"} if heading == 90.0 else {})
        listed.append({"file": f"{number}.png", "caption": f"tile {number}", "fields": fields, "truth": truth})
    write_samples(folder, listed)
    return folder


@dataclass
class Watched:
    """A page, and what it wrote and asked for."""

    page: Page
    context: BrowserContext
    url: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    """Requests to other hosts; they are not let through."""

    def open(self) -> Page:
        self.page.goto(self.url)
        self.page.wait_for_selector("body[data-ready]", timeout=PATIENCE_MS)
        return self.page

    def answered(self) -> None:
        self.page.wait_for_selector("#drop:not([aria-busy])", timeout=PATIENCE_MS)
        self.page.wait_for_selector("#answer:not([hidden]), #problem:not([hidden])", timeout=PATIENCE_MS)

    def click_sample(self, number: int) -> None:
        self.page.click(f"#sample-list li:nth-child({number}) button")
        self.page.wait_for_selector("body[data-photo]", timeout=PATIENCE_MS)
        self.answered()

    def take(self, *paths: Path) -> None:
        self.page.set_input_files("#file", [str(path) for path in paths])
        self.page.wait_for_selector("body[data-photo]", timeout=PATIENCE_MS)
        self.answered()

    def settled(self) -> None:
        """Wait until the map has drawn everything."""
        self.page.evaluate(
            "() => new Promise((done) => { const { map } = skyfix.map; map.once('idle', done); map.triggerRepaint(); })"
        )

    def map(self, script: str, *given: Any) -> Any:
        """Run `(map, ...given) => script` on the library's map."""
        return self.page.evaluate(f"(given) => ((map, given) => {script})(skyfix.map.map, given)", list(given))


@contextmanager
def watched(browser: Browser, url: str, **options: Any) -> Iterator[Watched]:
    """Open a context of its own whose requests and complaints are kept."""
    with ExitStack() as stack:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, "locale": "en-GB", **options})
        stack.callback(context.close)
        found = Watched(context.new_page(), context, url)

        def pass_on(route: Route) -> None:
            if urlsplit(route.request.url).netloc == urlsplit(url).netloc:
                route.continue_()
            else:
                found.strangers.append(route.request.url)
                route.abort()

        context.route("**/*", pass_on)
        context.on("page", lambda page: watch(page, found))
        watch(found.page, found)
        yield found


def watch(page: Page, found: Watched) -> None:
    def keep(kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(quiet in text for quiet in QUIET) and "GPU stall" not in text:
            found.complaints.append(f"{kind}: {text}")

    page.on("console", lambda message: keep(message.type, message.text))
    page.on("pageerror", lambda error: keep("error", str(error)))


@contextmanager
def serving(settings: Settings, localizer: IndexLocalizer, port: int) -> Iterator[None]:
    """Serve on a port that is told, so that it can be served there again."""
    app = create_app(settings, localizer)
    server = make_server(app, app.state.service)
    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def house(pictured: IndexLocalizer, samples: Path, map_library: None) -> Iterator[Running]:  # noqa: ARG001
    """A service whose index has imagery, with samples."""
    with running(Settings(page_samples=samples), pictured) as service:
        yield service


@pytest.fixture
def seen(browser: Browser, house: Running) -> Iterator[Watched]:
    """The page, opened; at the end it has complained of nothing and asked nobody else."""
    with watched(browser, f"http://127.0.0.1:{house.port}/") as found:
        found.open()
        yield found
        assert found.complaints == []
        assert found.strangers == []


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def as_json(text: str) -> Any:
    return json.loads(text)
