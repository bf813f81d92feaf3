"""What came of tracks, for people and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.correct.jobs import Done
from service.correct.photo_times import Folder
from service.correct.responses import notices_out
from service.correct.written import as_json
from service.query import Notice

MEANING = {
    "corrected": "moved by photos",
    "kept": "as they were",
    "rejected_outlier": "contradicted by their photo: an alarm",
    "not_localized": "no imagery around them",
}


def statuses(done: Sequence[Done]) -> dict[str, int]:
    counted = Counter[str](one.status for each in done for one in each.corrected)
    return {status: counted[status] for status in MEANING if counted[status]}


def summary(done: Sequence[Done], folder: Folder, unmatched: list[str], notices: Sequence[Notice]) -> dict[str, Any]:
    """Say all of it, for machines."""
    return {
        "photos": len(folder.names),
        "unmatched_photos": unmatched,
        "statuses": statuses(done),
        **as_json(done, folder.names),
        "file_notices": [{"code": notice.code, "detail": notice.detail} for notice in notices],
    }


def print_outcome(
    done: Sequence[Done], folder: Folder, unmatched: list[str], notices: Sequence[Notice], written: Sequence[Path]
) -> None:
    """Print how many fixes came to what, the notices, and what was written."""
    console = Console(highlight=False)
    table = Table("fixes", "", "what", "median moved", "median 95 % radius", box=SIMPLE_HEAD)
    for status, count in statuses(done).items():
        found = [one for each in done for one in each.corrected if one.status == status]
        moved, radius = (
            sorted(each)[count // 2] for each in ([o.moved_m for o in found], [o.radius_m_95 for o in found])
        )
        table.add_row(str(count), status, MEANING[status], f"{moved:.1f} m" if moved else "", f"{radius:.0f} m")
    console.print(table)
    between = sum(stop.row is None for each in done for stop in each.job.stops)
    console.print(
        f"{len(folder.names) - len(unmatched)} of {len(folder.names)} photos belong to a fix, {between} of them to one "
        "of their own, on the line between two.",
        soft_wrap=True,
    )
    if unmatched:
        more = f" and {len(unmatched) - 5} more" if len(unmatched) > 5 else ""
        console.print(escape(f"No fix was taken near {', '.join(unmatched[:5])}{more}."), style="dim", soft_wrap=True)
    for each in done:
        for told in notices_out(each.notices):
            about = f" ({len(told.fix_indexes)} fixes)" if told.fix_indexes else ""
            console.print(escape(f"{told.code}: {told.detail}{about}"), style="dim", soft_wrap=True)
    for notice in notices:
        console.print(escape(f"{notice.code}: {notice.detail}"), style="dim", soft_wrap=True)
    for path in written:
        console.print(escape(f"written: {path}"), soft_wrap=True)
