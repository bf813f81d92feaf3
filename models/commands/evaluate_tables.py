"""The tables that `skyfix evaluate` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from models.evaluation.metrics import ONE_PERCENT, TieRule
from models.evaluation.results import ProtocolResult
from models.evaluation.robustness import Mean, Robustness
from models.provenance import Accuracy

TIES = {"pessimistic": "a tie counts against the model", "published": "a tie counts for the model, as published"}


def city_table(title: str, rows: Sequence[Accuracy]) -> Table:
    """Figures on a sample city."""
    table = Table(title=f"{title} on {rows[0].protocol}: {rows[0].queries} photos, {rows[0].gallery} tiles")
    for name in ("fov", "heading", "R@1", "R@5", "R@10", "R@1%", "median error", "heading ≤ 15°", "heading median"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row.fov_deg:g}°",
            row.orientation,
            *(f"{v:.1%}" for v in (row.recall_at_1, row.recall_at_5, row.recall_at_10, row.recall_at_1_percent)),
            "" if row.median_error_m is None else f"{row.median_error_m:.1f} m",
            "" if row.heading_within_15_deg is None else f"{row.heading_within_15_deg:.1%}",
            "" if row.heading_median_deg is None else f"{row.heading_median_deg:.1f}°",
        )
    return table


def protocol_table(rows: Sequence[ProtocolResult], ties: TieRule) -> Table:
    """Figures on a data set under one rule for ties."""
    first = rows[0]
    k = first.of(first.one_percent_convention).k
    table = Table(
        title=f"{first.model} on {first.data_set} ({first.protocol}), {first.queries} photos, {first.gallery} tiles: %",
        caption=f"{TIES[ties]}; R@1% with K = {k}: {ONE_PERCENT[first.one_percent_convention]}",
        box=SIMPLE_HEAD,
    )
    cells = [_cells(row, ties) for row in rows]
    shown = [name for name in cells[0] if any(row[name] for row in cells)]
    for name in shown:
        table.add_column(name, justify="right")
    for row in cells:
        table.add_row(*(row[name] for name in shown))
    return table


def _cells(row: ProtocolResult, ties: TieRule) -> dict[str, str]:
    shares = row if ties == "pessimistic" else row.published
    return {
        "photo": "?" if row.fov_deg is None else f"{row.fov_deg:g}°",
        "heading": row.orientation,
        "around": "the mean" if row.recentred else "",
        "R@1": _share(shares.recall_at_1),
        "R@5": _share(shares.recall_at_5),
        "R@10": _share(shares.recall_at_10),
        "R@1%": _share(shares.recall_at_1_percent),
        "hit rate": _share(shares.hit_rate),
        "AP": _share(shares.average_precision),
        "median": "" if row.median_error_m is None else f"{row.median_error_m:.1f} m",
        "≤ 25 m": _share(row.errors.recall_at_25m if row.errors else None),
        "heading ≤ 15°": _share(row.heading_within_15_deg),
    }


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"


def robustness_table(robustness: Robustness) -> Table:
    """R@1 by corruption and severity, the clean row first."""
    clean, severities = robustness.clean, robustness.overall.severities
    table = Table(title=f"R@1 by corruption and severity in %, heading {clean.orientation}", box=SIMPLE_HEAD)
    for name in ("photos spoiled by", *map(str, severities), "mean"):
        table.add_column(name, justify="right")
    blank = [""] * len(severities)
    table.add_row("nothing", *blank, _share(clean.recall_at_1))
    for mean in robustness.means:
        found = {row.severity: row.recall_at_1 for row in robustness.rows if row.corruption == mean.corruption}
        table.add_row(mean.corruption, *(_share(found[s]) for s in mean.severities), _mean(mean))
    table.add_row("mean of all", *blank, _mean(robustness.overall))
    return table


def _mean(mean: Mean) -> str:
    return _share(mean.recall_at_1)
