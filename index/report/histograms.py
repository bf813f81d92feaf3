"""Resolutions and capture dates of the tiles, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from index.table import TileTable
from models.evaluation.report.charts import bar_chart
from models.geo import Floats

MOST_BARS = 10
UNKNOWN = "unknown"


def resolution_chart(tiles: TileTable) -> str:
    """Draw how many tiles come from imagery of which resolution."""
    return _chart("Tiles by metres per pixel of the imagery", count_resolutions(tiles.ground_resolution_m))


def date_chart(tiles: TileTable) -> str:
    """Draw how many tiles were captured when."""
    return _chart("Tiles by capture date", count_dates(tiles.captured))


def count_resolutions(values: Floats) -> dict[str, int]:
    """Count values to two digits; ranges of equal ratio where there are too many."""
    exact = Counter(float(f"{value:.2g}") for value in values.tolist())
    if len(exact) <= MOST_BARS:
        return {f"{value:g}": exact[value] for value in sorted(exact)}
    edges = np.geomspace(values.min(), values.max(), MOST_BARS + 1)
    counts, _ = np.histogram(values, edges)
    counts[-1] += len(values) - counts.sum()  # rounding of the outer edges
    return {f"{low:.2g}–{high:.2g}": int(n) for low, high, n in zip(edges, edges[1:], counts, strict=False)}


def count_dates(dates: Sequence[str | None]) -> dict[str, int]:
    """Count by day, month or year, whichever is finest and leaves few enough bars; years are joined beyond that."""
    known = [date for date in dates if date]
    counts: dict[str, int] = {}
    for length in (10, 7, 4):
        counts = dict(sorted(Counter(date[:length] for date in known).items()))
        if len(counts) < MOST_BARS:
            break
    else:
        counts = _joined_years(counts)
    return counts | ({UNKNOWN: len(dates) - len(known)} if len(known) < len(dates) else {})


def _joined_years(counts: dict[str, int]) -> dict[str, int]:
    """Put several years into each bar."""
    first, last = int(min(counts)), int(max(counts))
    step = -(-(last - first + 1) // (MOST_BARS - 1))
    joined = Counter({(int(year) - first) // step: 0 for year in counts})
    for year, count in counts.items():
        joined[(int(year) - first) // step] += count
    return {f"{first + n * step}–{first + n * step + step - 1}": joined[n] for n in sorted(joined)}


def _chart(title: str, counts: dict[str, int]) -> str:
    total = max(1, sum(counts.values()))
    shares = [count / total for count in counts.values()]
    return bar_chart(title, list(counts), shares, [f"{name}: {count:,} tiles" for name, count in counts.items()])
