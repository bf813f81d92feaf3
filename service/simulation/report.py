"""The report of a run: one JSON with every figure, one HTML page with tables, curves and pictures."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.evaluation.report.charts import Axis, Line, decades, share_chart
from models.evaluation.report.style import STYLE
from models.evaluation.report.tables import table
from service.simulation.binomial import Share
from service.simulation.figures import Alarms, Figures, Ratio
from service.simulation.outcome import Outcome
from service.track_files.whole import write_whole

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
FIGURES, PAGE = "figures.json", "report.html"
NEAREST_M, CURVE_STEPS = 0.5, 300
QUALITY = 80
MORE_STYLE = ".track { max-width: 100%; border-radius: 3px; } .tracks { display: grid; gap: 16px; }"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to have the same drives corrected."""

    name: str
    outcome: Outcome
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """What was run, and what came of it; the first arm is the one that matters."""

    title: str
    facts: Mapping[str, str]
    arms: Sequence[Arm]
    pictures: Mapping[str, Path]
    """PNG files by their captions."""


def write_report(folder: Path, report: Report) -> Path:
    """Write figures.json and report.html, each whole or not at all; give the page.

    Raises:
        DiskFull, OutputUnwritable.
    """
    figures = {"facts": dict(report.facts), "arms": {arm.name: arm.figures.as_json() for arm in report.arms}}
    write_whole(folder / FIGURES, (json.dumps(figures, indent=1, allow_nan=False) + "\n").encode())
    page = folder / PAGE
    write_whole(page, render_page(report).encode())
    return page


def render_page(report: Report) -> str:
    """Give the page's HTML; nothing in it is loaded from elsewhere."""
    title = escape(report.title)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in report.facts.items())
    body = [
        f'<h1>{title}</h1><p class="synthetic">The city, the photos, the drives and the GPS are <b>simulated</b>.</p>',
        f"<dl>{facts}</dl>",
        "<h2>Errors before and after</h2>",
        *(error_table(arm) for arm in report.arms),
        f'<div class="charts">{error_chart(report.arms)}{photo_chart(report.arms)}</div>',
        "<h2>What the radii hold</h2>",
        *(coverage_table(arm) for arm in report.arms),
        "<h2>Answers and alarms</h2>",
        *(alarm_table(arm) for arm in report.arms),
        "<h2>Tracks</h2>",
        f'<div class="tracks">{"".join(_picture(*one) for one in report.pictures.items())}</div>',
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}{MORE_STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def error_table(arm: Arm) -> str:
    head = ["", "fixes", "GPS: median", "68 %", "95 %", "answer: median", "68 %", "95 %", "median / median"]
    rows = []
    for group in arm.figures.groups:
        spreads = [(one.median_m, one.p68_m, one.p95_m) for one in (group.before, group.after)]
        cells = [f"{value:.1f} m" for spread in spreads for value in spread]
        rows.append([escape(group.name), f"{group.before.count:,}", *cells, ratio_words(group.ratio)])
    return table(head, rows, escape(arm.name))


def coverage_table(arm: Arm) -> str:
    head = ["", "answers", "truth within radius_m_68", "within radius_m_95"]
    rows = [
        [escape(group.name), f"{group.in_95.count:,}", share_words(group.in_68), share_words(group.in_95)]
        for group in arm.figures.groups
    ]
    return table(head, rows, escape(f"{arm.name}; in brackets 95 % intervals: of fixes, of vehicles"))


def alarm_table(arm: Arm) -> str:
    statuses = [[escape(word), f"{count:,}"] for word, count in arm.figures.statuses.items()]
    rows = [*statuses, *([escape(name), escape(words)] for name, words in alarm_words(arm.figures.alarms).items())]
    tails = [
        [f"innovation beyond the {1 - float(chance):.0%} point", f"{share:.1%}, should be {float(chance):.0%}"]
        for chance, share in arm.figures.chi2_tails.items()
    ]
    return table(["", "fixes"], rows + tails, escape(arm.name))


def alarm_words(alarms: Alarms) -> dict[str, str]:
    """Say how many alarms there were and how many there may be."""
    words = {"false alarms": f"{alarms.false.hits} of {alarms.false.count}, {share_words(alarms.false)}"}
    if alarms.asked_rate is not None:
        words["false alarms allowed"] = (
            f"{alarms.fewest} to {alarms.most}: the 95 % interval at the rate asked for, {alarms.asked_rate:g}"
        )
    if alarms.caught is not None:
        words["spoofed fixes with a photo that raised an alarm"] = share_words(alarms.caught)
        words["seconds until the first alarm, a vehicle each"] = ", ".join(
            "never" if delay is None else f"{delay:.0f}" for delay in alarms.delay_s
        )
    if alarms.photo_of_caught is not None:
        spread = alarms.photo_of_caught
        words["error of the places that their photos told"] = (
            f"median {spread.median_m:.1f} m, 95 % {spread.p95_m:.1f} m"
        )
    return words


def ratio_words(ratio: Ratio) -> str:
    if ratio.low is None or ratio.high is None:
        return f"{ratio.median:.2f}"
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def share_words(share: Share) -> str:
    if not share.count:
        return "none said"
    words = f"{share.share:.1%} ({share.low:.1%} to {share.high:.1%}"
    if share.low_by_vehicle is not None and share.high_by_vehicle is not None:
        words += f"; {share.low_by_vehicle:.1%} to {share.high_by_vehicle:.1%}"
    return words + ")"


def error_chart(arms: Sequence[Arm]) -> str:
    """Share of fixes within so many metres: GPS, then every arm."""
    first = arms[0].outcome
    errors = [("GPS", first.before_m), *((arm.name, arm.outcome.after_m) for arm in arms)]
    return _chart("All fixes within a distance", errors)


def photo_chart(arms: Sequence[Arm]) -> str:
    """The same of the fixes that came with a photo."""
    first = arms[0].outcome
    errors = [("GPS", first.before_m[first.has_photo])]
    errors += [(arm.name, arm.outcome.after_m[arm.outcome.has_photo]) for arm in arms]
    errors = [(name, values) for name, values in errors if values.size]
    return _chart("Fixes with a photo within a distance", errors) if errors else ""


def _chart(title: str, errors: Sequence[tuple[str, NDArray[np.float64]]]) -> str:
    farthest = max(10.0 * NEAREST_M, *(float(values.max()) for _, values in errors))
    x = np.geomspace(NEAREST_M, farthest, CURVE_STEPS)
    lines = [
        Line(name, x, np.searchsorted(np.sort(values), x, side="right") / len(values), colour)
        for colour, (name, values) in enumerate(errors)
    ]
    return share_chart(title, Axis("metres", NEAREST_M, farthest, decades(NEAREST_M, farthest), is_log=True), lines)


def _picture(caption: str, file: Path) -> str:
    """Embed a picture at full size, smaller in bytes than its file."""
    stream, words = io.BytesIO(), escape(caption)
    with Image.open(file) as picture:
        picture.convert("RGB").save(stream, "JPEG", quality=QUALITY)
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<figure><img class="track" alt="{words}" src="data:image/jpeg;base64,{data}"></figure>'


def summary(arm: Arm) -> str:
    """One line for the terminal."""
    figures, parts = arm.figures, []
    for name in ("all fixes", "with a photo"):
        group = next((one for one in figures.groups if one.name == name), None)
        if group is not None:
            covered = f"{group.in_95.share:.1%}" if group.in_95.count else "-"
            parts.append(
                f"{name} ({group.before.count:,}): {group.before.median_m:.1f} -> {group.after.median_m:.1f} m, "
                f"ratio {ratio_words(group.ratio)}, R95 holds {covered}"
            )
    false = figures.alarms.false
    allowed = "" if figures.alarms.most is None else f", allowed {figures.alarms.fewest} to {figures.alarms.most}"
    rate = "" if math.isnan(false.share) else f"{false.hits} false alarms of {false.count}{allowed}"
    return "; ".join(part for part in (*parts, rate) if part)
