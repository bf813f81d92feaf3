"""The table that `skyfix calibrate` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from models.calibration.check import Check
from models.calibration.report import Row

COLUMNS = (
    "fov",
    "photos",
    "tiles",
    "n",
    "≤ 25 m",
    "confidence",
    "ECE",
    "in R68",
    "in R95",
    "median R68",
    "localized",
    "its median error",
    "heading in A68",
    "outside",
    "called localized",
    "at ≥ 0.9",
)


def check_table(title: str, rows: Sequence[Row], *, fitted: bool) -> Table:
    """One line a field of view and gallery; shares in %."""
    caption = "Half of these photos were fitted on. " if fitted else ""
    table = Table(title=f"Calibration of {title}", caption=caption + "Shares in %.", box=SIMPLE_HEAD)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "photos" else "right")
    for row in rows:
        table.add_row(*_cells(row, row.check))
    return table


def _cells(row: Row, found: Check) -> tuple[str, ...]:
    inside = found.inside > 0
    return (
        f"{found.fov_deg:g}°",
        row.what,
        f"{row.tiles:,}" if row.tiles else f"{found.gallery_cells:,} cells",
        f"{found.inside:,}" if inside else "",
        _share(found.right if inside else None),
        _share(found.confidence_mean if inside else None),
        _share(found.calibration_error if inside else None),
        _share(found.coverage_68 if inside else None),
        _share(found.coverage_95 if inside else None),
        f"{found.median_radius_m_68:.1f} m" if inside else "",
        _share(found.localized if inside else None),
        "" if found.median_error_m is None else f"{found.median_error_m:.1f} m",
        _share(found.heading_coverage_68 if inside else None),
        f"{found.outside:,}" if found.outside else "",
        _share(found.outside_localized),
        _share(found.outside_localized_surely),
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"
