"""A line chart as a picture, small and plain: for what is looked at while it grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

INK, SOFT, GRID, PAPER = "#1d1d1b", "#6b6b66", "#e6e4dd", "#fcfcfb"
PALETTE = ("#2a6fdb", "#d9622b", "#2f8f5b", "#a3377e", "#8a6d1a", "#4b4b9b", "#1d8a99", "#6b6b66")
LEFT, RIGHT, TOP, BOTTOM = 62, 30, 34, 34
TEXT, TITLE = 13, 16
FINE = 2
"""Lines are drawn so many times as large, and made smaller."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One line; points whose value is not finite are left out."""

    points: Sequence[Point]
    colour: str


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    series: Sequence[Series]
    is_share: bool = False
    """From 0 to 100 %, whatever the values; else from the smallest to the largest."""


def draw_chart(chart: Chart, size_px: tuple[int, int], right: float) -> Image.Image:
    """Draw lines over a grid.

    Args:
        size_px: width and height.
        right: what the horizontal axis, which begins at 0, ends at.
    """
    width, height = size_px
    lines = [[point for point in each.points if math.isfinite(point[1])] for each in chart.series]
    values = [value for points in lines for _, value in points]
    low, high = (0.0, 1.0) if chart.is_share else _around(values)

    def place(point: Point) -> Point:
        x = LEFT + (width - LEFT - RIGHT) * point[0] / max(right, 1e-9)
        return x, height - BOTTOM - (height - TOP - BOTTOM) * (point[1] - low) / (high - low)

    picture = Image.new("RGB", (width * FINE, height * FINE), PAPER)
    pen = ImageDraw.Draw(picture)
    up, along = ticks(low, high), ticks(0.0, max(right, 1.0))
    for value in up:
        y = place((0, value))[1]
        pen.line([LEFT * FINE, y * FINE, (width - RIGHT) * FINE, y * FINE], GRID, FINE)
    for each, points in zip(chart.series, lines, strict=True):
        dots = [(x * FINE, y * FINE) for x, y in map(place, points)]
        if len(dots) > 1:
            pen.line(dots, each.colour, 2 * FINE, joint="curve")
        for x, y in dots if len(dots) < 60 else dots[-1:]:
            pen.ellipse((x - 2.6 * FINE, y - 2.6 * FINE, x + 2.6 * FINE, y + 2.6 * FINE), each.colour)
    picture = picture.reduce(FINE)
    pen = ImageDraw.Draw(picture)
    write(pen, (LEFT, 16), chart.title, TITLE, INK, "lm")
    for value in up:
        said = f"{100 * value:.0f} %" if chart.is_share else f"{value:.4g}"
        write(pen, (LEFT - 8, place((0, value))[1]), said, TEXT, SOFT, "rm")
    for value in along:
        write(pen, (place((value, low))[0], height - BOTTOM + 14), f"{value:,.0f}".replace(",", " "), TEXT, SOFT, "mm")
    return picture


def ticks(low: float, high: float) -> list[float]:
    """Choose three to six round numbers in a range."""
    wanted = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(wanted))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= wanted * 0.99)
    first = math.ceil(low / step - 1e-9)
    return [step * n for n in range(first, math.floor(high / step + 1e-9) + 1)]


def write(pen: ImageDraw.ImageDraw, at: Point, text: str, size: int, colour: str, anchor: str) -> None:
    pen.text(at, text, fill=colour, font=ImageFont.load_default(size), anchor=anchor)


def _around(values: Sequence[float]) -> tuple[float, float]:
    """A range a little wider than the values; some range where there are none."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    spare = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    bottom = low - spare
    return (0.0 if low >= 0 > bottom else bottom), high + spare
