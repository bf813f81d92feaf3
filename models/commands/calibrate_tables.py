"""The tables that `skyfix calibrate` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from models.calibration.report import Row


def check_tables(title: str, rows: Sequence[Row], *, fitted: bool) -> Iterator[Table]:
    """Photos that have a place in their gallery, and photos that have none; shares in %."""
    inside, outside = [row for row in rows if row.check.inside], [row for row in rows if row.check.outside]
    note = " Half of these photos were fitted on." if fitted else ""
    if inside:
        yield _inside_table(f"{title}: photos with a place in the gallery, %.{note}", inside)
    if outside:
        yield _outside_table(f"{title}: photos without one, %.{note}", outside)


def _inside_table(title: str, rows: Sequence[Row]) -> Table:
    names = ("fov", "tiles", "n", "≤25m", "said", "ECE", "R68", "R95", "med.", "local.", "error", "A68")
    caption = (
        "said: mean confidence, to be compared with ≤25m. R68, R95, A68: truth within the radius or angle. "
        "med.: median R68. local.: called localized; error: their median."
    )
    table = _table(title, caption, names)
    for row in rows:
        found = row.check
        table.add_row(
            f"{found.fov_deg:g}°",
            _tiles(row),
            f"{found.inside:,}",
            *(_share(v) for v in (found.right, found.confidence_mean, found.calibration_error)),
            *(_share(v) for v in (found.coverage_68, found.coverage_95)),
            f"{found.median_radius_m_68:.0f}m",
            _share(found.localized),
            "" if found.median_error_m is None else f"{found.median_error_m:.1f}m",
            _share(found.heading_coverage_68),
        )
    return table


def _outside_table(title: str, rows: Sequence[Row]) -> Table:
    table = _table(title, None, ("fov", "photos", "tiles", "n", "localized", "at ≥ 0.9"))
    for row in rows:
        found = row.check
        shares = (_share(v) for v in (found.outside_localized, found.outside_localized_surely))
        table.add_row(f"{found.fov_deg:g}°", row.what, _tiles(row), f"{found.outside:,}", *shares)
    return table


def _table(title: str, caption: str | None, names: Sequence[str]) -> Table:
    table = Table(title=title, caption=caption, box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    for name in names:
        table.add_column(name, justify="left" if name == "photos" else "right", no_wrap=True)
    return table


def _tiles(row: Row) -> str:
    return f"{row.tiles:,}" if row.tiles else ""


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"
