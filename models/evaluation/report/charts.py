"""Line and bar charts as inline SVG, without scripts; colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 640, 310
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 22, 44
COLOURS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One series: x ascending, y shares in [0, 1]."""

    label: str
    x: Floats
    y: Floats
    colour: int
    """The same for a run in every chart; beyond the palette it begins again, dashed."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A horizontal axis from `low` to `high`; a logarithmic one draws smaller values at `low`."""

    title: str
    low: float
    high: float
    ticks: Sequence[float]
    is_log: bool = False

    def place(self, value: float) -> float:
        """Pixel column of a value."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return LEFT + (WIDTH - LEFT - RIGHT) * (at - low) / (high - low)


def share_chart(title: str, axis: Axis, lines: Sequence[Line]) -> str:
    """Draw shares from 0 to 100 % over an axis, with a legend."""
    drawn = "".join(_polyline(line, axis.place) for line in lines)
    legend = "".join(f'<li><span class="key {_stroke(line)}"></span>{escape(line.label)}</li>' for line in lines)
    return _figure(title, _grid() + _x_axis(axis) + drawn, f'<ul class="legend">{legend}</ul>')


def bar_chart(title: str, names: Sequence[str], shares: Sequence[float], hints: Sequence[str]) -> str:
    """Draw one bar a name, 0 to 100 %, the value above it and a hint when pointed at."""
    step = (WIDTH - LEFT - RIGHT) / max(1, len(names))
    parts = []
    for number, (name, share, hint) in enumerate(zip(names, shares, hints, strict=True)):
        x, top = LEFT + number * step, _y(share)
        parts.append(
            f'<rect class="bar" x="{x + 0.18 * step:.1f}" y="{top:.1f}" width="{0.64 * step:.1f}" '
            f'height="{_y(0) - top:.1f}" rx="2"><title>{escape(hint)}</title></rect>'
            f'<text class="value" x="{x + step / 2:.1f}" y="{top - 4:.1f}">{share:.0%}</text>'
            f'<text class="tick" x="{x + step / 2:.1f}" y="{_y(0) + 16:.1f}">{escape(name)}</text>'
        )
    return _figure(title, _grid() + "".join(parts), "")


def decades(low: float, high: float) -> list[float]:
    """Ticks 1, 2, 5 of every decade between two positive bounds."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = [m * 10.0**p for p in range(first, last + 1) for m in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def _figure(title: str, inside: str, legend: str) -> str:
    name = escape(title)
    return (
        f"<figure><figcaption>{name}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">{inside}</svg>{legend}</figure>'
    )


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _grid() -> str:
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(share):.1f}" y2="{_y(share):.1f}"/>'
        f'<text class="tick end" x="{LEFT - 8}" y="{_y(share) + 4:.1f}">{share:.0%}</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )


def _x_axis(axis: Axis) -> str:
    ticks = "".join(
        f'<line class="grid" x1="{axis.place(tick):.1f}" x2="{axis.place(tick):.1f}" y1="{_y(0):.1f}" '
        f'y2="{_y(0) + 5:.1f}"/><text class="tick" x="{axis.place(tick):.1f}" y="{_y(0) + 18:.1f}">{short(tick)}</text>'
        for tick in axis.ticks
    )
    middle = (LEFT + WIDTH - RIGHT) / 2
    return f'{ticks}<text class="tick" x="{middle:.1f}" y="{HEIGHT - 6}">{escape(axis.title)}</text>'


def _polyline(line: Line, place: Callable[[float], float]) -> str:
    points = " ".join(f"{place(float(x)):.1f},{_y(float(y)):.1f}" for x, y in zip(line.x, line.y, strict=True))
    return f'<polyline class="line {_stroke(line)}" points="{points}"/>'


def _stroke(line: Line) -> str:
    return f"c{line.colour % COLOURS}" + (" dashed" if line.colour >= COLOURS else "")


def short(tick: float) -> str:
    """Write a tick so that neighbours do not touch: 20k for 20,000."""
    return f"{tick / 1000:g}k" if tick >= 1000 else f"{tick:g}"
