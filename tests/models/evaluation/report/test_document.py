from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.encoder import Encoder, FakeEncoder
from models.errors import UsageError
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.report.document import check_report_path, render_report, write_report
from models.evaluation.report.pictures import HITS, MISSES, spread_hits, worst_misses
from models.evaluation.report.wording import is_synthetic
from models.evaluation.robustness import measure_robustness
from models.evaluation.run import Run, run_protocol
from models.sample_city.jpeg import write_photo
from tests.models.datasets.made import made_cvusa, made_pairs
from tests.models.datasets.scenes import panorama, scene

VOID = {"meta", "img", "line", "br"}


class _Page(HTMLParser):
    """Checks that tags close in order and gathers what a browser would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        assert tag not in ("script", "link", "iframe")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


Measure = Callable[..., Run]


@pytest.fixture(scope="module")
def measure(tmp_path_factory: pytest.TempPathFactory) -> Measure:
    folder = tmp_path_factory.mktemp("report")
    pairs = PROTOCOLS["cvusa"].open(made_cvusa(folder / "cvusa", 24, val=20))

    def run(encoder: Encoder, name: str, corruption: str | None = None, command: str = "skyfix evaluate") -> Run:
        settings = PROTOCOLS["cvusa"].settings(encoder.manifest, orientation="unknown", fov_deg=180.0)
        chosen = settings if corruption is None else settings.corrupted(corruption, 3)
        return run_protocol(encoder, pairs, "cvusa", chosen, folder / name, command=command)

    return run


@pytest.fixture(scope="module")
def run(measure: Measure) -> Run:
    found: Run = measure(FakeEncoder(12), "plain", command='skyfix evaluate --root "a <b>"')
    return found


def test_the_page_is_whole_and_asks_for_nothing_outside(run: Run) -> None:
    page = _Page(render_report([run]))
    assert page.open == []
    assert page.sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert re.search(r"(?:url\(|@import)", render_report([run])) is None


def test_every_figure_has_the_name_of_its_convention(run: Run) -> None:
    words = " ".join(_Page(render_report([run])).words)
    for name in ("against the model", "for the model, as published", "floor-plus-one", "K = 1", "Recall at K"):
        assert name in words
    assert f"{100 * run.result.recall_at_5:.2f}" in words
    assert run.result.model_sha256 in words
    assert "Apache-2.0" in words
    assert "Mean colours, not a trained model." in words


def test_names_are_text_and_never_markup(run: Run) -> None:
    html = render_report([run])
    assert "a <b>" not in html
    assert "a &lt;b&gt;" in html


def test_misses_and_hits_are_shown_with_rank_and_similarity(run: Run) -> None:
    rank = run.measured.ranking.ranks("pessimistic")
    shown = min(MISSES, int((rank > 0).sum())) + min(HITS, int((rank == 0).sum()))
    page = _Page(render_report([run]))
    assert len(page.sources) == 7 * shown
    worst = int(rank.max()) + 1
    assert any(f"right tile: rank {worst} of 20" in word for word in page.words)
    picture = Image.open(io.BytesIO(base64.b64decode(page.sources[0].split(",")[1])))
    assert max(picture.size) <= 360


def test_runs_and_robustness_share_a_page(measure: Measure, run: Run) -> None:
    foggy = measure(FakeEncoder(12), "foggy", "fog")
    robustness = measure_robustness(run, ["fog"], [3], lambda *_: foggy)
    words = " ".join(_Page(render_report([run], [robustness])).words)
    assert "R@1 under corruption" in words
    assert f"{100 * foggy.result.recall_at_1:.2f}" in words


def test_synthetic_pairs_are_called_synthetic(tmp_path: Path) -> None:
    pairs = PROTOCOLS["own"].open(made_pairs(tmp_path))
    assert not is_synthetic(pairs)
    write_photo(tmp_path / "g" / "0.jpg", panorama(scene(1), 64, 96), 70.0, 90)
    assert is_synthetic(pairs)
    settings = PROTOCOLS["own"].settings(FakeEncoder(12).manifest, orientation="known")
    found = run_protocol(FakeEncoder(12), pairs, "own", settings, tmp_path / "e")
    assert "synthetic" in " ".join(_Page(render_report([found])).words)


def test_real_pairs_are_not(run: Run) -> None:
    assert "synthetic" not in " ".join(_Page(render_report([run])).words)


def test_the_file_is_what_was_rendered(run: Run, tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", [run])
    assert (tmp_path / "r.html").read_text() == render_report([run])


@pytest.mark.parametrize("name", ["report.txt", "missing/report.html", "."])
def test_a_report_that_could_not_be_written_is_refused_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        check_report_path(tmp_path / name)


def test_the_worst_misses_come_first_and_hits_are_spread() -> None:
    assert worst_misses(np.array([0, 3, 9, 0, 3])).tolist() == [2, 1, 4]
    assert spread_hits(np.array([1, 0, 0, 5, 0])).tolist() == [1, 2, 4]
    assert len(worst_misses(np.arange(1, 100))) == MISSES
    spread = spread_hits(np.zeros(100, dtype=np.int64))
    assert (len(spread), spread[0], spread[-1]) == (HITS, 0, 99)
