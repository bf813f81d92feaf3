"""Maps as inline SVG: squares on a grid, north up, with a bar of length and a legend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from index.report.grid import Grid

SIDE = 560.0
"""Of the longer side of the grid, in units of the drawing."""
PAD, FOOT = 12.0, 34.0
GAP = 0.04
STOPS = ((0x2C, 0x7B, 0xB6), (0xAB, 0xD9, 0xE9), (0xFF, 0xE8, 0x9A), (0xF4, 0x8F, 0x4B), (0xC4, 0x14, 0x2B))
"""Blue to red by way of yellow, told apart by the colour-blind too."""
BAR_SHARE = 0.3
LEGEND_WIDTH, LEGEND_HEIGHT = 420.0, 68.0
FRAME = 0.05
"""Of a square's side, the width of a frame around it."""


@dataclass(frozen=True, slots=True)
class Square:
    """What one bin shows."""

    colour: str
    hint: str
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """Colours from `low` to `high`."""

    low: float
    high: float

    def share(self, value: float) -> float:
        return min(1.0, max(0.0, (value - self.low) / max(self.high - self.low, 1e-9)))

    def colour(self, value: float) -> str:
        """Give #rrggbb."""
        at = self.share(value) * (len(STOPS) - 1)
        first = min(int(at), len(STOPS) - 2)
        mixed = (a + (b - a) * (at - first) for a, b in zip(STOPS[first], STOPS[first + 1], strict=True))
        return "#" + "".join(f"{round(part):02x}" for part in mixed)


def draw_map(title: str, grid: Grid, squares: Mapping[int, Square], lines: Sequence[str] = ()) -> str:
    """Draw bins by their number; `lines` are drawn over them (see `draw_line`)."""
    unit = _unit(grid)
    width, height = grid.columns * unit + 2 * PAD, grid.rows * unit + 2 * PAD
    frame, parts = min(1.6, FRAME * unit), []
    for number, square in sorted(squares.items(), key=lambda item: item[1].is_marked):
        row, column = divmod(number, grid.columns)
        style = f' class="marked" stroke-width="{frame:.2f}"' if square.is_marked else ""
        parts.append(
            f'<rect{style} x="{PAD + (column + GAP) * unit:.2f}" y="{PAD + (row + GAP) * unit:.2f}" '
            f'width="{unit * (1 - 2 * GAP):.2f}" height="{unit * (1 - 2 * GAP):.2f}" fill="{square.colour}">'
            f"<title>{escape(square.hint)}</title></rect>"
        )
    name = escape(title)
    return (
        f'<figure class="map"><figcaption>{name}</figcaption><svg viewBox="0 0 {width:.0f} {height + FOOT:.0f}" '
        f'role="img" aria-label="{name}" style="max-width:{1.15 * width:.0f}px">{"".join(parts)}{"".join(lines)}'
        f"{_length_bar(grid, unit, height)}</svg></figure>"
    )


def draw_line(grid: Grid, ends: tuple[tuple[float, float], tuple[float, float]], label: str) -> str:
    """Join two places, (lat, lon) each, and write a label at both."""
    unit = _unit(grid)
    lat, lon = np.array(ends).T
    column, row = grid.places(lat, lon)
    x, y = (PAD + (along + 0.5) * unit for along in (column, row))
    size = max(9.0, min(16.0, unit * 0.9))
    marks = "".join(
        f'<circle class="end" cx="{x[n]:.1f}" cy="{y[n]:.1f}" r="{size * 0.75:.1f}"/>'
        f'<text class="label" x="{x[n]:.1f}" y="{y[n] + size * 0.35:.1f}" font-size="{size:.1f}">{escape(label)}</text>'
        for n in (0, 1)
    )
    return f'<line class="join" x1="{x[0]:.1f}" y1="{y[0]:.1f}" x2="{x[1]:.1f}" y2="{y[1]:.1f}"/>{marks}'


def draw_legend(scale: Scale, low: str, high: str, between: Mapping[float, str]) -> str:
    """Draw a bar of colours: words for both ends below it, for values between above it."""
    length, steps = LEGEND_WIDTH - 2 * PAD, 40
    parts = [
        f'<rect x="{PAD + n * length / steps:.1f}" y="34" width="{length / steps + 0.5:.1f}" height="14" '
        f'fill="{scale.colour(scale.low + (n + 0.5) / steps * (scale.high - scale.low))}"/>'
        for n in range(steps)
    ]
    for value, words, anchor in ((scale.low, low, "start"), (scale.high, high, "end")):
        parts.append(_words(PAD + scale.share(value) * length, 62, f"{value:.2f}: {words}", anchor))
    for value, words in between.items():
        x = PAD + scale.share(value) * length
        parts.append(f'<line class="needle" x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="48"/>')
        anchor = "start" if scale.share(value) < 0.3 else "end" if scale.share(value) > 0.7 else "middle"
        parts.append(_words(x, 16, f"{value:.2f}: {words}", anchor))
    return (
        f'<svg class="scale" viewBox="0 0 {LEGEND_WIDTH:.0f} {LEGEND_HEIGHT:.0f}" role="img" '
        f'aria-label="legend" style="max-width:{LEGEND_WIDTH * 1.3:.0f}px">{"".join(parts)}</svg>'
    )


def _words(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text class="tick" style="text-anchor:{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _unit(grid: Grid) -> float:
    return SIDE / max(grid.rows, grid.columns)


def _length_bar(grid: Grid, unit: float, top: float) -> str:
    metres = round_length(BAR_SHARE * max(grid.columns, 4) * grid.bin_m)
    length = metres / grid.bin_m * unit
    words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    y = top + 6
    return (
        f'<line class="ruler" x1="{PAD:.1f}" x2="{PAD + length:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" style="text-anchor:start" x="{PAD:.1f}" y="{y + 16:.1f}">{words}; north is up</text>'
    )


def round_length(most_m: float) -> float:
    """Give the largest 1, 2 or 5 times a power of ten that is not above a positive length."""
    power = 10.0 ** math.floor(math.log10(most_m))
    return power * max(digit for digit in (1.0, 2.0, 5.0) if digit * power <= most_m * (1 + 1e-9))
