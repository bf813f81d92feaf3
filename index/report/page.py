"""One self-contained HTML file of an index: what it covers, of what imagery, and whether places can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from index.bundle import Index
from index.description import describe
from index.manifest import QUARANTINE
from index.report.aliasing import Twins, step_m
from index.report.grid import Grid
from index.report.histograms import date_chart, resolution_chart
from index.report.left_out import read_left_out
from index.report.maps import Scale, Square, draw_legend, draw_line, draw_map
from index.report.verdict import Judged, Pair, caution, headline, meaning, most_confusable, sentence
from models.evaluation.report.style import STYLE
from models.evaluation.report.tables import table

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
LINES = 5
"""Pairs that are drawn on the map."""
MORE_STYLE = """
.map rect.marked { stroke: var(--ink); } .needle { stroke: var(--ink); stroke-width: 1.5; }
.ruler { stroke: var(--ink); stroke-width: 3; }
.map .join { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; opacity: 0.75; }
.map .end { fill: var(--paper); stroke: var(--ink); } .map .label { fill: var(--ink); text-anchor: middle; }
.verdict { font-size: 17px; border-left: 4px solid var(--c0); background: var(--panel); padding: 8px 12px; }
.scale { margin-top: 8px; }
"""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about an index before it is drawn."""

    index: Index
    views: tuple[tuple[Twins, Judged], ...]
    """The full view first, then narrower ones."""


def render_page(findings: Findings) -> str:
    """Give the page's HTML."""
    index = findings.index
    title = escape(f"Index {index.title}")
    body = [
        f"<h1>{title}</h1>",
        _facts(index),
        "<h2>Will it work here?</h2>",
        _aliasing(findings),
        "<h2>Coverage</h2>",
        f'<div class="charts">{coverage_map(index)}</div>',
        "<h2>Imagery</h2>",
        f'<div class="charts">{resolution_chart(index.tiles)}{date_chart(index.tiles)}</div>',
        "<h2>Left out</h2>",
        _left_out(index),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}{MORE_STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def _facts(index: Index) -> str:
    facts = describe(index.manifest)
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in facts.items())
    return f"<dl>{rows}</dl>"


def _aliasing(findings: Findings) -> str:
    index, (twins, judged) = findings.index, findings.views[0]
    counts = " ".join(sentence(*view) for view in findings.views)
    parts = [
        f'<p class="verdict"><b>{escape(headline(findings.views))}</b><br>{escape(counts)}</p>',
        f"<p>{escape(meaning(twins.far_m, step_m(index)))}</p>",
        f'<p class="note">{escape(caution(len(twins.rows), len(index)))}</p>',
    ]
    if judged.known.any():
        pairs = most_confusable(twins, index.tiles)
        maps = [_map_and_legend(index, *view, pairs if view is findings.views[0] else ()) for view in findings.views]
        parts += [f'<div class="charts">{"".join(maps)}</div>', _pair_table(index, pairs)]
    return "".join(parts)


def _map_and_legend(index: Index, twins: Twins, judged: Judged, pairs: Sequence[Pair]) -> str:
    scale = Scale(float(np.nanmedian(twins.typical)), 1.0)
    beside = {}
    if not np.isnan(twins.beside).all():
        beside[float(np.nanmedian(twins.beside))] = "a step beside the camera, usually"
    legend = draw_legend(scale, "any place far away, on average", "the same", beside)
    words = (
        f"How similar the most similar place more than {twins.far_m:g} m away is, all headings tried. Framed: a twin."
    )
    words += " Dashed: the first pairs of the list." if pairs else ""
    drawn = aliasing_map(index, twins, judged, scale, pairs)
    return f'<div>{drawn}{legend}<p class="note">{words}</p></div>'


def aliasing_map(index: Index, twins: Twins, judged: Judged, scale: Scale, pairs: Sequence[Pair]) -> str:
    """Colour places by their twin's similarity; a bin of several shows the worst of them."""
    tiles, rows = index.tiles, twins.rows
    spread_m = _spacing_m(index) * (len(index) / len(rows)) ** 0.5
    grid = Grid.over(tiles.lat, tiles.lon, spread_m)
    bins = grid.bins(tiles.lat[rows], tiles.lon[rows])
    squares = {}
    for number in np.argsort(twins.similarity, kind="stable").tolist():  # NaN comes last
        if not judged.known[number]:
            break
        row, twin, similarity = int(rows[number]), int(twins.twin[number]), float(twins.similarity[number])
        hint = (
            f"{tiles.id[row]} ({tiles.lat[row]:.6f}, {tiles.lon[row]:.6f}): {similarity:.3f} with {tiles.id[twin]}; "
            f"beside it {twins.beside[number]:.3f}"
        )
        squares[int(bins[number])] = Square(scale.colour(similarity), hint, bool(judged.is_twin[number]))
    lines = [
        draw_line(grid, (_place(index, pair.row), _place(index, pair.twin)), str(number))
        for number, pair in enumerate(pairs[:LINES], start=1)
    ]
    seen = "the whole circle" if twins.fov_deg >= 360 else f"{twins.fov_deg:.0f}° wide"
    return draw_map(f"Where places look alike, seen {seen}", grid, squares, lines)


def coverage_map(index: Index) -> str:
    """Draw where tiles are; a bin that holds fewer than the fullest one is paler."""
    tiles = index.tiles
    grid = Grid.over(tiles.lat, tiles.lon, _spacing_m(index))
    numbers, counts = np.unique(grid.bins(tiles.lat, tiles.lon), return_counts=True)
    most = int(counts.max())
    squares = {
        number: Square(f"rgb(42 111 219 / {0.35 + 0.55 * count / most:.2f})", f"{count:,} tiles")
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
    }
    return draw_map(f"Where {len(index):,} tiles lie, squares of {_metres(grid.bin_m)}", grid, squares)


def _metres(length_m: float) -> str:
    return f"{length_m:.3g} m" if length_m < 999.5 else f"{length_m / 1000:.3g} km"


def _spacing_m(index: Index) -> float:
    return index.manifest.stride_m or index.manifest.footprint_m


def _place(index: Index, row: int) -> tuple[float, float]:
    return float(index.tiles.lat[row]), float(index.tiles.lon[row])


def _pair_table(index: Index, pairs: Sequence[Pair]) -> str:
    if not pairs:
        return ""
    rows = []
    for number, pair in enumerate(pairs, start=1):
        places = [
            f"{escape(index.tiles.id[row])}<br><small>{index.tiles.lat[row]:.6f}, {index.tiles.lon[row]:.6f}</small>"
            for row in (pair.row, pair.twin)
        ]
        figures = [f"{pair.similarity:.3f}", f"{pair.distance_m:,.0f} m", f"{pair.turn_deg:.0f}°"]
        rows.append([str(number), *places, *figures])
    head = ["", "place", "looks like", "similarity", "apart", "turned by"]
    return table(head, rows, "The most confusable pairs")


def _left_out(index: Index) -> str:
    found = read_left_out(index.folder / QUARANTINE)
    if not found:
        return "<p>No tile was left out.</p>"
    rows = [
        [escape(one.code), f"{one.count:,}", f"{escape(one.first_id)}: {escape(one.first_reason)}"] for one in found
    ]
    return table(["reason", "tiles", "the first of them"], rows)
