"""What a calibration was worth, gallery by gallery, and what its photos can promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.calibration.check import Check, check
from models.calibration.cities import Part
from models.calibration.conformal import photos_for, photos_needed, promise
from models.calibration.evidence import hidden
from models.calibration.joining import stacked
from models.calibration.model import Calibration
from models.calibration.refit import Refit
from models.evaluation.evidence import CellEvidence

WITHIN = 0.03


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    what: str
    tiles: int
    """0 for one's own photos."""
    check: Check


def rows_of_cities(parts: Sequence[Part], calibration: Calibration) -> list[Row]:
    """One row a field of view and gallery, the photos of all cities together."""
    return list(_rows_of_cities(parts, calibration))


def _rows_of_cities(parts: Sequence[Part], calibration: Calibration) -> Iterator[Row]:
    for fov_deg, what, size in dict.fromkeys((part.fov_deg, part.what, part.size) for part in parts):
        alike = [part.evidence for part in parts if (part.fov_deg, part.what, part.size) == (fov_deg, what, size)]
        yield Row(what, size, check(stacked(alike), calibration))


def rows_of_own(parts: Sequence[CellEvidence], calibration: Calibration) -> list[Row]:
    """One row a part, and one with each photo's own place hidden from it."""
    rows = []
    for part in parts:
        rows.append(Row("own photos", 0, check(part, calibration)))
        rows.append(Row("their own place hidden", 0, check(hidden(part), calibration)))
    return rows


def promise_lines(found: Refit) -> list[str]:
    """Say in words what so many photos can promise, and how many it takes for more.

    The statement holds for photos that come from where these came from, whatever the model is worth.
    """
    lines = [
        f"{found.photos} photos. "
        + (
            f"{found.fitted_on} of them moved the likelihood (three numbers), the other {found.promised_by} made the "
            "promises."
            if found.fitted_on
            else "All of them made the promises; the likelihood stayed as it was."
        )
    ]
    for percent in (68, 95):
        coverage = percent / 100
        made = promise(found.promised_by, coverage)
        if made is None:
            lines.append(
                f"radius_m_{percent}: stays as it was; {found.promised_by} photos promise nothing, "
                f"{photos_needed(coverage)} are the least."
            )
        else:
            lines.append(
                f"radius_m_{percent}: covers at least {coverage:.0%} of new photos on average; with 90 % certainty "
                f"between {made.low:.1%} and {made.high:.1%} of them."
            )
        lines.append(
            f"  For +-{WITHIN:.0%} with 90 % certainty it takes {photos_for(coverage, WITHIN)} photos that promise."
        )
    return lines
