from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from index.build import build_index
from index.commands import command
from index.report.grid import MOST_BINS, Grid
from index.report.histograms import MOST_BARS, count_dates, count_resolutions
from index.report.left_out import read_left_out
from index.report.maps import Scale, round_length
from index.report.page import _metres
from index.report_command import choose_rows
from models.cells import Cells
from models.encoder import FakeEncoder
from models.errors import IndexMismatch, UsageError
from models.geo import offset
from tests.index.made import Noise


class _Page(HTMLParser):
    """Collects tags, what they point to, and squares of maps."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


@pytest.fixture
def report(tmp_path: Path) -> str:
    source = Noise(120, bad=(3,), blank=(5, 6), name="<script>alert(1)</script>", attribution="A & B <i>")
    build_index(source, FakeEncoder(cells=Cells(per_side=3, spacing_m=8.0)), tmp_path / "i", name="town")
    options = ["--index", str(tmp_path / "i"), "--out", str(tmp_path / "r.html"), "--far-m", "100", "--json"]
    result = CliRunner().invoke(command, ["report", *options])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["tiles"], told["index"]) == (117, "town@1")
    assert [view["fov_deg"] for view in told["views"]] == [360.0, 90.0]
    assert 0 <= told["views"][0]["twin_share"] <= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["i", "r.html"]
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def test_lengths_are_written_for_people() -> None:
    assert [_metres(value) for value in (32.0, 999.4, 2213.7)] == ["32 m", "999 m", "2.21 km"]


def test_the_page_stands_alone_and_runs_nothing(report: str) -> None:
    page = _Page(report)
    assert "script" not in page.tags
    assert page.links == []
    assert "http://" not in report
    assert "https://" not in report
    assert "&lt;script&gt;" in report
    assert "A &amp; B &lt;i&gt;" in report


def test_the_page_shows_every_tile_on_both_maps_and_why_others_are_missing(report: str) -> None:
    assert report.count("<rect") >= 2 * 117
    assert "It was eaten by mice." in report
    assert "tile_blank" in report
    assert "Will it work here?" in report
    assert "The most confusable pairs" in report
    assert "2025-06" in report


def test_a_report_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["report", "--index", str(tmp_path), "--out", str(tmp_path / "r.pdf")])
    assert isinstance(result.exception, UsageError)


def test_tiles_of_a_grid_each_get_a_bin_of_their_own() -> None:
    column, row = np.meshgrid(np.arange(12), np.arange(7))
    lat, lon = offset(70.0, 179.9999, column.ravel() * 20.0, -row.ravel() * 20.0)
    grid = Grid.over(lat, lon, 20.0)
    assert (grid.rows, grid.columns) == (7, 12)
    assert grid.bins(lat, lon).tolist() == list(range(84))


def test_a_wide_area_has_few_bins() -> None:
    lat, lon = offset(50.0, 10.0, np.linspace(0, 90_000, 5000), np.linspace(0, 3_000, 5000))
    grid = Grid.over(lat, lon, 20.0)
    assert max(grid.rows, grid.columns) <= MOST_BINS
    assert grid.bins(lat, lon).max() < grid.rows * grid.columns


def test_colours_run_from_blue_to_red() -> None:
    scale = Scale(0.2, 1.0)
    assert (scale.colour(0.0), scale.colour(0.2), scale.colour(5.0)) == ("#2c7bb6", "#2c7bb6", "#c4142b")
    assert [round_length(m) for m in (0.7, 99.0, 250.0, 5000.0)] == [0.5, 50.0, 200.0, 5000.0]


def test_dates_are_counted_by_what_leaves_few_enough_bars() -> None:
    assert count_dates(["2025-06-01", "2025-06-01", None]) == {"2025-06-01": 2, "unknown": 1}
    days = [f"2025-{month:02d}-{day:02d}" for month in (6, 7) for day in range(1, 29)]
    assert count_dates(days) == {"2025-06": 28, "2025-07": 28}
    months = [f"{year}-{month:02d}" for year in (2023, 2024) for month in range(1, 13)]
    assert count_dates(months) == {"2023": 12, "2024": 12}
    years = count_dates([str(year) for year in range(1990, 2026)])
    assert sum(years.values()) == 36
    assert len(years) <= MOST_BARS
    assert count_dates([None, None]) == {"unknown": 2}


def test_resolutions_are_counted_in_few_bars() -> None:
    assert count_resolutions(np.array([0.2, 0.2001, 0.5])) == {"0.2": 2, "0.5": 1}
    many = count_resolutions(np.geomspace(0.1, 5.0, 500))
    assert sum(many.values()) == 500
    assert len(many) == MOST_BARS


def test_reasons_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([("id", "code", "reason"), ("a", "x", "one"), ("b", "y", "two"), ("c", "y", "three")])
    first, second = read_left_out(path)
    assert (first.code, first.count, first.first_id, first.first_reason) == ("y", 2, "b", "two")
    assert (second.code, second.count) == ("x", 1)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(IndexMismatch):
        read_left_out(path)


def test_a_sample_is_spread_evenly_and_never_larger_than_the_index() -> None:
    assert choose_rows(100, 25, None).tolist() == list(range(100))
    assert choose_rows(1000, 1, 3).tolist() == [0, 499, 999]
    assert choose_rows(5, 1, 50).tolist() == [0, 1, 2, 3, 4]
    assert len(choose_rows(1_000_000, 25, None)) == 64
