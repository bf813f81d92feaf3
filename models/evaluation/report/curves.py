"""The charts of a report: recall over K, errors in metres and degrees, recall by heading."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics import recall_at
from models.evaluation.report.charts import Axis, Line, bar_chart, decades, share_chart
from models.evaluation.report.wording import setting_words
from models.evaluation.run import Run

Floats = NDArray[np.float64]
LARGEST_K = 100
NEAREST_M = 1.0
MOST_STEPS = 400
SECTORS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


def recall_curve(runs: Sequence[Run]) -> str:
    """Recall at 1 to 100, ties against the model."""
    largest = min(LARGEST_K, max(2, *(run.result.gallery for run in runs)))
    k = np.arange(1, largest + 1, dtype=np.float64)
    lines = []
    for number, run in enumerate(runs):
        ranks = run.measured.ranking.ranks("pessimistic")
        shares = np.array([recall_at(ranks, int(each)) for each in k])
        lines.append(Line(setting_words(run.result), k, shares, number))
    axis = Axis("K, references looked at", 1, largest, decades(1, largest), is_log=True)
    return share_chart("Recall at K", axis, lines)


def error_curve(runs: Sequence[Run]) -> str:
    """Share of photos within so many metres; empty where no position is known."""
    lines = _cumulative(runs, [run.measured.error_m() for run in runs])
    if not lines:
        return ""
    farthest = max(10 * NEAREST_M, *(float(line.x[-1]) for line in lines))
    axis = Axis("metres from photo to best tile", NEAREST_M, farthest, decades(NEAREST_M, farthest), is_log=True)
    return share_chart("Photos within a distance", axis, lines)


def heading_curve(runs: Sequence[Run]) -> str:
    """Share of photos whose heading was found within so many degrees; empty where none was searched."""
    lines = _cumulative(runs, [run.measured.heading_error_deg() for run in runs])
    axis = Axis("degrees off, matched to the right tile", 0, 180, (0, 15, 45, 90, 135, 180))
    return share_chart("Headings within an angle", axis, lines) if lines else ""


def by_heading(run: Run) -> str:
    """Recall at 1 by the compass sector a photo looks into; empty unless photos look into several."""
    heading = run.measured.heading_deg
    known = ~np.isnan(heading)
    sector = np.zeros(len(heading), dtype=np.int64)
    sector[known] = ((heading[known] + 22.5) // 45).astype(np.int64) % 8
    present = [number for number in range(8) if (known & (sector == number)).any()]
    if len(present) < 2:
        return ""
    hit, error_m = run.measured.ranking.ranks("pessimistic") == 0, run.measured.error_m()
    shares, hints = [], []
    for number in present:
        here = known & (sector == number)
        shares.append(float(hit[here].mean()))
        metres = _known(error_m[here])
        median = f", median error {np.median(metres):.1f} m" if metres.size else ""
        hints.append(f"{SECTORS[number]}: {here.sum()} photos{median}")
    title = f"Recall at 1 by true heading, {setting_words(run.result)}"
    return bar_chart(title, [SECTORS[number] for number in present], shares, hints)


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _cumulative(runs: Sequence[Run], errors: Sequence[Floats]) -> list[Line]:
    """Share of the queries up to every error, one line for each run that knows any."""
    return [
        Line(setting_words(run.result), *_steps(_known(error)), number)
        for number, (run, error) in enumerate(zip(runs, errors, strict=True))
        if _known(error).size
    ]


def _steps(error: Floats) -> tuple[Floats, Floats]:
    """Corners of the empirical distribution, thinned to a few hundred; begins at a share of 0."""
    ordered = np.sort(error)
    kept = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_STEPS)).astype(np.int64))
    after = (kept + 1) / len(ordered)
    before = np.concatenate([[0.0], after[:-1]])
    return np.repeat(ordered[kept], 2), np.stack([before, after], axis=1).ravel()
