"""docs/calibration.md says numbers that can be computed; they are."""

from __future__ import annotations

import re
from pathlib import Path

from models.calibration.conformal import Promise, photos_for, photos_needed, promise

PAGE = (Path(__file__).parents[3] / "docs" / "calibration.md").read_text()


def shown(found: Promise | None) -> str:
    return "stays as it was" if found is None else f"{100 * found.low:.1f} to {100 * found.high:.1f} %"


def test_the_table_of_promises() -> None:
    rows = re.findall(r"^\| ([\d,]+) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert len(rows) > 5
    for count, of_68, of_95 in rows:
        number = int(count.replace(",", ""))
        assert [of_68, of_95] == [shown(promise(number, 0.68)), shown(promise(number, 0.95))]


def test_numbers_of_photos() -> None:
    text = " ".join(PAGE.split())
    needed = f"of 68 % takes {photos_for(0.68, 0.03)} photos, within +-3 % of 95 % {photos_for(0.95, 0.03)}."
    assert needed in text
    assert f"{photos_needed(0.68)} for 68 %, {photos_needed(0.95)} for 95 %" in text
