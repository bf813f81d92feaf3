from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from models.evaluation.report.charts import (
    HEIGHT,
    LEFT,
    RIGHT,
    WIDTH,
    Axis,
    Line,
    bar_chart,
    decades,
    share_chart,
    short,
)


def drawn(figure: str) -> ET.Element:
    found = ET.fromstring(figure).find("svg")
    assert found is not None
    return found


@pytest.mark.parametrize(("value", "share"), [(1, 0.0), (10, 0.5), (100, 1.0), (0.01, 0.0), (1000, 1.0)])
def test_a_logarithmic_axis_has_equal_decades_and_keeps_to_its_ends(value: float, share: float) -> None:
    axis = Axis("K", 1, 100, (), is_log=True)
    assert axis.place(value) == pytest.approx(LEFT + share * (WIDTH - LEFT - RIGHT))


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(1, 100, [1, 2, 5, 10, 20, 50, 100]), (1, 30, [1, 2, 5, 10, 20]), (2, 6, [2, 5])]
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert decades(low, high) == ticks


def test_lines_rise_with_their_shares() -> None:
    line = Line("a & b", np.array([1.0, 10.0, 100.0]), np.array([0.0, 0.5, 1.0]), 9)
    figure = share_chart("<title>", Axis("K", 1, 100, (1, 100), is_log=True), [line])
    polyline = drawn(figure).find("polyline")
    assert polyline is not None
    heights = [float(point.split(",")[1]) for point in polyline.attrib["points"].split()]
    assert heights == sorted(heights, reverse=True)
    assert max(heights) <= HEIGHT
    assert polyline.attrib["class"] == "line c1 dashed"
    assert "a &amp; b" in figure
    assert "&lt;title&gt;" in figure


def test_bars_are_as_high_as_their_shares() -> None:
    bars = drawn(bar_chart("by heading", ["N", "S"], [0.25, 1.0], ["N: 4 photos", "<S>"])).findall("rect")
    low, high = (float(bar.attrib["height"]) for bar in bars)
    assert high == pytest.approx(4 * low, abs=0.2)
    assert [bar.findtext("title") for bar in bars] == ["N: 4 photos", "<S>"]


@pytest.mark.parametrize(("tick", "text"), [(1.0, "1"), (500.0, "500"), (1000.0, "1k"), (20_000.0, "20k")])
def test_large_ticks_are_written_short(tick: float, text: str) -> None:
    assert short(tick) == text
