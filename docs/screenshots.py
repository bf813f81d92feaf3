"""Take the pictures of the page that the documents show: `make screenshots`, which wants Chromium.

They are of the demo's city, clicked as a reader would click. Fonts and rounding are those of the machine; all else is
the same on every run.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from models.bundle import default_bundle_path, open_model_bundle
from models.pairs import read_pairs
from service.commands.demo import index_city, render_city
from service.demo import free_port, offer_samples, plan_shots, running_service

SEED, EXTENT_M, PICTURES = 2026, 600.0, 6  # as `skyfix demo` has them
FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
PATIENCE_MS = 60_000
DRAWN = "() => new Promise((done) => skyfix.map.map.once('idle', done).triggerRepaint())"
DESK: dict[str, Any] = {"viewport": {"width": 1400, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@dataclass(frozen=True)
class Picture:
    """One picture: a window, and what is done in it."""

    name: str
    steps: Callable[[Page], None]
    context: dict[str, Any] = field(default_factory=lambda: DESK)


def click_sample(page: Page, number: int) -> None:
    page.click(f"#sample-list li:nth-child({number}) button", timeout=PATIENCE_MS)
    page.wait_for_selector("body[data-photo]")
    page.wait_for_selector("#drop:not([aria-busy])", timeout=PATIENCE_MS)
    page.wait_for_selector("#verdict .name", timeout=PATIENCE_MS)


PICTURES_OF = (
    Picture("page", lambda page: click_sample(page, 12)),
    Picture("page-ambiguous", lambda page: click_sample(page, 8), DESK | {"color_scheme": "dark"}),
    Picture("page-phone", lambda page: click_sample(page, 2), PHONE),
)


def main(work: Path, out: Path) -> int:
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        print("error: there is no Chromium to take pictures with.", file=sys.stderr)
        return 1
    model = open_model_bundle(default_bundle_path())
    city = render_city(work, SEED, EXTENT_M, PICTURES)
    index = index_city(city, model, work)
    samples = offer_samples(plan_shots(read_pairs(city / "pairs.csv"), SEED), work / "samples")
    with (
        running_service(index, model.folder, free_port(8080), free_port(9090), samples) as (url, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        for picture in PICTURES_OF:
            context = browser.new_context(**picture.context, locale="en-GB", reduced_motion="reduce")
            page = context.new_page()
            page.goto(url)
            page.wait_for_selector("body[data-ready]", timeout=PATIENCE_MS)
            picture.steps(page)
            page.evaluate(
                "() => new Promise((done) => { skyfix.map.map.once('idle', done); skyfix.map.map.triggerRepaint(); })"
            )
            page.mouse.move(0, 0)
            written = write(page.screenshot(), out / f"{picture.name}.webp")
            print(f"{picture.name}.webp: {written // 1024} KiB")
            context.close()
        browser.close()
    return 0


def write(content: bytes, path: Path) -> int:
    """Write a picture as WebP; give its size."""
    Image.open(io.BytesIO(content)).convert("RGB").save(path, quality=88, method=6)
    return path.stat().st_size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the demo's city and index")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder of the pictures")
    given = parser.parse_args()
    sys.exit(main(given.work, given.out))
